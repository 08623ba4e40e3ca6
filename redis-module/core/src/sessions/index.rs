//! Row numbers by hash, in shards: a table that grows touches the rows of one shard only.

use hashbrown::HashTable;

/// With a million rows a shard has a thousand.
const SHARDS: usize = 1024;

/// See the top of the file.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// None at all until the first row comes.
    shards: Vec<HashTable<u32>>,
}

/// The table itself uses the lowest bits and the highest seven.
fn shard_of(hash: u64) -> usize {
    (hash >> 32) as usize % SHARDS
}

impl Index {
    pub(super) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        let shard = self.shards.get(shard_of(hash))?;
        shard.find(hash, |&row| same(row)).copied()
    }

    /// Adds a row that is not there yet. `hash_of` is asked for the other rows of a shard that grows.
    pub(super) fn insert(&mut self, hash: u64, row: u32, hash_of: impl Fn(u32) -> u64) {
        if self.shards.is_empty() {
            self.shards.resize_with(SHARDS, HashTable::new);
        }
        if let Some(shard) = self.shards.get_mut(shard_of(hash)) {
            shard.insert_unique(hash, row, |&row| hash_of(row));
        }
    }

    pub(super) fn remove(&mut self, hash: u64, row: u32) {
        let Some(shard) = self.shards.get_mut(shard_of(hash)) else {
            return;
        };
        if let Ok(entry) = shard.find_entry(hash, |&found| found == row) {
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
