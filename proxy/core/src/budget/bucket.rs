//! A leaky bucket: what somebody owes, and pays off at a rate. What was done is charged in any case.

/// See the top of the file.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// In thousandths: a rate of 1 a second pays one each millisecond.
    owed: u64,
    reckoned: u64,
}

impl Bucket {
    /// One that owes nothing.
    pub(super) const fn new(now: u64) -> Self {
        Self {
            owed: 0,
            reckoned: now,
        }
    }

    /// Pays off what was earned until now.
    pub(super) fn reckon(&mut self, rate: u64, now: u64) {
        let passed = now.saturating_sub(self.reckoned);
        self.reckoned = self.reckoned.max(now);
        self.owed = self.owed.saturating_sub(passed.saturating_mul(rate));
    }

    /// So much more is owed.
    pub(super) const fn charge(&mut self, count: u64) {
        self.owed = self.owed.saturating_add(count.saturating_mul(1000));
    }

    /// So much less is.
    pub(super) const fn give(&mut self, count: u64) {
        self.owed = self.owed.saturating_sub(count.saturating_mul(1000));
    }

    /// No more is owed than that.
    pub(super) fn forgive(&mut self, most: u64) {
        self.owed = self.owed.min(most.saturating_mul(1000));
    }

    /// What is owed, whole ones.
    pub(super) const fn owed(&self) -> u64 {
        self.owed / 1000
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.owed == 0
    }

    /// Whether more than that is owed.
    pub(super) const fn is_over(&self, most: u64) -> bool {
        self.owed > most.saturating_mul(1000)
    }

    /// In how many milliseconds no more than `most` is owed, at this rate, if nothing else comes.
    pub(super) fn due(&self, rate: u64, most: u64) -> u64 {
        let over = self.owed.saturating_sub(most.saturating_mul(1000));
        over.div_ceil(rate.max(1))
    }
}
