//! What `ROOM.WAITING` replies.

use super::super::reply::{Answer, Sink};
use super::scan::Row;
use crate::position::Tag;

/// Members that one call returns at most.
pub const MOST_WAITING: u64 = 1_000;

/// One row of the reply: key, uid, what it was told of (seq), head, pending, since when (Unix time in milliseconds), its cursor
/// (seq), and what tells this telling from any other: birth of the room, where it joined, tellings before.
#[derive(Debug)]
pub struct WaitingRow<'a> {
    /// The room's key.
    pub key: &'a [u8],
    /// The room's birth.
    pub birth: Tag,
    /// Who, and what.
    pub row: &'a Row,
}

impl Answer for WaitingRow<'_> {
    fn write(&self, to: &mut impl Sink) {
        let Self { key, birth, row } = *self;
        to.array(8);
        to.bytes(key);
        to.bytes(&row.uid);
        to.int(row.told);
        to.position(row.head);
        to.int(row.pending);
        to.int(row.since);
        to.int(row.cursor);
        to.text(&format!(
            "{:08x}-{}-{}",
            birth.0, row.joined_at, row.tellings
        ));
    }
}
