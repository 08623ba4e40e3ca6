//! Milliseconds since the program began: a clock that never goes back.

use std::sync::LazyLock;
use std::time::Instant;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Never 0, so that 0 can mean "never".
pub(crate) fn now_ms() -> u64 {
    // Far from 0, so that "a second ago" exists right after the start.
    START.elapsed().as_millis() as u64 + 3_600_000
}
