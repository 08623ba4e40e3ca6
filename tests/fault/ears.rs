//! Rooms in which everybody only listens, each by another proxy: an operator says something at the node that has the room, again
//! and again, and everybody is to hear it soon after it was stored.

use crate::crowd::{Crowd, patient};
use crate::history::{Allowed, Event, History};
use crate::people::Scene;
use harness::follower::Follower;
use harness::random::Random;
use harness::redis::Redis;
use redis::cmd;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

/// Between two messages in a room.
const PACE: Duration = Duration::from_millis(50);
/// A node that does not answer the operator in time may be dead: another one is asked.
const PATIENCE: Duration = Duration::from_millis(300);
/// Whose word it is: one of those who listen.
const UID: &str = "ear0";

/// When something was stored, in milliseconds.
type Stored = Arc<Mutex<Vec<(u64, String)>>>;

/// See the top of the file.
pub(crate) struct Ears {
    crowd: Crowd,
    operators: Vec<JoinHandle<()>>,
    /// The operators are to end.
    hushed: Arc<AtomicBool>,
    stored: BTreeMap<String, Stored>,
}

/// What was said and heard.
pub(crate) struct Heard {
    pub(crate) histories: Vec<(String, History)>,
    stored: BTreeMap<String, Vec<(u64, String)>>,
}

impl Ears {
    /// One at each proxy, in all of these rooms. Nothing is said yet.
    pub(crate) fn begin(proxies: Vec<u16>, rooms: &[String], random: &mut Random) -> Self {
        let scene = patient(proxies, (1, 1));
        Self {
            crowd: Crowd::of_ears(&scene, rooms, random),
            operators: Vec::new(),
            hushed: Arc::default(),
            stored: BTreeMap::new(),
        }
    }

    pub(crate) fn now(&self) -> u64 {
        self.crowd.scene.now()
    }

    pub(crate) fn come_to_rest<'a>(&mut self, owner: impl Fn(&str) -> &'a Redis) {
        self.crowd.come_to_rest(owner);
    }

    /// An operator who knows these nodes begins to say something in a room.
    pub(crate) fn say(&mut self, room: &str, nodes: Vec<u16>) {
        let stored = Stored::default();
        self.stored.insert(room.to_owned(), stored.clone());
        let (scene, hushed) = (self.crowd.scene.clone(), self.hushed.clone());
        let room = room.to_owned();
        let operator = spawn(move || operate(&scene, &hushed, &room, nodes, &stored));
        self.operators.push(operator);
    }

    /// Says one thing in a room in which nobody else does, at the node that has it.
    pub(crate) fn say_once(&mut self, room: &str, nodes: &[u16]) {
        let mut follower = Follower::of(nodes.iter().copied());
        let stored = self.stored.entry(room.to_owned()).or_default();
        let mut stored = stored.lock().expect("a list");
        let text = format!("operator-{}", stored.len() + 1);
        publish(&mut follower, room, &text).expect("it is stored");
        stored.push((self.crowd.scene.now(), text));
    }

    /// The operators end.
    pub(crate) fn hush(&mut self) {
        self.hushed.store(true, Relaxed);
        for operator in self.operators.drain(..) {
            operator.join().expect("an operator that did not panic");
        }
    }

    pub(crate) fn ended(&self) -> Vec<String> {
        self.crowd.scene.ended.lock().expect("a list").clone()
    }

    pub(crate) fn end<'a>(
        self,
        owner: impl Fn(&str) -> &'a Redis,
        allowed: impl Fn(&str) -> Allowed,
    ) -> Heard {
        let mut histories = self.crowd.end(owner, allowed);
        let stored = self.stored.into_iter();
        let stored = stored.map(|(room, stored)| (room, stored.lock().expect("a list").clone()));
        let stored: BTreeMap<_, _> = stored.collect();
        for (_, history) in &mut histories {
            // What may have been stored though nobody said so is in the log as well.
            let said = history
                .log
                .iter()
                .map(|row| (0, Event::Sent(row.text.clone())));
            let said: Vec<_> = said.collect();
            let first = history.diaries.iter_mut().find(|diary| diary.uid == UID);
            if let Some(first) = first {
                first.moments.splice(..0, said);
            }
        }
        Heard { histories, stored }
    }
}

fn operate(scene: &Scene, hushed: &AtomicBool, room: &str, nodes: Vec<u16>, stored: &Stored) {
    let mut follower = Follower::of(nodes).patient(PATIENCE);
    let mut number = 1;
    while !hushed.load(Relaxed) {
        let text = format!("operator-{number}");
        if publish(&mut follower, room, &text).is_ok() {
            stored.lock().expect("a list").push((scene.now(), text));
            number += 1;
        }
        sleep(PACE);
    }
}

fn publish(follower: &mut Follower, room: &str, text: &str) -> Result<(), redis::RedisError> {
    let mut publish = cmd("ROOM.PUBLISH");
    publish.arg(format!("room:{room}")).arg(UID);
    publish.arg(format!(r#"{{"event":"message","message":"{text}"}}"#));
    // Said again it is stored once.
    publish.arg("ID").arg(text);
    follower.run(&publish).map(drop)
}

impl Heard {
    /// What was on its way for longest, of what was stored from `from` to `to` and is in the room: how long, and what.
    pub(crate) fn longest(&self, from: u64, to: u64) -> (u64, String) {
        let mut longest = (0, "nothing".to_owned());
        for (room, history) in &self.histories {
            let held: HashSet<&str> = history.log.iter().map(|row| &*row.text).collect();
            let stored = self.stored.get(room).into_iter().flatten();
            let stored =
                stored.filter(|(ms, text)| (from..=to).contains(ms) && held.contains(&**text));
            let stored: Vec<_> = stored.collect();
            for diary in &history.diaries {
                let moments = diary.moments.iter();
                let saw = moments.filter_map(|(ms, event)| match event {
                    Event::Saw { text, .. } => Some((&**text, *ms)),
                    _ => None,
                });
                let saw: HashMap<&str, u64> = saw.collect();
                for (ms, text) in &stored {
                    // Who never heard it the checker tells.
                    let took = saw.get(&**text).map_or(0, |saw| saw.saturating_sub(*ms));
                    if took > longest.0 {
                        longest = (
                            took,
                            format!("'{text}' of {room}, stored at {ms} ms, by {}", diary.device),
                        );
                    }
                }
            }
        }
        longest
    }

    /// The longest time in which nothing could be stored in some room, of those that ended from `from` to `to`.
    pub(crate) fn deaf(&self, from: u64, to: u64) -> u64 {
        let of_room = |stored: &Vec<(u64, String)>| {
            let pairs = stored.windows(2).filter_map(|two| match two {
                [(one, _), (other, _)] if (from..=to).contains(other) => Some(other - one),
                _ => None,
            });
            pairs.max().unwrap_or(0)
        };
        // A room in which something was said now and then says nothing of that.
        let rooms = self.stored.values().filter(|stored| stored.len() > 50);
        rooms.map(of_room).max().unwrap_or(0)
    }
}
