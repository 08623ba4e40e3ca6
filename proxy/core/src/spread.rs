//! How long something took, each time, as counts of few classes: what histograms are made of.

/// Where classes end, in milliseconds: what took that long is in the class that ends there. One more class is of all that took
/// longer.
pub const ENDS: [u64; 14] = [
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
];

/// See the top of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// How often, by class.
    pub times: [u64; ENDS.len() + 1],
    /// How long in all, in milliseconds.
    pub sum: u64,
}

impl Spread {
    /// It took so many milliseconds, once more.
    pub fn took(&mut self, ms: u64) {
        let class = ENDS.partition_point(|end| *end < ms);
        if let Some(times) = self.times.get_mut(class) {
            *times += 1;
        }
        self.sum = self.sum.saturating_add(ms);
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (times, more) in self.times.iter_mut().zip(other.times) {
            *times += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_in_the_class_that_ends_there_or_behind() {
        let mut spread = Spread::default();
        for ms in [0, 1, 2, 3, 30_000, 30_001, u64::MAX] {
            spread.took(ms);
        }
        let mut wanted = [0; ENDS.len() + 1];
        (wanted[0], wanted[1], wanted[2]) = (2, 1, 1);
        (wanted[13], wanted[14]) = (1, 2);
        assert_eq!(spread.times, wanted);
        assert_eq!(spread.sum, u64::MAX);
        let both = spread.and(&spread);
        assert_eq!(both.times.iter().sum::<u64>(), 14);
    }
}
