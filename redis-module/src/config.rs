//! Settings: `CONFIG SET room.<name>`, `room.<name> value` in `redis.conf`, or `<name> value` behind `loadmodule`, which is
//! then the default below the other two.

use room_core::dedupe::DedupePolicy;
use room_core::limits::{Limit, Limits};
use room_core::log::MAX_SEQ;
use room_core::room_ids::MAX_ROOM_IDS;
use room_core::settings::Settings;
use room_core::units::Unit;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// One setting.
pub(crate) struct Setting {
    pub(crate) name: &'static CStr,
    pub(crate) default: u64,
    pub(crate) min: u64,
    pub(crate) max: u64,
    pub(crate) unit: Unit,
}

const fn setting(name: &'static CStr, unit: Unit, default: u64, min: u64, max: u64) -> Setting {
    Setting {
        name,
        default,
        min,
        max,
        unit,
    }
}

const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;

use Unit::{Bytes, Count, Millis};

/// All settings, in the order of [`settings`].
pub(crate) const SETTINGS: [Setting; 21] = [
    // The defaults of the limits that ROOM.LIMITS sets for one room.
    setting(c"maxlen", Count, 100_000, 0, MAX_SEQ),
    setting(c"maxbytes", Bytes, 64 << 20, 0, MAX_SEQ),
    setting(c"maxage", Millis, 0, 0, MAX_SEQ),
    setting(c"keep", Count, 100, 0, MAX_SEQ),
    setting(c"member-ttl", Millis, 30 * DAY, 0, MAX_SEQ),
    setting(c"waiting-delay", Millis, 0, 0, MAX_SEQ),
    // The largest payload of one message.
    setting(c"max-payload", Bytes, 64 << 10, 1, 64 << 20),
    // Members of one room.
    setting(c"max-members", Count, 1_000_000, 1, 100_000_000),
    // Uids, or keys, that one command may name: so many hold Redis for some milliseconds.
    setting(c"max-uids", Count, 2_000, 1, 1_000_000),
    // Publish ids that are remembered: per uid, and for how long.
    setting(c"dedupe-count", Count, 100, 0, 100_000),
    setting(c"dedupe-age", Millis, 300 * SECOND, 0, 7 * DAY),
    // How long others are not told that somebody went.
    setting(c"grace", Millis, 5 * SECOND, 0, HOUR),
    // After a start or a promotion, nobody counts as absent for so long: proxies announce their sessions again.
    setting(c"start-grace", Millis, 10 * SECOND, 0, HOUR),
    // How long the position of a device that went without a logout holds the log.
    setting(c"device-grace", Millis, 60 * SECOND, 0, HOUR),
    // Where more are online, or came and went at once, only the counters travel.
    setting(c"presence-names", Count, 200, 0, 10_000),
    // How long a newcomer stays a member who never read anything and is away; any member; a room in which nothing happens.
    setting(c"newcomer-ttl", Millis, 0, 0, MAX_SEQ),
    setting(c"forget-after", Millis, 0, 0, MAX_SEQ),
    setting(c"idle-ttl", Millis, 0, 0, MAX_SEQ),
    // Ids of ROOMID that one room remembers, each for dedupe-age.
    setting(c"room-ids", Count, 10_000, 1, MAX_ROOM_IDS as u64),
    // After which time mail that waits is told once more, although nothing was done about it.
    setting(c"waiting-again", Millis, 0, 0, MAX_SEQ),
    // How long one call looks for whom mail waits, while Redis does nothing else.
    setting(c"waiting-time", Millis, 5, 0, SECOND),
];

static VALUES: [AtomicU64; SETTINGS.len()] = [const { AtomicU64::new(0) }; SETTINGS.len()];

fn value(at: usize) -> u64 {
    VALUES
        .get(at)
        .map_or(0, |value| value.load(Ordering::Relaxed))
}

/// Reads a value as people write it; the sentence that says why it is none.
pub(crate) fn parse(at: usize, text: &[u8]) -> Result<u64, String> {
    let Some(setting) = SETTINGS.get(at) else {
        return Err("there is no such setting".to_owned());
    };
    let value = setting.unit.parse(text);
    value
        .filter(|value| (setting.min..=setting.max).contains(value))
        .ok_or_else(|| {
            format!(
                "'{}' cannot be room.{}: {}, from {} to {}",
                room_core::error::Shown(text),
                setting.name.to_string_lossy(),
                setting.unit.hint(),
                setting.min,
                setting.max
            )
        })
}

/// Sets one setting.
pub(crate) fn set(at: usize, to: u64) {
    if let Some(value) = VALUES.get(at) {
        value.store(to, Ordering::Relaxed);
    }
}

/// How long one ROOM.WAITING looks, in milliseconds.
pub(crate) fn waiting_time() -> u64 {
    value(20)
}

/// All of them as the model wants them.
pub(crate) fn settings() -> Settings {
    let mut limits = Limits::default();
    for (at, limit) in Limit::ALL.into_iter().enumerate() {
        limits.set(limit, value(at));
    }
    Settings {
        limits,
        max_payload: value(6),
        max_members: value(7),
        max_uids: value(8),
        dedupe: DedupePolicy {
            count: value(9),
            age_ms: value(10),
        },
        grace: value(11),
        start_grace: value(12),
        device_grace: value(13),
        presence_names: value(14),
        newcomer_ttl: value(15),
        forget_after: value(16),
        idle_ttl: value(17),
        room_ids: value(18),
        waiting_again: value(19),
    }
}
