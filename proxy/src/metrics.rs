//! Every number that the proxy counts, and its text form for Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that only grows, or one that goes up and down.
#[derive(Debug)]
pub struct Metric {
    name: &'static str,
    help: &'static str,
    gauge: bool,
    value: AtomicU64,
}

impl Metric {
    const fn counter(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            gauge: false,
            value: AtomicU64::new(0),
        }
    }

    const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            gauge: true,
            value: AtomicU64::new(0),
        }
    }

    /// Adds one.
    pub fn up(&self) {
        self.add(1);
    }

    /// Takes one away (of a gauge).
    pub fn down(&self) {
        self.value.fetch_sub(1, Relaxed);
    }

    /// Adds one for as long as the result lives.
    pub fn held(&'static self) -> Held {
        self.up();
        Held(self)
    }

    /// Adds some.
    pub fn add(&self, more: u64) {
        self.value.fetch_add(more, Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.value.load(Relaxed)
    }
}

/// One more in a gauge, until it is dropped.
#[derive(Debug)]
pub struct Held(&'static Metric);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.down();
    }
}

macro_rules! metrics {
    ($($(#[doc = $doc:literal])* $name:ident = $kind:ident($text:literal, $help:literal);)*) => {
        $(#[doc = $help] pub static $name: Metric = Metric::$kind(concat!("roomcast_", $text), $help);)*
        static ALL: &[&Metric] = &[$(&$name),*];
    };
}

metrics! {
    CONNECTIONS = gauge("connections", "Open WebSocket connections");
    REFUSED = counter("connections_refused_total", "Connections refused at --max-connections or for their origin");
    ROOMS = gauge("rooms", "Rooms that somebody is or was just connected to");
    SEATS = gauge("seats", "Connections in rooms");
    LINK_UP = gauge("redis_up", "1 while Redis is connected");
    LINK_LOST = counter("redis_lost_total", "Times that the connection to Redis was lost");
    RANGES = counter("redis_ranges_total", "ROOM.RANGE reads for catch-ups and gaps");
    EVENTS = counter("events_total", "Events from clients");
    BAD_EVENTS = counter("bad_events_total", "Events from clients that were answered with an error");
    FRAMES = counter("frames_total", "Announcements from Redis");
    DROPPED_FRAMES = counter("frames_dropped_total", "Announcements that a busy room read from the log instead");
    GAPS = counter("gaps_total", "Times that a room's live frames did not follow and the log was read");
    RESETS = counter("resets_total", "Times that somebody's history was found to be another one");
    LOST = counter("lost_messages_total", "Messages that somebody was told are gone");
    DELIVERIES = counter("deliveries_total", "Writes of live messages to connections");
    SLOW = counter("slow_total", "Times that a slow connection went back to catch-up at --outbox");
    CATCHUPS = counter("catchups_total", "Catch-ups that began");
    PAGES_SHARED = counter("pages_shared_total", "Pages of a catch-up that were in memory already");
    ACKED = counter("acked_total", "Acknowledgements sent to Redis");
    DEAD = counter("dead_connections_total", "Connections closed without a sign of life");
    FLOODS = counter("floods_total", "Connections closed at --max-rate");
}

/// All of them in Prometheus' text format, version 0.0.4.
pub fn text() -> String {
    let mut out = String::new();
    for metric in ALL {
        let kind = if metric.gauge { "gauge" } else { "counter" };
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "# HELP {name} {}\n# TYPE {name} {kind}\n{name} {}\n",
            metric.help,
            metric.get(),
            name = metric.name
        );
    }
    out
}
