//! Joining a page of the log to what somebody has, and live frames to what the hub has, without a gap or a repeat. Pure.
//!
//! Numbers alone prove nothing (a failover or a reborn room repeats them): a message follows only if its tag continues
//! the chain.

use bytes::Bytes;
use room_core::announce::Header;
use room_core::position::{Position, Seq};
use std::collections::VecDeque;

/// Positions that a follower remembers, to tell a repeated frame from one of another history.
const REMEMBERED: usize = 256;

/// Where a hub is in its room's history.
#[derive(Debug)]
pub struct Follower {
    at: Position,
    recent: VecDeque<Position>,
}

/// What a live frame is to a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next message.
    Next,
    /// A message that it has.
    Duplicate,
    /// Something is missing, or it is another history: read the log.
    Broken,
}

impl Follower {
    /// One that has everything up to `at`.
    pub fn new(at: Position) -> Self {
        Self {
            at,
            recent: VecDeque::from([at]),
        }
    }

    /// Everything up to here was taken.
    pub const fn at(&self) -> Position {
        self.at
    }

    /// The position of a recent message.
    pub fn recent(&self, seq: Seq) -> Option<Position> {
        self.recent
            .iter()
            .rev()
            .find(|known| known.seq == seq)
            .copied()
    }

    /// Judges a message.
    pub fn judge(&self, header: &Header<'_>, payload: &[u8]) -> Verdict {
        let frame = header.position();
        if frame.seq == self.at.seq + 1 {
            let continues = self.at.next(header.ms, header.uid.as_bytes(), payload) == frame;
            return if continues {
                Verdict::Next
            } else {
                Verdict::Broken
            };
        }
        if frame.seq <= self.at.seq && self.recent.iter().rev().any(|known| *known == frame) {
            return Verdict::Duplicate;
        }
        Verdict::Broken
    }

    /// Takes the message at `position`, which was judged the next.
    pub fn advance(&mut self, position: Position) {
        self.at = position;
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(position);
    }
}

/// One message of the log, as `ROOM.RANGE` gives it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its number.
    pub seq: Seq,
    /// When it was published, Unix time in milliseconds.
    pub ms: u64,
    /// Who published it.
    pub uid: String,
    /// As it was published.
    pub payload: Vec<u8>,
}

/// A run of messages, encoded once for everybody who reads it.
#[derive(Clone, Debug)]
pub struct Page {
    before: Position,
    /// The position of each message and where its bytes end.
    ends: Vec<(Position, usize)>,
    bytes: Bytes,
    /// The log went on after it.
    cut: bool,
}

/// What a page holds for somebody.
#[derive(Debug, PartialEq, Eq)]
pub enum Slice {
    /// What follows, up to a position.
    Bytes(Bytes, Position),
    /// Nothing yet: it ends before.
    Beyond,
    /// The log begins only after this position: what lies between is gone.
    Gone(Position),
    /// The reader's position is of another history.
    OtherHistory,
}

impl Page {
    /// A page whose first message follows `before`; `encode` appends a message's frame.
    pub fn new(
        before: Position,
        head: Position,
        rows: &[Row],
        mut encode: impl FnMut(Position, &Row, &mut bytes::BytesMut),
    ) -> Self {
        let mut at = before;
        let mut bytes = bytes::BytesMut::new();
        let mut ends = Vec::with_capacity(rows.len());
        for row in rows {
            at = at.next(row.ms, row.uid.as_bytes(), &row.payload);
            encode(at, row, &mut bytes);
            ends.push((at, bytes.len()));
        }
        Self {
            before,
            ends,
            bytes: bytes.freeze(),
            cut: at.seq < head.seq,
        }
    }

    /// The position of its last message.
    pub fn end(&self) -> Position {
        self.ends
            .last()
            .map_or(self.before, |(position, _)| *position)
    }

    /// What follows `at`, where the reader is.
    pub fn after(&self, at: Position) -> Slice {
        if at.seq < self.before.seq {
            return Slice::Gone(self.before);
        }
        if at.seq > self.end().seq {
            return Slice::Beyond;
        }
        let index = (at.seq - self.before.seq) as usize;
        let (known, from) = match index.checked_sub(1) {
            None => (self.before, 0),
            Some(i) => match self.ends.get(i) {
                Some(&(position, end)) => (position, end),
                None => return Slice::Beyond,
            },
        };
        if known != at {
            return Slice::OtherHistory;
        }
        if at == self.end() {
            return Slice::Beyond;
        }
        Slice::Bytes(self.bytes.slice(from..), self.end())
    }

    /// Whether the log had more when it was read: asking again would give the same.
    pub const fn is_cut(&self) -> bool {
        self.cut
    }

    /// Bytes that it holds.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it holds no message.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use room_core::announce::Kind;
    use room_core::position::Tag;

    fn rows(from: u64, to: u64) -> Vec<Row> {
        (from..=to)
            .map(|seq| Row {
                seq,
                ms: 1000 + seq,
                uid: "u".into(),
                payload: format!("{seq};").into_bytes(),
            })
            .collect()
    }

    fn history(birth: u32, to: u64) -> Vec<Position> {
        let mut at = Position::new(0, Tag(birth));
        let mut all = vec![at];
        for row in rows(1, to) {
            at = at.next(row.ms, b"u", &row.payload);
            all.push(at);
        }
        all
    }

    fn page(all: &[Position], from: u64, to: u64) -> Page {
        Page::new(
            all[from as usize - 1],
            all[to as usize],
            &rows(from, to),
            |_, row, out| out.extend_from_slice(&row.payload),
        )
    }

    #[test]
    fn a_page_serves_everybody_who_is_inside_it() {
        let all = history(7, 20);
        let page = page(&all, 11, 15);
        assert_eq!(
            page.after(all[10]),
            Slice::Bytes("11;12;13;14;15;".into(), all[15])
        );
        assert_eq!(page.after(all[13]), Slice::Bytes("14;15;".into(), all[15]));
        assert_eq!(page.after(all[15]), Slice::Beyond);
        assert_eq!(page.after(all[16]), Slice::Beyond);
        assert_eq!(page.after(all[4]), Slice::Gone(all[10]));
        assert_eq!(page.after(history(8, 20)[13]), Slice::OtherHistory);
        assert_eq!(page.after(history(8, 20)[10]), Slice::OtherHistory);
    }

    #[test]
    fn live_frames_follow_repeat_or_break() {
        let all = history(7, 5);
        let mut follower = Follower::new(all[2]);
        let header = |position: Position| Header {
            db: 0,
            kind: Kind::Message,
            seq: position.seq,
            tag: position.tag,
            ms: 1000 + position.seq,
            online: 0,
            members: 0,
            uid: "u",
        };
        assert_eq!(follower.judge(&header(all[3]), b"3;"), Verdict::Next);
        follower.advance(all[3]);
        assert_eq!(follower.judge(&header(all[3]), b"3;"), Verdict::Duplicate);
        assert_eq!(follower.judge(&header(all[2]), b"2;"), Verdict::Duplicate);
        assert_eq!(
            follower.judge(&header(all[5]), b"5;"),
            Verdict::Broken,
            "4 is missing"
        );
        assert_eq!(
            follower.judge(&header(all[1]), b"1;"),
            Verdict::Broken,
            "not remembered"
        );
        let other = history(8, 5);
        assert_eq!(
            follower.judge(&header(other[4]), b"4;"),
            Verdict::Broken,
            "the same number, another history"
        );
        assert_eq!(follower.judge(&header(other[3]), b"3;"), Verdict::Broken);
        assert_eq!(
            follower.judge(&header(all[4]), b"x;"),
            Verdict::Broken,
            "the bytes do not make this tag"
        );
    }
}
