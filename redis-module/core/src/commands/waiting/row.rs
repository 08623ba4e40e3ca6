//! What `ROOM.WAITING` replies.

use super::super::reply::{Answer, Sink};
use super::scan::Row;
use crate::position::Tag;
use std::sync::Arc;

/// Members that one call returns at most.
pub const MOST_WAITING: u64 = 1_000;

/// A member for whom mail waits, in some room.
#[derive(Debug)]
pub struct Found {
    /// The room's key.
    pub key: Arc<[u8]>,
    /// The room's birth.
    pub birth: Tag,
    /// Who, and what.
    pub row: Row,
}

/// The reply. A row: key, uid, what it was told of (seq), head, pending, since when (Unix time in milliseconds), its cursor (seq), and
/// what tells this telling from any other: birth of the room, where it joined, tellings before.
#[derive(Debug)]
pub struct Waiting {
    /// Who was found.
    pub found: Vec<Found>,
    /// The call was over before all were looked at.
    pub more: bool,
}

impl Answer for Waiting {
    fn write(&self, to: &mut impl Sink) {
        to.map(2);
        to.text("rows");
        to.array(self.found.len());
        for Found { key, birth, row } in &self.found {
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
        to.text("more");
        to.int(u64::from(self.more));
    }
}
