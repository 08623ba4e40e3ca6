//! Settings: `CONFIG SET room.<name>`, `room.<name> value` in `redis.conf`, or `<name> value` behind `loadmodule`.

use room_core::dedupe::DedupePolicy;
use room_core::limits::{Limit, Limits};
use std::ffi::CStr;
use std::sync::atomic::{AtomicI64, Ordering};

/// One setting.
pub(crate) struct Setting {
    pub(crate) name: &'static CStr,
    pub(crate) default: i64,
    pub(crate) min: i64,
    pub(crate) max: i64,
    /// Takes `64mb` and the like.
    pub(crate) memory: bool,
}

const fn setting(name: &'static CStr, default: i64, min: i64, max: i64) -> Setting {
    Setting {
        name,
        default,
        min,
        max,
        memory: false,
    }
}

const fn memory(name: &'static CStr, default: i64, min: i64, max: i64) -> Setting {
    Setting {
        name,
        default,
        min,
        max,
        memory: true,
    }
}

/// Up to here a number stays exact everywhere.
const MOST: i64 = room_core::log::MAX_SEQ as i64;

/// All settings. Times are in milliseconds.
pub(crate) const SETTINGS: [Setting; 12] = [
    // The defaults of the limits that ROOM.LIMITS sets for one room.
    setting(c"maxlen", 100_000, 0, MOST),
    memory(c"maxbytes", 64 * 1024 * 1024, 0, MOST),
    setting(c"maxage", 0, 0, MOST),
    setting(c"keep", 100, 0, MOST),
    setting(c"member-ttl", 30 * 24 * 3600 * 1000, 0, MOST),
    // The largest payload of one message.
    memory(c"max-payload", 64 * 1024, 1, 64 * 1024 * 1024),
    // Members of one room.
    setting(c"max-members", 1_000_000, 1, 100_000_000),
    // Publish ids that are remembered: per uid, and for how long.
    setting(c"dedupe-count", 100, 0, 100_000),
    setting(c"dedupe-age", 5 * 60 * 1000, 0, 7 * 24 * 3600 * 1000),
    // How long others are not told that somebody went.
    setting(c"grace", 5_000, 0, 3_600_000),
    // After a start or a promotion, nobody counts as absent for so long: proxies announce their sessions again.
    setting(c"start-grace", 10_000, 0, 3_600_000),
    // Where more are online, or came and went at once, only the counters travel.
    setting(c"presence-names", 200, 0, 10_000),
];

static VALUES: [AtomicI64; SETTINGS.len()] = [const { AtomicI64::new(0) }; SETTINGS.len()];

pub(crate) fn get(at: usize) -> i64 {
    VALUES
        .get(at)
        .map_or(0, |value| value.load(Ordering::Relaxed))
}

pub(crate) fn set(at: usize, to: i64) {
    if let Some(value) = VALUES.get(at) {
        value.store(to, Ordering::Relaxed);
    }
}

fn unsigned(at: usize) -> u64 {
    u64::try_from(get(at)).unwrap_or(0)
}

/// The limits of rooms that set none for themselves.
pub(crate) fn limits() -> Limits {
    let mut limits = Limits::default();
    for (at, limit) in Limit::ALL.into_iter().enumerate() {
        limits.set(limit, unsigned(at));
    }
    limits
}

pub(crate) fn max_payload() -> u64 {
    unsigned(5)
}

pub(crate) fn max_members() -> u64 {
    unsigned(6)
}

pub(crate) fn dedupe() -> DedupePolicy {
    DedupePolicy {
        count: unsigned(7),
        age_ms: unsigned(8),
    }
}

pub(crate) fn grace_ms() -> u64 {
    unsigned(9)
}

pub(crate) fn start_grace_ms() -> u64 {
    unsigned(10)
}

pub(crate) fn presence_names() -> usize {
    usize::try_from(get(11)).unwrap_or(0)
}
