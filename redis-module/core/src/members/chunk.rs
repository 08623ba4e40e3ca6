//! A part of the table: rows beside the uids that they name.

use crate::position::Seq;

/// Rows in a chunk. Even with the longest uids, and as many bytes of gone ones, a uid begins below 2^16.
pub(super) const CHUNK: usize = 256;
/// Bytes of gone uids that a chunk may hold beside as many as it uses.
const SLACK: usize = 128;
/// The end of a bucket's list.
pub(super) const NONE: u32 = u32::MAX;

/// What is known of a member, but for its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) cursor: Seq,
    pub(super) joined_at: Seq,
    pub(super) acted_ms: u64,
    pub(super) kicks: u16,
    pub(super) print: u16,
    pub(super) uid_at: u16,
    pub(super) uid_len: u8,
    /// [`RELEASED`] and [`NEWCOMER`], in one byte so that a row has 40.
    pub(super) marks: u8,
    /// The next row of the same bucket.
    pub(super) next: u32,
    /// The first row of the bucket that has this row's number: it stays when the row moves.
    pub(super) head: u32,
}

impl Row {
    pub(super) const fn new(cursor: Seq, joined_at: Seq, acted_ms: u64) -> Self {
        Self {
            cursor,
            joined_at,
            acted_ms,
            kicks: 0,
            print: 0,
            uid_at: 0,
            uid_len: 0,
            marks: 0,
            next: NONE,
            head: NONE,
        }
    }
}

/// Absent for longer than `member-ttl`: does not hold the log back.
const RELEASED: u8 = 1;
/// Came by itself and did nothing yet.
const NEWCOMER: u8 = 2;

impl Row {
    pub(super) const fn released(&self) -> bool {
        self.marks & RELEASED != 0
    }

    pub(super) const fn newcomer(&self) -> bool {
        self.marks & NEWCOMER != 0
    }

    pub(super) const fn set_released(&mut self, released: bool) {
        self.marks = self.marks & !RELEASED | if released { RELEASED } else { 0 };
    }

    pub(super) const fn set_newcomer(&mut self, newcomer: bool) {
        self.marks = self.marks & !NEWCOMER | if newcomer { NEWCOMER } else { 0 };
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Chunk {
    pub(super) rows: Vec<Row>,
    pub(super) uids: Vec<u8>,
}

impl Chunk {
    pub(super) fn uid_of(&self, row: &Row) -> &[u8] {
        let at = usize::from(row.uid_at);
        let uid = self.uids.get(at..at + usize::from(row.uid_len));
        uid.unwrap_or_default()
    }

    /// Appends a uid; its place.
    pub(super) fn add_uid(&mut self, uid: &[u8]) -> u16 {
        if self.uids.capacity() - self.uids.len() < uid.len() {
            let used: usize = self.rows.iter().map(|row| usize::from(row.uid_len)).sum();
            if self.uids.len() > 2 * used + SLACK {
                self.compact(used + uid.len());
            }
            grow(&mut self.uids, uid.len(), usize::from(u16::MAX));
        }
        let at = self.uids.len() as u16;
        self.uids.extend_from_slice(uid);
        at
    }

    /// Closes the gaps that members who left made.
    pub(super) fn compact(&mut self, capacity: usize) {
        let mut uids = Vec::with_capacity(capacity);
        for at in 0..self.rows.len() {
            let place = uids.len() as u16;
            if let Some(row) = self.rows.get(at) {
                uids.extend_from_slice(self.uid_of(row));
            }
            if let Some(row) = self.rows.get_mut(at) {
                row.uid_at = place;
            }
        }
        self.uids = uids;
    }
}

/// Grows by a quarter, as the allocator's sizes do, to at most `most`; doubling would waste more.
pub(super) fn grow<T>(list: &mut Vec<T>, more: usize, most: usize) {
    if list.capacity() - list.len() < more {
        let wanted = more.max(list.len() / 4);
        let most = most.saturating_sub(list.len());
        list.reserve_exact(wanted.min(most).max(more));
    }
}
