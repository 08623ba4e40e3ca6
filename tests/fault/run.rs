//! One run: people talk while things go wrong; then all heals, comes to rest, and is judged.

use crate::checker::judge;
use crate::faults::{Fault, KEY, OTHER_HISTORY, STEADY};
use crate::history::{Allowed, History, Kind, Stored};
use crate::people::{Person, Scene};
use crate::world::{Defect, World};
use harness::random::Random;
use harness::redis::Redis;
use harness::value::{field, int, list, text};
use room_core::position::{Position, Seq};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// By when everybody must be at rest after all has healed.
const REST: Duration = Duration::from_secs(30);
const ROOM: &str = "r";
/// Who takes part: device, uid, kind.
const CAST: [(&str, &str, Kind); 6] = [
    ("ann", "ann", Kind::Careful),
    ("phone", "ben", Kind::Careful),
    ("laptop", "ben", Kind::Careful),
    ("cleo", "cleo", Kind::Careful),
    ("pat", "pat", Kind::Plain),
    ("pia", "pia", Kind::Plain),
];

/// What is to go wrong.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) faults: Vec<Fault>,
    pub(crate) defect: Option<Defect>,
}

impl Plan {
    /// One that the seed decides.
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut faults: Vec<Fault> = (0..2 + random.below(3))
            .map(|_| STEADY[random.below(STEADY.len())])
            .collect();
        let special = match random.below(3) {
            0 => None,
            1 => Some(OTHER_HISTORY[random.below(OTHER_HISTORY.len())]),
            _ => Some(Fault::LimitDrops),
        };
        if let Some(special) = special {
            faults.insert(random.below(faults.len() + 1), special);
        }
        Self {
            seed,
            faults,
            defect: None,
        }
    }

    fn allowed(&self) -> Allowed {
        let any = |of: fn(Allowed) -> bool| self.faults.iter().any(|fault| of(fault.allows()));
        Allowed {
            other_history: any(|allowed| allowed.other_history),
            drops: any(|allowed| allowed.drops),
        }
    }

    /// What was broken, in words.
    pub(crate) fn run(&self) -> Vec<String> {
        let history = Run::begin(self).play();
        let broken = judge(&history);
        if !broken.is_empty() && self.defect.is_none() {
            let path = std::env::temp_dir().join(format!("roomcast-fault-{}.txt", self.seed));
            let _ = std::fs::write(&path, told(&history));
            eprintln!("the whole history: {}", path.display());
        }
        broken
    }

    /// Runs it.
    ///
    /// # Panics
    /// If a promise was broken, with the seed.
    pub(crate) fn must_hold(&self) {
        let broken = self.run();
        assert!(
            broken.is_empty(),
            "{self:?}\nbroken promises: {}",
            harness::shown::first(&broken)
        );
    }
}

struct Run {
    plan: Plan,
    world: World,
    scene: Arc<Scene>,
    people: Vec<Person>,
    random: Random,
    cursors: Vec<(u64, String, Seq)>,
}

impl Run {
    fn begin(plan: &Plan) -> Self {
        let mut random = Random::new(plan.seed ^ 0x5eed);
        let with_replica = plan.faults.iter().any(|fault| fault.wants_replica());
        let world = World::start(with_replica, plan.defect);
        let scene = Arc::new(Scene {
            roomid: ROOM.into(),
            ports: world.ports(),
            began: Instant::now(),
            talking: AtomicBool::new(false),
            over: AtomicBool::new(false),
        });
        let people = CAST.map(|(device, uid, kind)| {
            let shared = CAST.iter().filter(|(_, other, _)| *other == uid).count() > 1;
            let own = Random::new(random.below(usize::MAX) as u64);
            let person = Person::start(scene.clone(), device, uid, kind, shared, own);
            person.strings.home.store(random.below(2) as u64, Relaxed);
            person
        });
        Self {
            plan: plan.clone(),
            world,
            scene,
            people: people.into(),
            random,
            cursors: Vec::new(),
        }
    }

    fn play(mut self) -> History {
        let mut restless = self.come_to_rest();
        self.scene.talking.store(true, Relaxed);
        sleep(Duration::from_millis(400));
        for fault in self.plan.faults.clone() {
            if fault.wants_replica() && !self.world.has_replica() {
                continue;
            }
            fault.play(&mut self.world, &self.people, &mut self.random);
            self.look_at_cursors();
            sleep(Duration::from_millis(200 + self.random.below(600) as u64));
        }
        self.world.heal();
        sleep(Duration::from_millis(300));
        self.look_at_cursors();
        self.scene.talking.store(false, Relaxed);
        restless.extend(self.come_to_rest());
        self.scene.over.store(true, Relaxed);
        let diaries = self.people.into_iter().map(Person::diary).collect();
        let (before, log) = read_log(&self.world.redis);
        History {
            allowed: self.plan.allowed(),
            diaries,
            before,
            log,
            cursors: self.cursors,
            restless,
        }
    }

    /// Waits until everybody has everything and nothing is on its way; says who does not.
    fn come_to_rest(&self) -> Vec<String> {
        let deadline = Instant::now() + REST;
        let mut calm = 0;
        loop {
            let head = head(&self.world.redis);
            let restless: Vec<String> = CAST
                .iter()
                .zip(&self.people)
                .filter_map(|((device, ..), person)| {
                    let (at, why) = person.strings.state.lock().expect("a state").clone();
                    (!why.is_empty() || at != head).then(|| {
                        format!("{device} did not come to rest at {head:?}: {why}, at {at:?}")
                    })
                })
                .collect();
            calm = if restless.is_empty() { calm + 1 } else { 0 };
            if calm == 3 {
                return Vec::new();
            }
            if Instant::now() > deadline {
                return restless;
            }
            sleep(Duration::from_millis(50));
        }
    }

    fn look_at_cursors(&mut self) {
        for (_, uid, _) in CAST.iter().filter(|(_, _, kind)| *kind == Kind::Plain) {
            let pending = self
                .world
                .redis
                .run_words(&format!("ROOM.PENDING {KEY} {uid}"));
            if let Ok(pending) = pending {
                let cursor = int(&field(&pending, "cursor")) as Seq;
                let now = self.scene.began.elapsed().as_millis() as u64;
                self.cursors.push((now, (*uid).to_owned(), cursor));
            }
        }
    }
}

fn head(redis: &Redis) -> Option<Position> {
    let heads = redis.run_words(&format!("ROOM.HEADS {KEY}")).ok()?;
    match list(&heads).first()? {
        redis::Value::Nil => None,
        position => text(position).parse().ok(),
    }
}

/// The whole log, with positions by the chain.
fn read_log(redis: &Redis) -> (Position, Vec<Stored>) {
    let page = redis
        .run_words(&format!(
            "ROOM.RANGE {KEY} - + COUNT 1000000 BYTES 100000000"
        ))
        .unwrap_or_else(|error| panic!("the log: {error}"));
    let before: Position = text(&field(&page, "before")).parse().expect("a position");
    let mut at = before;
    let rows = field(&page, "rows");
    let log = list(&rows).iter().map(|row| {
        let row = list(row);
        let (ms, uid, payload) = (int(&row[1]) as u64, text(&row[2]), text(&row[3]));
        at = at.next(ms, uid.as_bytes(), payload.as_bytes());
        let event: serde_json::Value = serde_json::from_str(&payload).expect("JSON in the log");
        Stored {
            position: at,
            uid,
            text: event["message"].as_str().unwrap_or("?").to_owned(),
        }
    });
    let log = log.collect();
    assert_eq!(
        Some(at),
        text(&field(&page, "head")).parse().ok(),
        "the chain leads to the head"
    );
    (before, log)
}

fn told(history: &History) -> String {
    let mut out = format!("{:?}\nbefore {}\n", history.allowed, history.before);
    for row in &history.log {
        let _ = writeln!(out, "log {} {} {}", row.position, row.uid, row.text);
    }
    for (ms, uid, cursor) in &history.cursors {
        let _ = writeln!(out, "cursor {ms} {uid} {cursor}");
    }
    for diary in &history.diaries {
        let _ = writeln!(
            out,
            "\n{} as {} ({:?})",
            diary.device, diary.uid, diary.kind
        );
        for (ms, event) in &diary.moments {
            let _ = writeln!(out, "{ms:>7} {event:?}");
        }
    }
    out
}
