//! Since when something is tried in vain, and how long to wait before the next try. Pure.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Tellings that are remembered. Nothing new is begun while the receiver fails, so that they are few; if they were more, the oldest
/// would be tried for longer.
const MOST: usize = 10_000;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// See the top of the file. Times are milliseconds of any origin.
#[derive(Debug, Default)]
pub(super) struct Tries {
    first: HashMap<String, u64>,
    order: VecDeque<String>,
    /// Failures one after the other.
    failures: u32,
}

impl Tries {
    /// A telling failed at `now`: since when it did.
    pub(super) fn failed(&mut self, id: &str, now: u64) -> u64 {
        if let Some(first) = self.first.get(id) {
            return *first;
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.first.remove(&oldest);
        }
        self.first.insert(id.to_owned(), now);
        self.order.push_back(id.to_owned());
        now
    }

    /// It is over, in either way.
    pub(super) fn over(&mut self, id: &str) {
        if self.first.remove(id).is_some() {
            self.order.retain(|known| known != id);
        }
    }

    /// The receiver took something.
    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The receiver failed: how long to wait; `wanted`: what it asked for; `random`: from 0 to 1.
    pub(super) fn pause(&mut self, wanted: Option<Duration>, random: f64) -> Duration {
        let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        // Many proxies that failed together do not come back together.
        let own = doubled.min(LONGEST_PAUSE).mul_f64(0.5 + random / 2.0);
        own.max(wanted.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_a_success_ends_that() {
        let mut tries = Tries::default();
        let mut pauses = || tries.pause(None, 1.0).as_secs();
        let all: Vec<u64> = (0..8).map(|_| pauses()).collect();
        assert_eq!(all, [1, 2, 4, 8, 16, 32, 60, 60]);
        tries.succeeded();
        assert_eq!(tries.pause(None, 0.0).as_millis(), 500);
        let wanted = Duration::from_secs(300);
        assert_eq!(tries.pause(Some(wanted), 0.0), wanted);
        for _ in 0..100 {
            tries.pause(None, 0.0);
        }
        assert_eq!(tries.pause(None, 0.0).as_secs(), 30);
    }

    #[test]
    fn a_telling_fails_since_its_first_failure() {
        let mut tries = Tries::default();
        assert_eq!((tries.failed("a", 5), tries.failed("a", 9)), (5, 5));
        tries.over("a");
        assert_eq!(tries.failed("a", 12), 12);
        for at in 0..MOST {
            tries.failed(&format!("{at}"), 20);
        }
        assert_eq!(tries.failed("a", 30), 30, "it was forgotten");
        assert_eq!((tries.first.len(), tries.order.len()), (MOST, MOST));
    }
}
