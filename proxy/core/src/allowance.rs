//! How many events a client may send: so many a second in the long run, and ten seconds' worth of them at once.

/// Seconds' worth of events that may come at once.
const BURST_SECONDS: u64 = 10;
/// An event, in the unit that is counted in: at a rate of 1 a second, each millisecond earns one.
const EVENT: u64 = 1000;

/// See the top of the file.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// Events a second.
    rate: u32,
    /// Thousandths of an event that may come now.
    left: u64,
    /// When that was reckoned.
    reckoned: u64,
}

impl Allowance {
    /// `rate` events a second, from `now` (ms) on.
    pub fn new(rate: u32, now: u64) -> Self {
        let mut new = Self {
            rate,
            left: 0,
            reckoned: now,
        };
        new.left = new.most();
        new
    }

    fn most(&self) -> u64 {
        u64::from(self.rate) * BURST_SECONDS * EVENT
    }

    /// An event comes: whether it may.
    pub fn take(&mut self, now: u64) -> bool {
        let earned = now
            .saturating_sub(self.reckoned)
            .saturating_mul(self.rate.into());
        self.reckoned = self.reckoned.max(now);
        self.left = self.left.saturating_add(earned).min(self.most());
        let may = self.left >= EVENT;
        if may {
            self.left -= EVENT;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_seconds_worth_at_once_then_the_rate() {
        let mut allowance = Allowance::new(2, 5000);
        assert_eq!((0..30).filter(|_| allowance.take(5000)).count(), 20);
        assert!(!allowance.take(5499));
        assert!(allowance.take(5500));
        assert!(!allowance.take(5500));
        // In 3 s six events are earned; asking in between loses nothing.
        let many = (5500..8500).filter(|now| allowance.take(*now)).count();
        assert!((5..=6).contains(&many), "{many}");
        assert_eq!((0..30).filter(|_| allowance.take(100_000)).count(), 20);
    }

    #[test]
    fn a_clock_that_stands_still_earns_nothing() {
        let mut allowance = Allowance::new(1, 10_000);
        assert_eq!((0..30).filter(|_| allowance.take(9000)).count(), 10);
        assert!(!allowance.take(10_000));
        assert!(allowance.take(11_000));
        let mut none = Allowance::new(0, 0);
        assert!(!none.take(u64::MAX));
        let mut much = Allowance::new(u32::MAX, 0);
        assert!(much.take(u64::MAX));
    }
}
