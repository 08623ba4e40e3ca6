//! People in many rooms: a few in each, and each of them there by another proxy; and what they met, room by room.

use crate::history::{Allowed, Diary, History, Kind};
use crate::people::{Person, Scene, Who};
use crate::stage::{head, read_log};
use harness::random::Random;
use harness::redis::Redis;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// By when everybody must be at rest after all has healed.
const REST: Duration = Duration::from_secs(30);

/// Who is where. There are as many people in each room as there are proxies.
pub(crate) struct Size {
    pub(crate) rooms: usize,
    /// Rooms of one person.
    pub(crate) each: usize,
    pub(crate) proxies: usize,
}

/// Somebody who is to come.
pub(crate) struct Guest {
    pub(crate) device: String,
    pub(crate) uid: String,
    pub(crate) kind: Kind,
    /// Another device has the same uid.
    pub(crate) shared: bool,
    pub(crate) rooms: Vec<String>,
}

/// See the top of the file.
pub(crate) struct Crowd {
    pub(crate) scene: Arc<Scene>,
    people: Vec<(Vec<String>, Person)>,
    restless: Vec<String>,
}

/// A scene in which people stay where they are, whatever happens, and have time.
pub(crate) fn patient(ports: Vec<u16>, pace: (u64, usize)) -> Arc<Scene> {
    Arc::new(Scene {
        ports,
        began: Instant::now(),
        dead_after: Duration::from_secs(20),
        answers_within: Duration::from_secs(20),
        pace,
        stays: true,
        looks: Duration::from_millis(20),
        talking: AtomicBool::new(false),
        over: AtomicBool::new(false),
        ended: Mutex::default(),
    })
}

impl Guest {
    /// Somebody with one device.
    fn alone(device: String, kind: Kind, rooms: &[String]) -> Self {
        Self {
            uid: device.clone(),
            device,
            kind,
            shared: false,
            rooms: rooms.to_vec(),
        }
    }
}

impl Crowd {
    /// Everybody comes, each to a proxy of this scene.
    pub(crate) fn begin(scene: &Arc<Scene>, size: &Size, random: &mut Random) -> Self {
        let names: Vec<String> = (0..size.rooms).map(|room| format!("r{room}")).collect();
        let mut guests = Vec::new();
        for home in 0..size.proxies {
            for (number, rooms) in names.chunks(size.each).enumerate() {
                // One of six is as the tutorial's client is.
                let kind = match guests.len() % 6 {
                    5 => Kind::Plain,
                    _ => Kind::Careful,
                };
                let guest = Guest::alone(format!("p{home}x{number}"), kind, rooms);
                guests.push((home, guest));
            }
        }
        Self::homes(scene, guests, random)
    }

    /// Everybody comes, to any of the proxies.
    pub(crate) fn of(scene: &Arc<Scene>, guests: Vec<Guest>, random: &mut Random) -> Self {
        let guests = guests.into_iter().enumerate();
        Self::homes(scene, guests.collect(), random)
    }

    fn homes(scene: &Arc<Scene>, guests: Vec<(usize, Guest)>, random: &mut Random) -> Self {
        let people = guests.into_iter().map(|(home, guest)| {
            let own = Random::new(random.below(usize::MAX) as u64);
            let who = Who {
                device: &guest.device,
                uid: &guest.uid,
                kind: guest.kind,
                shared: guest.shared,
            };
            let person = Person::start(scene.clone(), who, &guest.rooms, home as u64, own);
            (guest.rooms, person)
        });
        Self {
            scene: scene.clone(),
            people: people.collect(),
            restless: Vec::new(),
        }
    }

    /// A crowd of one person at each proxy, all in the same rooms.
    pub(crate) fn of_ears(scene: &Arc<Scene>, rooms: &[String], random: &mut Random) -> Self {
        let ear = |home| {
            let guest = Guest::alone(format!("ear{home}"), Kind::Careful, rooms);
            (home, guest)
        };
        Self::homes(scene, (0..scene.ports.len()).map(ear).collect(), random)
    }

    pub(crate) fn talk(&self, talking: bool) {
        self.scene.talking.store(talking, Relaxed);
    }

    /// The connections of some drop without a word.
    pub(crate) fn drop_some(&self, many: usize, random: &mut Random) {
        for _ in 0..many {
            let (_, person) = &self.people[random.below(self.people.len())];
            person.strings.drops.fetch_add(1, Relaxed);
        }
    }

    /// Waits until everybody has everything and nothing is on its way; notes who does not.
    pub(crate) fn come_to_rest<'a>(&mut self, owner: impl Fn(&str) -> &'a Redis) {
        let deadline = Instant::now() + REST;
        let mut calm = 0;
        while calm < 2 {
            let restless = self.restless(&owner);
            calm = if restless.is_empty() { calm + 1 } else { 0 };
            if Instant::now() > deadline {
                self.restless.extend(restless);
                return;
            }
            sleep(Duration::from_millis(50));
        }
    }

    fn restless<'a>(&self, owner: impl Fn(&str) -> &'a Redis) -> Vec<String> {
        let mut heads = BTreeMap::new();
        let mut restless = Vec::new();
        for (rooms, person) in &self.people {
            let states = person.strings.states.lock().expect("states").clone();
            for (room, (at, why)) in rooms.iter().zip(states) {
                let key = format!("room:{room}");
                let head = heads.entry(room).or_insert_with(|| head(owner(&key), &key));
                if !why.is_empty() || at != *head {
                    let words =
                        format!("{room}: somebody is not at rest at {head:?}: {why}, at {at:?}");
                    restless.push(words);
                }
            }
        }
        restless
    }

    /// All go; what they met in each room, and what it holds.
    pub(crate) fn end<'a>(
        self,
        owner: impl Fn(&str) -> &'a Redis,
        allowed: impl Fn(&str) -> Allowed,
    ) -> Vec<(String, History)> {
        self.scene.over.store(true, Relaxed);
        let mut rooms: BTreeMap<String, Vec<Diary>> = BTreeMap::new();
        let all = self.people.into_iter();
        for (room, diary) in all.flat_map(|(_, person)| person.diaries()) {
            rooms.entry(room).or_default().push(diary);
        }
        let mut restless = self.restless;
        let history = |(room, diaries): (String, Vec<Diary>)| {
            let key = format!("room:{room}");
            let (before, log) = read_log(owner(&key), &key);
            let of_it = |words: &String| words.starts_with(&format!("{room}: "));
            let history = History {
                allowed: allowed(&key),
                diaries,
                before,
                log,
                cursors: Vec::new(),
                restless: restless.extract_if(.., |words| of_it(words)).collect(),
            };
            (room, history)
        };
        rooms.into_iter().map(history).collect()
    }
}
