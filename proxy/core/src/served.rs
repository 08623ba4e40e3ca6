//! When messages were stamped that all who are here and listen were handed: by another clock than ours, so how long that took is
//! counted by whoever knows that one.

/// Of what more there is until it is counted, nothing is known.
const MOST: usize = 256;

/// See the top of the file.
#[derive(Debug, Default)]
pub(crate) struct Served(Vec<u64>);

impl Served {
    pub(crate) fn add(&mut self, ms: u64) {
        if self.0.len() < MOST {
            self.0.push(ms);
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self) -> impl Iterator<Item = u64> + '_ {
        self.0.drain(..)
    }
}
