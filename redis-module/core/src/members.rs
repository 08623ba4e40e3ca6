//! Who belongs to the room: uid, cursor and a few facts, 50 to 60 bytes for a uid of 16.
//!
//! Rows lie densely in one list, uids in one buffer, and an index of row numbers finds a row by uid. Leaving moves the
//! last row into the gap. Paging goes from the last row to the first, so that such a move can show a row twice but
//! never hide one.

use crate::bytes::{Reader, put_bytes, put_varint};
use crate::log::MAX_MS;
use crate::position::Seq;
use crate::uid::{MAX_UID, valid_uid};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// Below this many members a row is found faster by looking at all of them.
const INDEX_FROM: usize = 16;

#[derive(Clone, Debug)]
struct Row {
    cursor: Seq,
    joined_at: Seq,
    acted_ms: u64,
    uid_at: u32,
    kicks: u16,
    uid_len: u8,
    /// Absent for longer than `member-ttl`: does not hold the log back.
    released: bool,
}

/// A member as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name.
    pub uid: &'a [u8],
    /// The last message it has acknowledged.
    pub cursor: Seq,
    /// The cursor that it joined with: what is not above that was never meant for it.
    pub joined_at: Seq,
    /// When it last joined, acknowledged or went offline.
    pub acted_ms: u64,
    /// How often it was kicked.
    pub kicks: u16,
    /// Whether it was absent for longer than `member-ttl` and no longer holds the log back.
    pub released: bool,
    /// stub
    pub newcomer: bool,
}

/// See the top of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    rows: Vec<Row>,
    uids: Vec<u8>,
    /// Bytes in `uids` of members who left.
    dead: usize,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Members {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    fn uid_of(&self, row: &Row) -> &[u8] {
        uid_in(&self.uids, row)
    }

    fn find(&self, uid: &[u8]) -> Option<usize> {
        if self.index.is_empty() {
            return self.rows.iter().position(|row| self.uid_of(row) == uid);
        }
        let same = |&at: &u32| {
            self.rows
                .get(at as usize)
                .is_some_and(|row| self.uid_of(row) == uid)
        };
        let found = self.index.find(self.hasher.hash_one(uid), same)?;
        Some(*found as usize)
    }

    fn member<'a>(&'a self, row: &Row) -> Member<'a> {
        Member {
            uid: uid_in(&self.uids, row),
            cursor: row.cursor,
            joined_at: row.joined_at,
            acted_ms: row.acted_ms,
            kicks: row.kicks,
            released: row.released,
            newcomer: false,
        }
    }

    pub(crate) fn get(&self, uid: &[u8]) -> Option<Member<'_>> {
        self.find(uid).and_then(|at| self.at(at))
    }

    /// The member in row `at`: the rows are numbered from 0 to `len`, in no promised order.
    pub(crate) fn at(&self, at: usize) -> Option<Member<'_>> {
        self.rows.get(at).map(|row| self.member(row))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Member<'_>> {
        self.rows.iter().map(|row| self.member(row))
    }

    /// Adds a member that is not there yet (the caller has looked).
    pub(crate) fn insert(&mut self, uid: &[u8], cursor: Seq, ms: u64) {
        self.push(
            uid,
            Row {
                cursor,
                joined_at: cursor,
                acted_ms: ms,
                uid_at: 0,
                kicks: 0,
                uid_len: 0,
                released: false,
            },
        );
    }

    fn push(&mut self, uid: &[u8], row: Row) {
        grow_slowly(&mut self.rows, 1);
        grow_slowly(&mut self.uids, uid.len());
        self.rows.push(Row {
            uid_at: self.uids.len() as u32,
            uid_len: uid.len() as u8,
            ..row
        });
        self.uids.extend_from_slice(uid);
        if self.index.is_empty() && self.rows.len() < INDEX_FROM {
            return;
        }
        let Self {
            rows,
            uids,
            index,
            hasher,
            ..
        } = self;
        let hash_of = |at: u32| {
            rows.get(at as usize)
                .map_or(0, |row| hasher.hash_one(uid_in(uids, row)))
        };
        let from = if index.is_empty() { 0 } else { rows.len() - 1 };
        for at in from as u32..rows.len() as u32 {
            index.insert_unique(hash_of(at), at, |&at| hash_of(at));
        }
    }

    /// Takes a member out. Its cursor, if it was one, and whether it held the log back.
    pub(crate) fn remove(&mut self, uid: &[u8]) -> Option<(Seq, bool)> {
        let at = self.find(uid)?;
        let last = self.rows.len() - 1;
        self.unindex(at);
        if at != last {
            self.unindex(last);
        }
        let row = self.rows.swap_remove(at);
        self.dead += usize::from(row.uid_len);
        // An index that is empty now was of two rows, and one row needs none.
        if at != last && !self.index.is_empty() {
            self.reindex(at);
        }
        if self.dead > 1024 && self.dead * 2 > self.uids.len() {
            self.compact();
        }
        Some((row.cursor, !row.released))
    }

    fn unindex(&mut self, at: usize) {
        let Some(row) = self.rows.get(at) else { return };
        let hash = self.hasher.hash_one(uid_in(&self.uids, row));
        if let Ok(entry) = self.index.find_entry(hash, |&found| found as usize == at) {
            entry.remove();
        }
    }

    fn reindex(&mut self, at: usize) {
        let Self {
            rows,
            uids,
            index,
            hasher,
            ..
        } = self;
        let hash_of = |at: u32| {
            rows.get(at as usize)
                .map_or(0, |row| hasher.hash_one(uid_in(uids, row)))
        };
        index.insert_unique(hash_of(at as u32), at as u32, |&at| hash_of(at));
    }

    /// Closes the gaps that members who left made.
    fn compact(&mut self) {
        let mut uids = Vec::with_capacity(self.uids.len() - self.dead);
        for row in &mut self.rows {
            let at = uids.len() as u32;
            uids.extend_from_slice(uid_in(&self.uids, row));
            row.uid_at = at;
        }
        self.uids = uids;
        self.dead = 0;
        self.rows.shrink_to(self.rows.len() + self.rows.len() / 16);
    }

    /// Changes a row; `None` if the uid is no member.
    fn change<T>(&mut self, uid: &[u8], change: impl FnOnce(&mut Row) -> T) -> Option<T> {
        let at = self.find(uid)?;
        self.rows.get_mut(at).map(change)
    }

    /// Sets a cursor and says that the member acted.
    pub(crate) fn set_cursor(&mut self, uid: &[u8], cursor: Seq, ms: u64) {
        self.change(uid, |row| {
            row.cursor = cursor;
            row.acted_ms = row.acted_ms.max(ms);
        });
    }

    pub(crate) fn set_acted(&mut self, uid: &[u8], ms: u64) -> bool {
        self.change(uid, |row| row.acted_ms = row.acted_ms.max(ms))
            .is_some()
    }

    pub(crate) fn set_released(&mut self, uid: &[u8], released: bool) {
        self.change(uid, |row| row.released = released);
    }

    pub(crate) fn add_kick(&mut self, uid: &[u8]) -> bool {
        self.change(uid, |row| row.kicks = row.kicks.wrapping_add(1))
            .is_some()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.rows.capacity() * size_of::<Row>()
            + self.uids.capacity()
            + self.index.allocation_size()
    }

    pub(crate) fn heap_blocks(&self) -> usize {
        3
    }

    /// Parts of at most `per_part` rows.
    pub(crate) fn save(&self, per_part: usize, mut part: impl FnMut(&[u8])) {
        for rows in self.rows.chunks(per_part) {
            let mut out = Vec::new();
            for row in rows {
                put_bytes(&mut out, self.uid_of(row));
                put_varint(&mut out, row.cursor);
                put_varint(&mut out, row.joined_at);
                put_varint(&mut out, row.acted_ms);
                put_varint(
                    &mut out,
                    u64::from(row.kicks) << 1 | u64::from(row.released),
                );
            }
            part(&out);
        }
    }

    /// Adds one saved part; `each` is told cursor and whether the member holds the log back.
    pub(crate) fn load(
        &mut self,
        reader: &mut Reader<'_>,
        head: Seq,
        mut each: impl FnMut(Seq, bool),
    ) -> Option<()> {
        while !reader.is_empty() {
            let uid = reader.bytes().filter(|uid| valid_uid(uid))?;
            let cursor = reader.varint().filter(|&cursor| cursor <= head)?;
            let joined_at = reader.varint()?.min(cursor);
            let acted_ms = reader.varint().filter(|&ms| ms <= MAX_MS)?;
            let flags = reader.varint()?;
            let kicks = u16::try_from(flags >> 1).ok()?;
            let full = self.uids.len() > u32::MAX as usize - MAX_UID;
            if full || self.find(uid).is_some() {
                return None;
            }
            let released = flags & 1 == 1;
            self.push(
                uid,
                Row {
                    cursor,
                    joined_at,
                    acted_ms,
                    uid_at: 0,
                    kicks,
                    uid_len: 0,
                    released,
                },
            );
            each(cursor, !released);
        }
        Some(())
    }

    /// Whether another member fits: uids are addressed with 32 bits.
    pub(crate) fn has_room(&self) -> bool {
        self.uids.len() <= u32::MAX as usize - MAX_UID
    }
}

fn uid_in<'a>(uids: &'a [u8], row: &Row) -> &'a [u8] {
    let at = row.uid_at as usize;
    uids.get(at..at + usize::from(row.uid_len))
        .unwrap_or_default()
}

/// Grows by a sixteenth: doubling would cost a large room up to 48 bytes per member.
fn grow_slowly<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(4) + list.len() / 16);
    }
}
