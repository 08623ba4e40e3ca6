//! The people of a run on their stage: how they begin, come to rest, and what they met in the end.

use crate::browser::Browsers;
use crate::faults::KEY;
use crate::history::{Allowed, History, Kind, Stored};
use crate::people::{Person, Scene, Who};
use harness::random::Random;
use harness::redis::Redis;
use harness::value::{field, int, list, text};
use room_core::position::{Position, Seq};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// By when everybody must be at rest after all has healed.
const REST: Duration = Duration::from_secs(30);
const ROOM: &str = "r";
/// Who takes part: device, uid, kind.
type Role = (&'static str, &'static str, Kind);

const CAST: [Role; 6] = [
    ("ann", "ann", Kind::Careful),
    ("phone", "ben", Kind::Careful),
    ("laptop", "ben", Kind::Careful),
    ("cleo", "cleo", Kind::Careful),
    ("pat", "pat", Kind::Plain),
    ("pia", "pia", Kind::Plain),
];

/// The same with the package: Ann has two tabs of one browser. Those of one browser are neighbours.
const WITH_PACKAGE: [Role; 7] = [
    ("left", "ann", Kind::Package),
    ("right", "ann", Kind::Package),
    ("phone", "ben", Kind::Careful),
    ("laptop", "ben", Kind::Package),
    ("cleo", "cleo", Kind::Package),
    ("pat", "pat", Kind::Plain),
    ("pia", "pia", Kind::Plain),
];

/// Who takes part in a run. With the package Ben's laptop and Cleo may be programs of another kind.
fn cast(with_package: bool, random: &mut Random) -> Vec<Role> {
    if !with_package {
        return CAST.to_vec();
    }
    let role = |(device, uid, kind): Role| match uid {
        "ben" | "cleo" if random.below(3) == 0 => (device, uid, Kind::Careful),
        _ => (device, uid, kind),
    };
    WITH_PACKAGE.map(role).to_vec()
}

/// See the top of the file.
pub(crate) struct Stage {
    scene: Arc<Scene>,
    pub(crate) people: Vec<Person>,
    /// Uids of those whose cursors are looked at.
    plain: Vec<&'static str>,
    cursors: Vec<(u64, String, Seq)>,
    restless: Vec<String>,
}

impl Stage {
    /// Everybody comes, by one of the proxies at these ports.
    pub(crate) fn begin(ports: Vec<u16>, browsers: Option<Browsers>, random: &mut Random) -> Self {
        let scene = Arc::new(Scene::restless(ports));
        let cast = cast(browsers.is_some(), random);
        let who = |(device, uid, kind): &Role| Who {
            device,
            uid,
            kind: *kind,
            shared: cast.iter().filter(|(_, other, _)| other == uid).count() > 1,
        };
        let all: Vec<Who> = cast.iter().map(who).collect();
        let in_one = |one: &Who, other: &Who| {
            one.uid == other.uid && (one.kind, other.kind) == (Kind::Package, Kind::Package)
        };
        let mut people = Vec::new();
        for some in all.chunk_by(in_one) {
            let own = Random::new(random.below(usize::MAX) as u64);
            let home = random.below(2) as u64;
            match some {
                [who] if who.kind != Kind::Package => {
                    let rooms = [ROOM.to_owned()];
                    people.push(Person::start(scene.clone(), *who, &rooms, home, own));
                }
                tabs => {
                    let browsers = browsers.unwrap_or_default();
                    people.extend(browsers.open(&scene, tabs, ROOM, home, own));
                }
            }
        }
        let plain = cast.iter().filter(|(.., kind)| *kind == Kind::Plain);
        let plain = plain.map(|(_, uid, _)| *uid).collect();
        Self {
            scene,
            people,
            plain,
            cursors: Vec::new(),
            restless: Vec::new(),
        }
    }

    /// Milliseconds since it began.
    pub(crate) fn now(&self) -> u64 {
        self.scene.now()
    }

    pub(crate) fn talk(&self, talking: bool) {
        self.scene.talking.store(talking, Relaxed);
    }

    /// Waits until everybody has everything and nothing is on its way; notes who does not.
    pub(crate) fn come_to_rest(&mut self, redis: &Redis) {
        let deadline = Instant::now() + REST;
        let mut calm = 0;
        loop {
            let head = head(redis, KEY);
            let restless: Vec<String> = self
                .people
                .iter()
                .filter_map(|it| it.restless(head))
                .collect();
            calm = if restless.is_empty() { calm + 1 } else { 0 };
            if calm == 3 {
                return;
            }
            if Instant::now() > deadline {
                self.restless.extend(restless);
                return;
            }
            sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn look_at_cursors(&mut self, redis: &Redis) {
        for uid in &self.plain {
            let pending = redis.run_words(&format!("ROOM.PENDING {KEY} {uid}"));
            if let Ok(pending) = pending {
                let cursor = int(&field(&pending, "cursor")) as Seq;
                self.cursors.push((self.now(), (*uid).to_owned(), cursor));
            }
        }
    }

    /// All go; what they met, and what the room holds.
    pub(crate) fn end(self, redis: &Redis, allowed: Allowed) -> History {
        self.scene.over.store(true, Relaxed);
        let diaries = self.people.into_iter().flat_map(Person::diaries);
        let diaries = diaries.map(|(_, diary)| diary).collect();
        let (before, log) = read_log(redis, KEY);
        History {
            allowed,
            diaries,
            before,
            log,
            cursors: self.cursors,
            restless: self.restless,
        }
    }
}

/// Where a room is, if there is one.
pub(crate) fn head(redis: &Redis, key: &str) -> Option<Position> {
    let heads = redis.run_words(&format!("ROOM.HEADS {key}")).ok()?;
    match list(&heads).first()? {
        redis::Value::Nil => None,
        position => text(position).parse().ok(),
    }
}

/// The whole log, with positions by the chain.
pub(crate) fn read_log(redis: &Redis, key: &str) -> (Position, Vec<Stored>) {
    let page = |from: Seq| {
        let command = format!("ROOM.RANGE {key} {from} + COUNT 10000");
        let page = redis.run_words(&command);
        page.unwrap_or_else(|error| panic!("the log: {error}"))
    };
    let mut next = page(0);
    let before: Position = text(&field(&next, "before")).parse().expect("a position");
    let (mut at, mut log) = (before, Vec::new());
    loop {
        let rows = field(&next, "rows");
        log.extend(list(&rows).iter().map(|row| stored(&mut at, list(row))));
        if int(&field(&next, "more")) == 0 {
            break;
        }
        next = page(at.seq + 1);
    }
    assert_eq!(
        Some(at),
        text(&field(&next, "head")).parse().ok(),
        "the chain leads to the head"
    );
    (before, log)
}

/// The message that follows.
fn stored(at: &mut Position, row: &[redis::Value]) -> Stored {
    let (ms, uid, payload) = (int(&row[1]) as u64, text(&row[2]), text(&row[3]));
    *at = at.next(ms, uid.as_bytes(), payload.as_bytes());
    let event: serde_json::Value = serde_json::from_str(&payload).expect("JSON in the log");
    Stored {
        position: *at,
        uid,
        text: event["message"].as_str().unwrap_or("?").to_owned(),
    }
}
