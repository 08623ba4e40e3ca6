//! Of whom something is known: a map with an end. Who is settled need not be known, and is forgotten when there are many; where
//! that makes no place, whoever comes next is not known.

use std::collections::HashMap;
use std::hash::Hash;

/// With fewer nobody looks for those who are settled.
const FEW: usize = 64;
/// When that was done in vain, nobody looks again before that (ms): it takes a while.
const LOOK_EVERY: u64 = 1000;

/// See the top of the file.
#[derive(Debug)]
pub(super) struct Known<K, V> {
    of: HashMap<K, V>,
    most: usize,
    /// With so many those who are settled are looked for.
    look_at: usize,
    /// When that was last done in vain.
    in_vain: Option<u64>,
}

impl<K: Eq + Hash, V> Known<K, V> {
    /// Nobody yet, and never more than that.
    pub(super) fn new(most: usize) -> Self {
        Self {
            of: HashMap::new(),
            most,
            look_at: FEW.min(most),
            in_vain: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// What is known of somebody, `new` at first; `None` if there is no place.
    pub(super) fn of(
        &mut self,
        now: u64,
        who: K,
        new: impl FnOnce() -> V,
        is_settled: impl Fn(&K, &mut V) -> bool,
    ) -> Option<&mut V> {
        if !self.of.contains_key(&who) {
            if self.of.len() >= self.look_at && self.may_look(now) {
                self.forget(now, is_settled);
            }
            if self.of.len() >= self.most {
                return None;
            }
        }
        Some(self.of.entry(who).or_insert_with(new))
    }

    fn may_look(&self, now: u64) -> bool {
        self.in_vain
            .is_none_or(|last| now.saturating_sub(last) >= LOOK_EVERY)
    }

    fn forget(&mut self, now: u64, is_settled: impl Fn(&K, &mut V) -> bool) {
        self.of.retain(|who, known| !is_settled(who, known));
        self.look_at = (2 * self.of.len()).clamp(FEW.min(self.most), self.most);
        self.in_vain = (self.of.len() >= self.most).then_some(now);
        if self.of.len() * 8 < self.of.capacity() {
            self.of.shrink_to(2 * self.of.len());
        }
    }
}
