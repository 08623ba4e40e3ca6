//! Hearing who came and who went, and what else a room is told.

use harness::connection::Connection;
use harness::eventually::PATIENCE;
use harness::redis::Redis;
use harness::value::ok;
use redis::Value;
use room_core::announce::{self, Kind, control};
use std::time::Duration;

/// Subscribed to one room.
pub(crate) struct Ear(Connection);

/// An announcement.
struct Told {
    kind: Kind,
    uid: String,
    payload: String,
}

impl Ear {
    pub(crate) fn on(redis: &Redis, room: &str) -> Self {
        let mut connection = redis.connect();
        ok(&mut connection, &format!("SUBSCRIBE {room}"));
        Self(connection)
    }

    /// Waits until it is told `+uid` or `-uid`.
    pub(crate) fn hears(&mut self, line: &str) {
        self.hears_within(PATIENCE, line);
    }

    pub(crate) fn hears_within(&mut self, patience: Duration, line: &str) {
        self.0.set_patience(patience).expect("a time-out");
        self.lines_until(line);
    }

    /// All lines of who came and went until this one, with it.
    pub(crate) fn lines_until(&mut self, line: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while !lines.iter().any(|told| told == line) {
            let told = self.next();
            if told.kind == Kind::Presence {
                lines.extend(told.payload.lines().map(str::to_owned));
            }
        }
        lines
    }

    /// Waits for a control word about this uid: the whole payload.
    pub(crate) fn hears_control(&mut self, uid: &str) -> String {
        loop {
            let told = self.next();
            if told.kind == Kind::Control && told.uid == uid {
                return told.payload;
            }
        }
    }

    /// Waits until a membership ends: whose.
    pub(crate) fn hears_left(&mut self) -> String {
        loop {
            let told = self.next();
            if told.kind == Kind::Control && told.payload == control::LEFT {
                return told.uid;
            }
        }
    }

    fn next(&mut self) -> Told {
        let push = self.0.recv();
        let push = push.unwrap_or_else(|error| panic!("nothing more is announced: {error}"));
        let (Value::Array(parts) | Value::Push { data: parts, .. }) = push else {
            panic!("no message: {push:?}");
        };
        let Some(Value::BulkString(frame)) = parts.last() else {
            panic!("no bytes: {parts:?}");
        };
        let (header, payload) = announce::parse(frame).expect("a frame");
        Told {
            kind: header.kind,
            uid: header.uid.to_owned(),
            payload: String::from_utf8_lossy(payload).into_owned(),
        }
    }
}
