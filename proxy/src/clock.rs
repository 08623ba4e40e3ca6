//! Milliseconds since the program began: a clock that never goes back. And the one on the wall, for what others write down.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Never 0, so that 0 can mean "never".
pub(crate) fn now_ms() -> u64 {
    // Far from 0, so that "a second ago" exists right after the start.
    START.elapsed().as_millis() as u64 + 3_600_000
}

/// Unix time in milliseconds.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis() as u64
}
