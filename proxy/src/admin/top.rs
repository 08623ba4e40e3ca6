//! The first few of many, by a number: what is below them is not kept. Pure.

/// See the top of the file.
#[derive(Clone, Debug)]
pub(super) struct Top<T> {
    most: usize,
    /// The greatest first.
    rows: Vec<(u64, T)>,
}

impl<T> Top<T> {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            most,
            rows: Vec::new(),
        }
    }

    /// Whether something of this number would be kept.
    pub(super) fn wants(&self, number: u64) -> bool {
        let last = self.rows.last().map_or(0, |row| row.0);
        self.rows.len() < self.most || number > last
    }

    /// Adds something; of two with one number the earlier one is first.
    pub(super) fn add(&mut self, number: u64, what: T) {
        if !self.wants(number) {
            return;
        }
        let at = self.rows.partition_point(|row| row.0 >= number);
        self.rows.insert(at, (number, what));
        self.rows.truncate(self.most);
    }

    /// The greatest first.
    pub(super) fn rows(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_are_kept_and_no_more() {
        let mut top = Top::new(3);
        for (number, what) in [(1, 'a'), (5, 'b'), (3, 'c'), (5, 'd'), (2, 'e'), (4, 'f')] {
            top.add(number, what);
        }
        assert_eq!(top.rows().collect::<String>(), "bdf");
        assert!(top.wants(5) && !top.wants(4));
        for number in 0..10_000 {
            top.add(number, 'x');
        }
        assert_eq!(top.rows.len(), 3);
        assert!(top.rows.capacity() < 10);
    }
}
