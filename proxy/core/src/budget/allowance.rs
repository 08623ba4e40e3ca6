//! How many frames a connection may send: so many a second in the long run, and ten seconds' worth of them at once. Those
//! that were read count in any case; above the allowance nothing more is read for a while.

use super::bucket::Bucket;

/// Seconds' worth of frames that may come at once.
const BURST_SECONDS: u64 = 10;

/// See the top of the file.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// Frames a second.
    rate: u32,
    came: Bucket,
}

impl Allowance {
    /// `rate` frames a second, from `now` (ms) on.
    pub fn new(rate: u32, now: u64) -> Self {
        Self {
            rate,
            came: Bucket::new(now),
        }
    }

    const fn most(&self) -> u64 {
        self.rate as u64 * BURST_SECONDS
    }

    /// Frames came.
    pub fn take(&mut self, count: u64) {
        self.came.charge(count);
    }

    /// More may come.
    pub fn give(&mut self, count: u32) {
        self.came.give(count.into());
    }

    /// Whether more came than may, as last reckoned.
    pub const fn is_used_up(&self) -> bool {
        self.came.is_over(self.most())
    }

    /// How long no more may come (ms); 0 if some may now.
    pub fn wait(&mut self, now: u64) -> u64 {
        let rate = self.rate.into();
        self.came.reckon(rate, now);
        self.came.due(rate, self.most())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many frames come until there is a wait.
    fn burst(allowance: &mut Allowance, now: u64) -> usize {
        let mut come = 0;
        while allowance.wait(now) == 0 && come < 1000 {
            allowance.take(1);
            come += 1;
        }
        come
    }

    #[test]
    fn ten_seconds_worth_at_once_then_the_rate() {
        let mut allowance = Allowance::new(2, 5000);
        assert_eq!(burst(&mut allowance, 5000), 21, "the last one is owed");
        assert!(allowance.is_used_up());
        assert_eq!(allowance.wait(5000), 500);
        assert_eq!(allowance.wait(5400), 100);
        assert_eq!(allowance.wait(5500), 0);
        allowance.take(10);
        assert_eq!(allowance.wait(5500), 5000, "what came counts");
        assert_eq!(burst(&mut allowance, 100_000), 21);
    }

    #[test]
    fn a_clock_that_stands_still_earns_nothing() {
        let mut allowance = Allowance::new(1, 10_000);
        assert_eq!(burst(&mut allowance, 9000), 11);
        assert_eq!(allowance.wait(10_000), 1000);
        assert_eq!(allowance.wait(11_000), 0);
        let mut much = Allowance::new(u32::MAX, 0);
        much.take(u64::MAX);
        assert!(much.wait(5) > 0);
        assert_eq!(much.wait(u64::MAX), 0);
        much.give(u32::MAX);
        assert_eq!(much.wait(u64::MAX), 0);
    }
}
