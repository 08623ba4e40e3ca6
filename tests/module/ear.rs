//! Hearing who came and who went.

use harness::eventually::PATIENCE;
use harness::redis::Redis;
use harness::value::ok;
use redis::{Connection, Value};
use room_core::announce::{self, Kind};
use std::time::Duration;

/// Subscribed to one room.
pub(crate) struct Ear(Connection);

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
        let set = self.0.set_read_timeout(Some(patience));
        set.expect("a time-out");
        while !self.next().lines().any(|told| told == line) {}
    }

    /// The lines of the next announcement, empty if it is not about presence.
    fn next(&mut self) -> String {
        let push = self.0.recv_response();
        let push = push.unwrap_or_else(|error| panic!("nothing more is announced: {error}"));
        let (Value::Array(parts) | Value::Push { data: parts, .. }) = push else {
            panic!("no message: {push:?}");
        };
        let Some(Value::BulkString(frame)) = parts.last() else {
            panic!("no bytes: {parts:?}");
        };
        let (header, payload) = announce::parse(frame).expect("a frame");
        match header.kind {
            Kind::Presence => String::from_utf8_lossy(payload).into_owned(),
            _ => String::new(),
        }
    }
}
