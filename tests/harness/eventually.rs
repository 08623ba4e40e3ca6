//! Waiting with a deadline.

use std::time::{Duration, Instant};

/// The patience of every wait: long enough for a busy machine, since a success does not take it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `check` gives something.
///
/// # Panics
/// After [`PATIENCE`], with `what`.
pub fn eventually<T>(what: &str, check: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, check)
}

/// Waits until `check` gives something, with a patience of its own.
///
/// # Panics
/// After `patience`, with `what`.
pub fn within<T>(patience: Duration, what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
