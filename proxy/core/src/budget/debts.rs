//! What each of many owes for something that is counted, at one rate for all: each may owe so much at once, and what is owed
//! is paid off as time passes. Who owes nothing is not known here.

use super::bucket::Bucket;
use super::known::Known;

/// Of so many it is known what they owe; who comes after that shares one account with others who do.
const MOST: usize = 65_536;

/// See the top of the file. Each is known by a number that the shell knows them by.
#[derive(Debug)]
pub struct Debts {
    /// Paid off in a second.
    rate: u64,
    /// What one may owe.
    most: u64,
    owed: Known<u64, Bucket>,
    /// Of those who are not known.
    rest: Bucket,
}

impl Debts {
    /// Where nobody owes anything.
    pub fn new(rate: u64, most: u64) -> Self {
        Self {
            rate,
            most,
            owed: Known::new(MOST),
            rest: Bucket::new(0),
        }
    }

    /// Takes so much on for somebody; or how long it is to wait (ms). `own` is what the one for whom it is asked has taken
    /// of that already, where many share it: nobody gets more than is left for all the others together, so that whoever takes
    /// most is refused first, and whoever comes next is not.
    pub fn take(&mut self, now: u64, who: u64, count: u64, own: u64) -> Result<(), u64> {
        let (rate, most) = (self.rate, self.most.saturating_sub(count.max(own)));
        let owed = self.of(now, who);
        owed.reckon(rate, now);
        if owed.is_over(most) {
            return Err(owed.due(rate, most).max(1));
        }
        owed.charge(count);
        Ok(())
    }

    /// What was taken on was not needed.
    pub fn give_back(&mut self, now: u64, who: u64, count: u64) {
        self.of(now, who).give(count);
    }

    fn of(&mut self, now: u64, who: u64) -> &mut Bucket {
        let rate = self.rate;
        let is_settled = |_: &u64, owed: &mut Bucket| {
            owed.reckon(rate, now);
            owed.is_empty()
        };
        let owed = self.owed.of(now, who, || Bucket::new(now), is_settled);
        owed.unwrap_or(&mut self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: u64 = 1;
    const BOB: u64 = 2;

    #[test]
    fn so_much_at_once_then_the_rate_and_each_has_their_own() {
        let mut debts = Debts::new(10, 100);
        assert_eq!(debts.take(0, ANN, 60, 0), Ok(()));
        assert_eq!(debts.take(0, ANN, 60, 0), Err(2000));
        assert_eq!(debts.take(0, ANN, 40, 0), Ok(()), "what fits is taken");
        assert_eq!(debts.take(0, BOB, 100, 0), Ok(()));
        assert_eq!(debts.take(999, ANN, 10, 0), Err(1));
        assert_eq!(debts.take(1000, ANN, 10, 0), Ok(()));
        debts.give_back(1000, ANN, 50);
        assert_eq!(debts.take(1000, ANN, 50, 0), Ok(()));
    }

    #[test]
    fn who_takes_most_of_what_is_shared_is_refused_and_newcomers_are_not() {
        let mut debts = Debts::new(1, 1000);
        let mut greedy = 0;
        while debts.take(0, ANN, 10, greedy).is_ok() {
            greedy += 10;
        }
        assert_eq!(greedy, 510, "no more than is left for the others");
        for _ in 0..40 {
            assert_eq!(debts.take(0, ANN, 10, 0), Ok(()), "somebody new");
        }
        assert!(debts.take(0, ANN, 10, greedy).is_err());
    }

    #[test]
    fn there_is_an_end_to_those_who_are_known() {
        let mut debts = Debts::new(1, 10);
        for who in 0..MOST as u64 + 5 {
            let _ = debts.take(0, who, 2, 0);
        }
        assert_eq!(debts.owed.len(), MOST);
        assert!(debts.take(0, u64::MAX, 1, 0).is_err(), "they share one");
        assert!(debts.take(0, 3, 8, 0).is_ok(), "who was before has its own");
        assert_eq!(debts.take(10_000, u64::MAX, 1, 0), Ok(()));
        assert_eq!(debts.owed.len(), 1, "only who owes something is known");
    }
}
