//! Who belongs to the room: uid, cursor and a few facts, 57 bytes for a uid of 16.
//!
//! Leaving moves the last row into the gap. Paging goes from the last row to the first, so that such a move can show a
//! row twice but never hide one.

mod chunk;
mod table;

use crate::bytes::{Reader, put_bytes, put_varint};
use crate::log::MAX_MS;
use crate::position::Seq;
use crate::uid::valid_uid;
use chunk::Row;
use std::collections::BinaryHeap;
use table::Table;

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
    /// Whether it came by itself (a JOIN), was never invited, and neither acknowledged nor published anything yet.
    pub newcomer: bool,
}

impl<'a> Member<'a> {
    fn of((uid, row): (&'a [u8], &Row)) -> Self {
        Self {
            uid,
            cursor: row.cursor,
            joined_at: row.joined_at,
            acted_ms: row.acted_ms,
            kicks: row.kicks,
            released: row.released(),
            newcomer: row.newcomer(),
        }
    }
}

/// See the top of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    table: Table,
    /// How many are newcomers: while there is none, a publish need not look its sender up.
    newcomers: usize,
    /// The latest act of any member, of those who left too.
    acted_ms: u64,
}

impl Members {
    pub(crate) const fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) const fn acted_ms(&self) -> u64 {
        self.acted_ms
    }

    pub(crate) const fn newcomers(&self) -> usize {
        self.newcomers
    }

    /// Whether so many more fit: rows are numbered with 32 bits.
    pub(crate) const fn has_room_for(&self, more: usize) -> bool {
        self.len().saturating_add(more) <= Table::MOST
    }

    pub(crate) fn get(&self, uid: &[u8]) -> Option<Member<'_>> {
        self.table.find(uid).and_then(|at| self.at(at))
    }

    /// The member in row `at`: the rows are numbered from 0 to `len`, in no promised order.
    pub(crate) fn at(&self, at: usize) -> Option<Member<'_>> {
        self.table.get(at).map(Member::of)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Member<'_>> {
        self.table.iter().map(Member::of)
    }

    /// The lowest cursor of those who are released from holding the log, or of those who are not.
    pub(crate) fn lowest_cursor(&self, released: bool) -> Option<Seq> {
        let rows = self.table.rows();
        rows.filter(|row| row.released() == released)
            .map(|row| row.cursor)
            .min()
    }

    /// The `top` members furthest behind, by cursor, then uid.
    pub(crate) fn lag(&self, top: usize) -> Vec<Member<'_>> {
        // Of those met so far, the least behind is on top and goes first.
        let mut heap: BinaryHeap<(Seq, &[u8], usize)> = BinaryHeap::new();
        for (at, (uid, row)) in self.table.iter().enumerate() {
            if heap.len() < top {
                heap.push((row.cursor, uid, at));
            } else if let Some(mut least) = heap.peek_mut()
                && (row.cursor, uid) < (least.0, least.1)
            {
                *least = (row.cursor, uid, at);
            }
        }
        let sorted = heap.into_sorted_vec().into_iter();
        sorted.filter_map(|(_, _, at)| self.at(at)).collect()
    }

    /// Adds a member that is not there yet (the caller has looked).
    pub(crate) fn insert(&mut self, uid: &[u8], cursor: Seq, ms: u64, newcomer: bool) {
        let mut row = Row::new(cursor, cursor, ms);
        row.set_newcomer(newcomer);
        self.push(uid, row);
    }

    fn push(&mut self, uid: &[u8], row: Row) {
        self.newcomers += usize::from(row.newcomer());
        self.acted_ms = self.acted_ms.max(row.acted_ms);
        self.table.push(uid, row);
    }

    /// Takes a member out. Its cursor, if it was one, and whether it held the log back.
    pub(crate) fn remove(&mut self, uid: &[u8]) -> Option<(Seq, bool)> {
        let row = self.table.remove(self.table.find(uid)?)?;
        self.newcomers -= usize::from(row.newcomer());
        Some((row.cursor, !row.released()))
    }

    /// Changes a row; `None` if the uid is no member.
    fn change<T>(&mut self, uid: &[u8], change: impl FnOnce(&mut Row) -> T) -> Option<T> {
        let at = self.table.find(uid)?;
        self.table.row_mut(at).map(change)
    }

    /// Sets a cursor and says that the member acted.
    pub(crate) fn set_cursor(&mut self, uid: &[u8], cursor: Seq, ms: u64) {
        let was = self.change(uid, |row| {
            row.cursor = cursor;
            row.acted_ms = row.acted_ms.max(ms);
            take_newcomer(row)
        });
        if let Some(newcomer) = was {
            self.newcomers -= usize::from(newcomer);
            self.acted_ms = self.acted_ms.max(ms);
        }
    }

    pub(crate) fn set_acted(&mut self, uid: &[u8], ms: u64) -> bool {
        let known = self.change(uid, |row| row.acted_ms = row.acted_ms.max(ms));
        if known.is_some() {
            self.acted_ms = self.acted_ms.max(ms);
        }
        known.is_some()
    }

    /// Makes a newcomer an ordinary member. Whether it was one.
    pub(crate) fn settle(&mut self, uid: &[u8]) -> bool {
        let was = self.newcomers > 0 && self.change(uid, take_newcomer) == Some(true);
        self.newcomers -= usize::from(was);
        was
    }

    pub(crate) fn set_released(&mut self, uid: &[u8], released: bool) {
        self.change(uid, |row| row.set_released(released));
    }

    pub(crate) fn add_kick(&mut self, uid: &[u8]) -> bool {
        self.change(uid, |row| row.kicks = row.kicks.wrapping_add(1))
            .is_some()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.table.heap_bytes()
    }

    pub(crate) fn heap_blocks(&self) -> usize {
        self.table.heap_blocks()
    }

    /// Parts of at most `per_part` rows.
    pub(crate) fn save(&self, per_part: usize, mut part: impl FnMut(&[u8])) {
        let mut out = Vec::new();
        for (at, (uid, row)) in self.table.iter().enumerate() {
            if at > 0 && at % per_part == 0 {
                part(&out);
                out.clear();
            }
            put_bytes(&mut out, uid);
            put_varint(&mut out, row.cursor);
            put_varint(&mut out, row.joined_at);
            put_varint(&mut out, row.acted_ms);
            let flags = u64::from(row.newcomer()) << 1 | u64::from(row.released());
            put_varint(&mut out, u64::from(row.kicks) << 2 | flags);
        }
        if !out.is_empty() {
            part(&out);
        }
    }

    /// Adds one saved part; `each` is told cursor and whether the member holds the log back. Version 1 knew no newcomers.
    pub(crate) fn load(
        &mut self,
        reader: &mut Reader<'_>,
        version: u8,
        head: Seq,
        mut each: impl FnMut(Seq, bool),
    ) -> Option<()> {
        while !reader.is_empty() {
            let uid = reader.bytes().filter(|uid| valid_uid(uid))?;
            let cursor = reader.varint().filter(|&cursor| cursor <= head)?;
            let joined_at = reader.varint()?.min(cursor);
            let acted_ms = reader.varint().filter(|&ms| ms <= MAX_MS)?;
            let flags = reader.varint()?;
            let (kicks, newcomer) = match version {
                1 => (flags >> 1, false),
                _ => (flags >> 2, flags & 2 != 0),
            };
            if !self.has_room_for(1) || self.table.find(uid).is_some() {
                return None;
            }
            let mut row = Row::new(cursor, joined_at, acted_ms);
            row.kicks = u16::try_from(kicks).ok()?;
            row.set_released(flags & 1 == 1);
            row.set_newcomer(newcomer);
            self.push(uid, row);
            each(cursor, !row.released());
        }
        Some(())
    }

    /// Takes the saved time of the latest act; `None` if it is earlier than a member's.
    pub(crate) fn load_acted(&mut self, ms: u64) -> Option<()> {
        if ms < self.acted_ms || ms > MAX_MS {
            return None;
        }
        self.acted_ms = ms;
        Some(())
    }
}

/// Takes the mark away. Whether it was there.
fn take_newcomer(row: &mut Row) -> bool {
    let was = row.newcomer();
    row.set_newcomer(false);
    was
}
