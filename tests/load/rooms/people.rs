//! People in many rooms, in Roomcast's protocol and in Centrifugo's. Whoever is in says something to one of its rooms now and
//! then, in turns; what comes is confirmed where that is known.

use super::town::Town;
use crate::crowd::{Heard, Said, Talk};
use crate::peers::person::{between, find};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What is said: about a hundred bytes with its event.
const TEXT: &str = "what people say in a room when they have a minute, no more than this";

/// A protocol, as far as these people need it.
pub(crate) trait Words: Send + Sync {
    fn path(&self) -> (&'static str, Option<&'static str>);
    /// Comes to these rooms.
    fn login(&self, person: usize, rooms: &mut dyn Iterator<Item = usize>) -> String;
    /// Says something in a room.
    fn say(&self, room: usize) -> String;
    /// What an incoming WebSocket message holds.
    fn heard(&self, bytes: &[u8]) -> Meant;
}

/// See [`Words::heard`].
#[derive(Default)]
pub(crate) struct Meant {
    messages: u64,
    /// Rooms that it is in now.
    entered: u32,
    answers: Vec<String>,
}

/// See the top of the file.
pub(crate) struct People {
    words: Box<dyn Words>,
    town: Arc<Town>,
    pause: Duration,
    /// How many rooms each is in.
    entered: Vec<AtomicU32>,
    /// They may talk.
    pub(crate) talks: AtomicBool,
    /// What all have said.
    pub(crate) said: AtomicU64,
}

impl People {
    /// In each room somebody says something every so many seconds.
    pub(crate) fn new(words: Box<dyn Words>, town: Arc<Town>, every: f64) -> Self {
        let pause = every * town.together() as f64 / town.each() as f64;
        Self {
            words,
            pause: Duration::from_secs_f64(pause),
            entered: (0..town.people()).map(|_| AtomicU32::new(0)).collect(),
            town,
            talks: AtomicBool::new(false),
            said: AtomicU64::new(0),
        }
    }

    /// They are in no room any more.
    pub(crate) fn forget(&self) {
        self.entered
            .iter()
            .for_each(|entered| entered.store(0, Relaxed));
    }
}

impl Talk for People {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        self.words.path()
    }

    fn hello(&self, client: usize, _: bool) -> Vec<Said> {
        let mut rooms = (0..self.town.each()).map(|n| self.town.room(client, n));
        vec![Said::Text(self.words.login(client, &mut rooms))]
    }

    fn heard(&self, client: usize, bytes: &[u8]) -> Heard {
        let meant = self.words.heard(bytes);
        let all = self.town.each() as u32;
        let before = self.entered[client].fetch_add(meant.entered, Relaxed);
        Heard {
            messages: meant.messages,
            ready: meant.entered > 0 && before + meant.entered == all,
            answers: meant.answers.into_iter().map(Said::Text).collect(),
        }
    }

    fn pause(&self) -> Option<Duration> {
        Some(self.pause)
    }

    fn says(&self, client: usize, turn: usize) -> Option<Said> {
        if !self.talks.load(Relaxed) {
            return None;
        }
        self.said.fetch_add(1, Relaxed);
        // Whoever shares a room with others takes another turn there.
        let n = (turn + client) % self.town.each();
        Some(Said::Text(self.words.say(self.town.room(client, n))))
    }
}

/// Roomcast's.
pub(crate) struct Events;

impl Words for Events {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/ws", None)
    }

    fn login(&self, person: usize, rooms: &mut dyn Iterator<Item = usize>) -> String {
        let rooms: Vec<String> = rooms
            .map(|room| format!(r#"{{"roomid":"r{room}"}}"#))
            .collect();
        let rooms = rooms.join(",");
        format!(
            r#"{{"event":"login","uid":"client-{person:09}","ack":"client","rooms":[{rooms}]}}"#
        )
    }

    fn say(&self, room: usize) -> String {
        format!(r#"{{"event":"message","roomid":"r{room}","message":"{TEXT}"}}"#)
    }

    fn heard(&self, bytes: &[u8]) -> Meant {
        let is = |event: &str| {
            let rest = bytes.strip_prefix(b"{\"event\":\"");
            rest.is_some_and(|rest| rest.starts_with(event.as_bytes()))
        };
        let mut meant = Meant::default();
        if is("heartbeat") {
            meant
                .answers
                .push(r#"{"event":"heartbeat","message":"pong"}"#.into());
        } else if is("synced") {
            meant.entered = 1;
        } else if is("message\"") {
            meant.messages = 1;
            let roomid = between(bytes, b"\"roomid\":\"", b'"').unwrap_or_default();
            let position = between(bytes, b"\"position\":\"", b'"').unwrap_or_default();
            meant.answers.push(format!(
                r#"{{"event":"ack","roomid":"{roomid}","position":"{position}"}}"#
            ));
        }
        meant
    }
}

/// Centrifugo's: lines.
pub(crate) struct Lines;

impl Words for Lines {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/connection/websocket", None)
    }

    fn login(&self, _: usize, rooms: &mut dyn Iterator<Item = usize>) -> String {
        let mut lines = vec![r#"{"id":1,"connect":{}}"#.to_owned()];
        lines.extend(rooms.enumerate().map(|(n, room)| {
            let id = n + 2;
            format!(r#"{{"id":{id},"subscribe":{{"channel":"r{room}"}}}}"#)
        }));
        lines.join("\n")
    }

    fn say(&self, room: usize) -> String {
        format!(r#"{{"id":1000,"publish":{{"channel":"r{room}","data":{{"message":"{TEXT}"}}}}}}"#)
    }

    fn heard(&self, bytes: &[u8]) -> Meant {
        let mut meant = Meant::default();
        for line in bytes.split(|byte| *byte == b'\n') {
            if line == b"{}" {
                meant.answers.push("{}".into());
            } else if line.starts_with(b"{\"push\"") {
                meant.messages += u64::from(find(line, b"\"pub\":").is_some());
            } else if find(line, b"\"subscribe\":").is_some() {
                meant.entered += 1;
            }
        }
        meant
    }
}
