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

impl Page {
    const fn most(self) -> u64 {
        if self.count < MOST_ROWS {
            self.count
        } else {
            MOST_ROWS
        }
    }

    const fn most_bytes(self) -> u64 {
        if self.bytes < MOST_BYTES {
            self.bytes
        } else {
            MOST_BYTES
        }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self {
            count: 1000,
            bytes: 1024 * 1024,
        }
    }
}

/// The arguments of RANGE.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> {
    /// The first message that is wanted.
    pub from: Seq,
    /// The last one.
    pub to: Seq,
    /// How many of them at most.
    pub page: Page,
    /// The last ones of them, where a page cannot hold all: in their order all the same.
    pub backwards: bool,
    /// Nothing from before the membership of this uid.
    pub own: Option<&'a [u8]>,
}

/// The reply of both, a map: `head`, `before` (the position before the first row), `rows` (number, Unix time in milliseconds,
/// uid, payload), `more`: 1 if the page was full before everything was read, which goes on behind the last row (backwards:
/// before the first one), and `gone`: how many of the messages that were asked for are not stored any more.
pub struct Rows<'a> {
    room: &'a Room,
    from: Seq,
    to: Seq,
    page: Page,
    /// There is more before `from`.
    earlier: bool,
    gone: u64,
}

impl Range<'_> {
    /// Runs it.
    pub fn run<'a>(&self, room: Option<&'a Room>) -> Result<Rows<'a>, RoomError> {
        let room = room.ok_or(RoomError::NoRoom)?;
        let log = room.log();
        let mut from = self.from.max(1);
        if let Some(uid) = self.own {
            check_uid(uid)?;
            from = from.max(room.member_or_err(uid)?.joined_at.saturating_add(1));
        }
        let to = self.to.min(log.head().seq);
        let first = from.max(log.first());
        let begin = match self.backwards {
            true => log.last_that_fit(first, to, self.page.most(), self.page.most_bytes()),
            false => first,
        };
        let last_gone = to.min(log.first().saturating_sub(1));
        Ok(Rows {
            room,
            from: begin,
            to,
            page: self.page,
            earlier: begin > first,
            gone: last_gone.saturating_add(1).saturating_sub(from),
        })
    }
}

/// Runs RANGE without options.
pub fn range(room: Option<&Room>, from: Seq, to: Seq, page: Page) -> Result<Rows<'_>, RoomError> {
    let range = Range {
        from,
        to,
        page,
        backwards: false,
        own: None,
    };
    range.run(room)
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
        let from = self.from;
        let before = log
            .position_at(from.saturating_sub(1))
            .unwrap_or(log.head());
        let (most, most_bytes) = (self.page.most(), self.page.most_bytes());
        to.map(5);
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
        to.pair("more", u64::from(more || self.earlier));
        to.pair("gone", self.gone);
    }
}
