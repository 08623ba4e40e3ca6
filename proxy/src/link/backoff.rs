//! Waits between attempts: growing, and never the same for two proxies.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);
const MOST: Duration = Duration::from_secs(2);
/// A link that lived for so long was a good one; one that dies younger is no reason to begin with short waits again.
const GOOD: Duration = Duration::from_secs(10);

/// Doubles from 50 ms to 2 s; each wait is between half and all of that.
#[derive(Default)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    pub(super) fn next(&mut self) -> Duration {
        let full = FIRST.saturating_mul(1 << self.tries.min(10)).min(MOST);
        self.tries += 1;
        full.mul_f64(rand::random_range(0.5..=1.0))
    }

    /// A link ended that lived for so long.
    pub(super) fn lived(&mut self, long: Duration) {
        if long >= GOOD {
            self.tries = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit() {
        let mut backoff = Backoff::default();
        assert!(backoff.next() <= FIRST);
        let last = (0..50).map(|_| backoff.next()).last().unwrap();
        assert!(last >= MOST / 2 && last <= MOST);
    }

    #[test]
    fn links_that_die_young_are_made_again_ever_later() {
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            backoff.next();
            backoff.lived(Duration::from_millis(20));
        }
        assert!(backoff.next() >= MOST / 2);
        backoff.lived(Duration::from_secs(60));
        assert!(backoff.next() <= FIRST);
    }
}
