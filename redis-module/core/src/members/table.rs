//! The rows and how one is found by its uid, in steps so small that no call ever copies the table or hashes it anew.
//!
//! Rows lie in chunks of [`CHUNK`], each with the uids of its own rows: growing, closing gaps and shrinking concern one
//! chunk. The index is a hash table that grows by one bucket for each row (linear hashing): a row that comes splits one
//! bucket in two, a row that goes joins two. So there are as many buckets as rows, and a bucket's first row is noted in
//! the row of the same number.

use super::chunk::{CHUNK, Chunk, NONE, Row, grow};
use hashbrown::DefaultHashBuilder;
use std::hash::BuildHasher;
use std::sync::LazyLock;

/// One for all rooms: it needs no memory in each, and what it answers is not seen outside. The lock is taken once, when
/// the first uid is hashed; after that it is a look at a flag.
static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

fn hash(uid: &[u8]) -> usize {
    HASHER.hash_one(uid) as usize
}

/// A row keeps these sixteen bits of its uid's hash: they tell most others apart, and between 2^8 and 2^24 rows they say
/// which way a split sends it, both without a look at the uid.
const PRINT_FROM: u32 = 8;

const fn print_of(hash: usize) -> u16 {
    (hash >> PRINT_FROM) as u16
}

/// The bucket of a hash among `buckets` of them: by as many bits as number them, or one less where there is none yet.
const fn bucket(hash: usize, buckets: usize) -> usize {
    let all = buckets.next_power_of_two();
    let at = hash & (all - 1);
    if at < buckets { at } else { at - all / 2 }
}

/// The bucket that `at` is split from and goes back into. Not for the first one.
const fn parent(at: usize) -> usize {
    at - (1 << at.ilog2())
}

/// See the top of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// All but the last are full.
    chunks: Vec<Chunk>,
    len: usize,
}

impl Table {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Rows can be numbered up to here.
    pub(super) const MOST: usize = NONE as usize;

    pub(super) fn get(&self, at: usize) -> Option<(&[u8], &Row)> {
        let chunk = self.chunks.get(at / CHUNK)?;
        let row = chunk.rows.get(at % CHUNK)?;
        Some((chunk.uid_of(row), row))
    }

    pub(super) fn row_mut(&mut self, at: usize) -> Option<&mut Row> {
        self.chunks.get_mut(at / CHUNK)?.rows.get_mut(at % CHUNK)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Row)> {
        let rows = |chunk| {
            let chunk: &Chunk = chunk;
            chunk.rows.iter().map(move |row| (chunk.uid_of(row), row))
        };
        self.chunks.iter().flat_map(rows)
    }

    /// The rows without their uids.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.chunks.iter().flat_map(|chunk| &chunk.rows)
    }

    fn row(&self, at: u32) -> Option<&Row> {
        let at = at as usize;
        self.chunks.get(at / CHUNK)?.rows.get(at % CHUNK)
    }

    /// The row of this uid.
    pub(super) fn find(&self, uid: &[u8]) -> Option<usize> {
        if self.len == 0 {
            return None;
        }
        let hash = hash(uid);
        let mut at = self.row(bucket(hash, self.len) as u32)?.head;
        while at != NONE {
            let chunk = self.chunks.get(at as usize / CHUNK)?;
            let row = chunk.rows.get(at as usize % CHUNK)?;
            if row.print == print_of(hash) && chunk.uid_of(row) == uid {
                return Some(at as usize);
            }
            at = row.next;
        }
        None
    }

    /// Adds a row for a uid that has none.
    pub(super) fn push(&mut self, uid: &[u8], row: Row) {
        let at = self.len;
        if at.is_multiple_of(CHUNK) {
            // This list of chunks is what is copied when it grows: 48 bytes for 256 members.
            let more = 1 + self.chunks.len() / 8;
            if self.chunks.len() == self.chunks.capacity() {
                self.chunks.reserve_exact(more);
            }
            self.chunks.push(Chunk::default());
        }
        let Some(chunk) = self.chunks.last_mut() else {
            return;
        };
        let hash = hash(uid);
        let uid_at = chunk.add_uid(uid);
        grow(&mut chunk.rows, 1, CHUNK);
        chunk.rows.push(Row {
            print: print_of(hash),
            uid_at,
            uid_len: uid.len() as u8,
            next: NONE,
            head: NONE,
            ..row
        });
        if chunk.rows.len() == CHUNK {
            chunk.uids.shrink_to_fit();
        }
        self.len += 1;
        if at > 0 {
            self.split(at);
        }
        self.link(at, bucket(hash, self.len));
    }

    /// Takes a row out; the last one takes its place.
    pub(super) fn remove(&mut self, at: usize) -> Option<Row> {
        let (uid, gone) = self.get(at)?;
        let gone = *gone;
        let home = bucket(hash(uid), self.len);
        let last = self.len - 1;
        self.relink(home, at, gone.next);
        if last > 0 {
            self.join(last);
        }
        let chunk = self.chunks.last_mut()?;
        let moved = chunk.rows.pop()?;
        self.len = last;
        if at != last {
            let uid = chunk.uid_of(&moved).to_vec();
            self.relink(bucket(hash(&uid), last), last, at as u32);
            self.put(at, &uid, moved);
        }
        self.shrink();
        Some(gone)
    }

    /// Writes a row with its uid over another one.
    fn put(&mut self, at: usize, uid: &[u8], row: Row) {
        let Some(chunk) = self.chunks.get_mut(at / CHUNK) else {
            return;
        };
        let Some(old) = chunk.rows.get_mut(at % CHUNK) else {
            return;
        };
        let (head, place) = (old.head, usize::from(old.uid_at));
        let fits = uid.len() <= usize::from(old.uid_len);
        old.uid_len = 0;
        let uid_at = match chunk.uids.get_mut(place..place + uid.len()) {
            Some(bytes) if fits => {
                bytes.copy_from_slice(uid);
                place as u16
            }
            _ => chunk.add_uid(uid),
        };
        if let Some(old) = chunk.rows.get_mut(at % CHUNK) {
            *old = Row {
                uid_at,
                uid_len: uid.len() as u8,
                head,
                ..row
            };
        }
    }

    /// Gives memory of the last chunk back.
    fn shrink(&mut self) {
        let Some(last) = self.chunks.last_mut() else {
            return;
        };
        let len = last.rows.len();
        if len == 0 {
            self.chunks.pop();
            let chunks = self.chunks.len();
            if self.chunks.capacity() > 2 * chunks {
                self.chunks.shrink_to(chunks + chunks / 8);
            }
        } else if last.rows.capacity() > 4 * len {
            last.rows.shrink_to(2 * len);
            last.compact(0);
        }
    }

    /// Sets what follows in a bucket: the head for `None`, else the row's next.
    fn set_link(&mut self, bucket: usize, before: Option<u32>, to: u32) {
        match before {
            None => {
                if let Some(row) = self.row_mut(bucket) {
                    row.head = to;
                }
            }
            Some(before) => {
                if let Some(row) = self.row_mut(before as usize) {
                    row.next = to;
                }
            }
        }
    }

    fn head(&self, bucket: usize) -> u32 {
        self.row(bucket as u32).map_or(NONE, |row| row.head)
    }

    fn next(&self, at: u32) -> u32 {
        self.row(at).map_or(NONE, |row| row.next)
    }

    /// Puts a row at the front of a bucket.
    fn link(&mut self, at: usize, bucket: usize) {
        let first = self.head(bucket);
        self.set_link(bucket, Some(at as u32), first);
        self.set_link(bucket, None, at as u32);
    }

    /// Makes whatever leads to row `at` in a bucket lead to `to`.
    fn relink(&mut self, bucket: usize, at: usize, to: u32) {
        let (mut before, mut here) = (None, self.head(bucket));
        while here != NONE && here as usize != at {
            before = Some(here);
            here = self.next(here);
        }
        if here != NONE {
            self.set_link(bucket, before, to);
        }
    }

    /// Gives the newest bucket what is its own of its parent's.
    fn split(&mut self, newest: usize) {
        let from = parent(newest);
        let bit = newest.ilog2();
        let in_print = (PRINT_FROM..PRINT_FROM + u16::BITS).contains(&bit);
        let mut here = self.head(from);
        self.set_link(from, None, NONE);
        while let Some(row) = self.row(here) {
            let next = row.next;
            let moves = if in_print {
                row.print >> (bit - PRINT_FROM) & 1 == 1
            } else {
                self.get(here as usize)
                    .is_some_and(|(uid, _)| hash(uid) >> bit & 1 == 1)
            };
            self.link(here as usize, if moves { newest } else { from });
            here = next;
        }
    }

    /// Puts the last bucket back into its parent.
    fn join(&mut self, last: usize) {
        let into = parent(last);
        let mut here = self.head(last);
        while here != NONE {
            let next = self.next(here);
            self.link(here as usize, into);
            here = next;
        }
        self.set_link(last, None, NONE);
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let of = |chunk: &Chunk| chunk.rows.capacity() * size_of::<Row>() + chunk.uids.capacity();
        self.chunks.capacity() * size_of::<Chunk>() + self.chunks.iter().map(of).sum::<usize>()
    }

    pub(super) fn heap_blocks(&self) -> usize {
        1 + 2 * self.chunks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_comes_from_its_parent() {
        for buckets in 2..2000 {
            for hash in (0..100_000).step_by(37) {
                let (before, after) = (bucket(hash, buckets - 1), bucket(hash, buckets));
                assert!(before == after || after == buckets - 1 && before == parent(after));
            }
        }
    }

    #[test]
    fn lists_stay_short_and_rows_small() {
        assert!(size_of::<Row>() <= 40);
        let mut table = Table::default();
        for i in 0..100_000 {
            table.push(format!("{i:016}").as_bytes(), Row::new(0, 0, 0));
        }
        let longest = (0..table.len()).map(|bucket| {
            let mut here = table.head(bucket);
            let mut many = 0;
            while here != NONE {
                many += 1;
                here = table.next(here);
            }
            many
        });
        assert!(longest.max() < Some(32));
    }
}
