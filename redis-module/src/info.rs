//! `INFO room`: what happened since the module was loaded, and what is there now.

use crate::data_type;
use crate::presence::sessions;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Counter {
    /// Messages stored.
    Published,
    /// Retries that an id recognised.
    Duplicates,
    /// Events that were announced only.
    Ephemeral,
    /// Cursors that moved.
    Acked,
    /// Sessions that began, by JOIN or ATTACH.
    Joined,
    /// Messages dropped by a limit or by hand.
    Dropped,
    /// Joins that were told of lost messages.
    Lost,
    /// Joins with a position of another history.
    Reset,
    /// Keys with sessions that went or were replaced.
    Gone,
    /// Connections whose lease ran out.
    LeasesExpired,
    /// Members who no longer hold the log back.
    Released,
}

const NAMES: [&str; 11] = [
    "published",
    "duplicates",
    "ephemeral",
    "acked",
    "joined",
    "dropped_messages",
    "joins_lost",
    "joins_reset",
    "keys_gone",
    "leases_expired",
    "members_released",
];

static COUNTERS: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(0) }; NAMES.len()];

pub(crate) fn count(counter: Counter, more: u64) {
    if let Some(total) = COUNTERS.get(counter as usize) {
        total.fetch_add(more, Ordering::Relaxed);
    }
}

/// Sections with their fields; Redis puts `room_` before each name.
pub(crate) fn sections() -> [(&'static str, Vec<(&'static str, u64)>); 2] {
    let (online, rooms_online, proxies) = sessions(|sessions| sessions.totals());
    let now = vec![
        ("rooms", data_type::rooms()),
        ("rooms_online", rooms_online),
        ("uids_online", online),
        ("proxies", proxies),
    ];
    let stats = NAMES
        .iter()
        .zip(&COUNTERS)
        .map(|(name, total)| (*name, total.load(Ordering::Relaxed)));
    [("now", now), ("stats", stats.collect())]
}
