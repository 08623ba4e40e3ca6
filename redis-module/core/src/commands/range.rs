//! `ROOM.RANGE`: the log, paged. `ROOM.QUEUE`: what waits for a uid, without moving its cursor.

use super::reply::{Answer, Sink};
use crate::error::RoomError;
use crate::log::MAX_SEQ;
use crate::position::Seq;
use crate::room::{Room, check_uid};

/// Messages that one reply may hold.
pub const MOST_ROWS: u64 = 10_000;
/// Bytes of payloads that one reply may hold, unless it is a single message.
pub const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// How much one reply is to hold at most; at least one message always fits. More than [`MOST_ROWS`] and [`MOST_BYTES`] is
/// taken for these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Messages.
    pub count: u64,
    /// Bytes of payloads.
    pub bytes: u64,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            count: 1000,
            bytes: 1024 * 1024,
        }
    }
}

/// The reply of both, a map: `head`, `before` (the position before the first row), `rows` (number, Unix time in milliseconds,
/// uid, payload), and `more`: 1 if the page was full before everything was read, which goes on behind the last row.
pub struct Rows<'a> {
    room: &'a Room,
    from: Seq,
    to: Seq,
    page: Page,
}

/// Runs RANGE.
pub fn range(room: Option<&Room>, from: Seq, to: Seq, page: Page) -> Result<Rows<'_>, RoomError> {
    Ok(Rows {
        room: room.ok_or(RoomError::NoRoom)?,
        from,
        to,
        page,
    })
}

/// Runs QUEUE.
pub fn queue<'a>(room: Option<&'a Room>, uid: &[u8], page: Page) -> Result<Rows<'a>, RoomError> {
    check_uid(uid)?;
    let room = room.ok_or(RoomError::NoRoom)?;
    let (start, _) = room.start_at(room.member_or_err(uid)?.cursor);
    range(Some(room), start.seq.saturating_add(1), MAX_SEQ, page)
}

impl Answer for Rows<'_> {
    fn write(&self, to: &mut impl Sink) {
        let log = self.room.log();
        let from = self.from.max(log.first());
        let before = log
            .position_at(from.saturating_sub(1))
            .unwrap_or(log.head());
        let (most, most_bytes) = (
            self.page.count.min(MOST_ROWS),
            self.page.bytes.min(MOST_BYTES),
        );
        to.map(4);
        to.pair_position("head", log.head());
        to.pair_position("before", before);
        to.text("rows");
        to.begin_array();
        let (mut rows, mut bytes, mut more) = (0, 0, false);
        for entry in log.entries_from(from) {
            if entry.position.seq > self.to {
                break;
            }
            bytes += entry.payload.len() as u64;
            more = rows >= most || (rows > 0 && bytes > most_bytes);
            if more {
                break;
            }
            to.array(4);
            to.int(entry.position.seq);
            to.int(entry.ms);
            to.bytes(entry.uid);
            to.bytes(entry.payload);
            rows += 1;
        }
        to.end_array(rows as usize);
        to.pair("more", u64::from(more));
    }
}
