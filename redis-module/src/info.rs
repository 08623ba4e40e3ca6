//! `INFO room`: what happened since the module was loaded, what is there now, and for how long Redis was held at most.

use crate::graves;
use crate::redis::key;
use crate::state::{agenda, sessions};
use room_core::commands::outcome::Counter;
use std::sync::atomic::{AtomicU64, Ordering};

static COUNTERS: [AtomicU64; Counter::NAMES.len()] =
    [const { AtomicU64::new(0) }; Counter::NAMES.len()];

pub(crate) fn count(counter: Counter, more: u64) {
    if let Some(total) = COUNTERS.get(counter as usize) {
        total.fetch_add(more, Ordering::Relaxed);
    }
}

/// A command was refused because it named too many.
pub(crate) fn too_many() {
    count(Counter::TooMany, 1);
}

/// A publish was refused because its room remembers as many ids as it may.
pub(crate) fn room_ids_full() {
    count(Counter::IdsFull, 1);
}

/// What of ours Redis waits for.
#[derive(Clone, Copy)]
pub(crate) enum Held {
    Command,
    Tick,
    Event,
    Waiting,
}

/// `Waiting` is ROOM.WAITING alone, which looks at as much as its time allows.
const HELD: [&str; 4] = [
    "longest_command_us",
    "longest_tick_us",
    "longest_event_us",
    "longest_waiting_us",
];
static LONGEST: [AtomicU64; HELD.len()] = [const { AtomicU64::new(0) }; HELD.len()];

/// Redis waited for so many microseconds.
pub(crate) fn held(by: Held, us: u64) {
    if let Some(longest) = LONGEST.get(by as usize)
        && longest.load(Ordering::Relaxed) < us
    {
        longest.store(us, Ordering::Relaxed);
    }
}

type Fields = Vec<(&'static str, u64)>;

/// Sections with their fields; Redis puts `room_` before each name.
pub(crate) fn sections() -> [(&'static str, Fields); 3] {
    let totals = sessions(|sessions| sessions.totals());
    let (waiting, leased) = agenda(|agenda| (agenda.rooms(), agenda.leased()));
    let now = vec![
        ("rooms", key::rooms()),
        ("rooms_online", totals.rooms_online),
        ("uids_online", totals.online),
        ("sessions", totals.sessions),
        ("ghosts", totals.ghosts),
        ("proxies", totals.proxies),
        ("waiting_chores", totals.chores + graves::waiting()),
        ("waiting_rooms", waiting as u64),
        ("waiting_leases", leased as u64),
    ];
    let stats = Counter::NAMES.iter().zip(&COUNTERS);
    let stats = stats.map(|((_, name), total)| (*name, total.load(Ordering::Relaxed)));
    let longest = HELD.into_iter().zip(&LONGEST);
    let longest = longest.map(|(name, us)| (name, us.load(Ordering::Relaxed)));
    [
        ("now", now),
        ("stats", stats.collect()),
        ("held", longest.collect()),
    ]
}
