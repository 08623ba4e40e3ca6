//! Who was closed for more than their budget, again and again: the third time within a minute they need not come back.

use super::known::Known;

/// How long each time counts (ms).
const COUNTS_FOR: u64 = 60_000;
/// Times that are too many.
const MOST: usize = 3;
/// Of so many it is known; who comes after that may come back.
const MOST_KNOWN: usize = 65_536;

/// See the top of the file. Each is known by a number that the shell knows them by.
#[derive(Debug)]
pub struct Strikes(Known<u64, [u64; MOST]>);

impl Default for Strikes {
    fn default() -> Self {
        Self(Known::new(MOST_KNOWN))
    }
}

impl Strikes {
    /// Somebody is closed for more than their budget: which time within a minute it is.
    pub fn strike(&mut self, now: u64, who: u64) -> usize {
        // Never 0, which stands for no time.
        let now = now.max(1);
        let counts = |at: u64| at > 0 && now.saturating_sub(at) < COUNTS_FOR;
        let is_settled = |_: &u64, times: &mut [u64; MOST]| !times.iter().any(|at| counts(*at));
        let Some(times) = self.0.of(now, who, <[u64; MOST]>::default, is_settled) else {
            return 1;
        };
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
        assert_eq!(strikes.0.len(), MOST_KNOWN);
        assert_eq!(strikes.strike(100_000, u64::MAX), 1);
        assert_eq!(strikes.0.len(), 1);
    }
}
