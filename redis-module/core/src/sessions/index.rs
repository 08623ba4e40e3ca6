//! Row numbers by hash, in shards: a table that grows is one shard only. All shards have about as many rows, and so grow at
//! about the same time; an entry therefore has its hash with it, and growing looks at no row (one that is not in the
//! processor's cache costs as much as fifty entries).

use hashbrown::HashTable;

/// With a million rows a shard has a thousand.
const SHARDS: usize = 1024;

/// See the top of the file.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// None at all until the first row comes.
    shards: Vec<HashTable<Entry>>,
}

#[derive(Debug)]
struct Entry {
    /// Half of the hash.
    half: u32,
    row: u32,
}

const fn half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The lowest bits and the highest seven are the table's own.
const fn shard_of(half: u32) -> usize {
    (half >> 15) as usize % SHARDS
}

/// What the table takes for the hash: half of it, twice.
const fn in_table(half: u32) -> u64 {
    (half as u64) << 32 | half as u64
}

impl Index {
    pub(super) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        let half = half(hash);
        let shard = self.shards.get(shard_of(half))?;
        let same = |entry: &Entry| entry.half == half && same(entry.row);
        shard.find(in_table(half), same).map(|entry| entry.row)
    }

    /// Adds a row that is not there yet.
    pub(super) fn insert(&mut self, hash: u64, row: u32) {
        if self.shards.is_empty() {
            self.shards.resize_with(SHARDS, HashTable::new);
        }
        let half = half(hash);
        if let Some(shard) = self.shards.get_mut(shard_of(half)) {
            shard.insert_unique(in_table(half), Entry { half, row }, |entry| {
                in_table(entry.half)
            });
        }
    }

    pub(super) fn remove(&mut self, hash: u64, row: u32) {
        let half = half(hash);
        let Some(shard) = self.shards.get_mut(shard_of(half)) else {
            return;
        };
        if let Ok(entry) = shard.find_entry(in_table(half), |entry| entry.row == row) {
            entry.remove();
        }
        if shard.is_empty() {
            *shard = HashTable::new();
        }
    }

    /// Frees one shard of an index that nobody uses any more. Whether there was one.
    pub(super) fn scrap(&mut self) -> bool {
        self.shards.pop().is_some()
    }
}
