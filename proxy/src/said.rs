//! Log lines about what may happen many times a second: said once in a while, with how often it was left out.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// The least time between two lines of one kind.
const EVERY: Duration = Duration::from_secs(5);

/// One kind of line.
#[derive(Debug, Default)]
pub(crate) struct Said {
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    at: Option<Instant>,
    left_out: u64,
}

impl Said {
    /// Whether it may be said again: how many times it was not, since the last time.
    pub(crate) fn again(&self) -> Option<u64> {
        let mut last = self.last.lock();
        if last.at.is_some_and(|at| at.elapsed() < EVERY) {
            last.left_out += 1;
            return None;
        }
        last.at = Some(Instant::now());
        Some(std::mem::take(&mut last.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted() {
        let said = Said::default();
        assert_eq!(said.again(), Some(0));
        assert_eq!(said.again(), None);
        assert_eq!(said.again(), None);
        // As if that had been long ago.
        said.last.lock().at = None;
        assert_eq!(said.again(), Some(2));
    }
}
