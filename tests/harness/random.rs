//! Random numbers that can be had again.

use std::hash::BuildHasher;

/// A small generator: the same numbers for the same seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts at a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed that nobody knows.
    pub fn seed() -> u64 {
        u64::from(std::hash::RandomState::new().hash_one(0) as u32)
    }

    /// A seed that is printed with a failure; `ROOMCAST_SEED` repeats it.
    pub fn printed() -> Self {
        let given = std::env::var("ROOMCAST_SEED").ok();
        let seed = given
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(Self::seed);
        println!("this run is repeated by ROOMCAST_SEED={seed}");
        Self::new(seed)
    }

    /// From 0 to below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    /// One of these.
    pub fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}
