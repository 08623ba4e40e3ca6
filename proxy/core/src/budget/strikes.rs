//! Who was closed for more than their budget, again and again: the third time within a minute they need not come back.

use std::collections::HashMap;

/// How long each time counts (ms).
const COUNTS_FOR: u64 = 60_000;
/// Times that are too many.
const MOST: usize = 3;
/// Of so many it is known; who comes after that may come back.
const MOST_KNOWN: usize = 65_536;

/// When all are still to be known, nobody looks again before that (ms): it takes a while.
const LOOK_EVERY: u64 = 1000;

/// See the top of the file. Each is known by a number that the shell knows them by.
#[derive(Debug, Default)]
pub struct Strikes {
    times: HashMap<u64, [u64; MOST]>,
    /// When they were last looked through in vain.
    in_vain: Option<u64>,
}

impl Strikes {
    /// Somebody is closed for more than their budget: which time within a minute it is.
    pub fn strike(&mut self, now: u64, who: u64) -> usize {
        // Never 0, which stands for no time.
        let now = now.max(1);
        let counts = |at: u64| at > 0 && now.saturating_sub(at) < COUNTS_FOR;
        if self.times.len() >= MOST_KNOWN && !self.times.contains_key(&who) {
            if self
                .in_vain
                .is_some_and(|last| now.saturating_sub(last) < LOOK_EVERY)
            {
                return 1;
            }
            self.times
                .retain(|_, times| times.iter().any(|at| counts(*at)));
            self.in_vain = (self.times.len() >= MOST_KNOWN).then_some(now);
            if self.in_vain.is_some() {
                return 1;
            }
        }
        let times = self.times.entry(who).or_default();
        times.rotate_right(1);
        if let Some(first) = times.first_mut() {
            *first = now;
        }
        times.iter().filter(|at| counts(**at)).count()
    }

    /// Whether that is too often.
    pub const fn is_too_often(times: usize) -> bool {
        times >= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_times_within_a_minute() {
        let mut strikes = Strikes::default();
        assert_eq!(strikes.strike(0, 7), 1);
        assert_eq!(strikes.strike(30_000, 7), 2);
        assert_eq!(strikes.strike(30_000, 8), 1, "somebody else");
        assert_eq!(strikes.strike(61_000, 7), 2, "the first one is long ago");
        assert_eq!(strikes.strike(62_000, 7), 3);
        assert_eq!(strikes.strike(500_000, 7), 1);
        assert!(Strikes::is_too_often(3) && !Strikes::is_too_often(2));
    }

    #[test]
    fn there_is_an_end_to_those_who_are_known() {
        let mut strikes = Strikes::default();
        for who in 0..MOST_KNOWN as u64 + 5 {
            assert_eq!(strikes.strike(0, who), 1);
        }
        assert_eq!(strikes.times.len(), MOST_KNOWN);
        assert_eq!(strikes.strike(100_000, u64::MAX), 1);
        assert_eq!(strikes.times.len(), 1);
    }
}
