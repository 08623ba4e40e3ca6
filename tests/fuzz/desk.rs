//! The server that a hub asks: a log for each room, and answers as they should be, or not. And the connections that it writes to.

use crate::frames;
use crate::steps::{At, How};
use bytes::Bytes;
use hub_core::ask::{
    Answer, Ask, Attached, Back, Fault, Joined, Lost, Member, Published, Range, Row,
};
use hub_core::event::LoginNumber;
use hub_core::handle::{Beat, Handle, Push, Pushed};
use room_core::announce::{self, Header, Kind};
use room_core::position::{Position, Tag};
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// Bytes of messages that a room's log keeps.
const KEPT: usize = 64 * 1024;

/// Names of the few.
pub(crate) const UIDS: [&str; 3] = ["ann", "bob", "cid"];

/// One of them.
pub(crate) fn uid(n: u8) -> &'static str {
    UIDS[usize::from(n) % UIDS.len()]
}

/// A connection, as the hub sees it.
#[derive(Clone, Default)]
pub(crate) struct Conn(pub(crate) Rc<Socket>);

/// See [`Conn`].
#[derive(Default)]
pub(crate) struct Socket {
    pub(crate) full: Cell<bool>,
    pub(crate) gone: Cell<bool>,
    pub(crate) beat: Cell<Beat>,
    pub(crate) logins: Cell<LoginNumber>,
    /// Events without effect yet, and their bytes.
    pub(crate) open: Cell<usize>,
    pub(crate) held: Cell<usize>,
}

impl Handle for Conn {
    fn push(&self, _: u64, bytes: &Bytes, how: Push) -> Pushed {
        assert!(frames::check(bytes) > 0, "nothing is handed over");
        if self.0.gone.get() {
            return Pushed::Gone;
        }
        if self.0.full.get() && matches!(how, Push::Live { .. } | Push::Page { .. }) {
            return Pushed::Full;
        }
        Pushed::Taken(self.0.beat.get() + 1)
    }

    fn done(&self, bytes: usize) {
        let (open, held) = (self.0.open.get(), self.0.held.get());
        assert!(open > 0 && held >= bytes, "an event is given back twice");
        self.0.open.set(open - 1);
        self.0.held.set(held - bytes);
    }

    fn ended(&self, _: &Arc<str>, login: LoginNumber) {
        assert!((1..=self.0.logins.get()).contains(&login), "{login}");
    }
}

/// A room.
pub(crate) struct Log {
    start: Position,
    rows: VecDeque<(Row, Position)>,
    bytes: usize,
}

impl Log {
    pub(crate) fn new(birth: u32) -> Self {
        Self {
            start: Position::new(0, Tag(birth)),
            rows: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(crate) fn head(&self) -> Position {
        self.rows.back().map_or(self.start, |row| row.1)
    }

    /// So far behind the head, or where the log begins.
    pub(crate) fn back(&self, by: u64) -> Position {
        let at = (self.rows.len() as u64).checked_sub(by.saturating_add(1));
        at.map_or(self.start, |at| self.rows[at as usize].1)
    }

    fn has(&self, at: Position) -> bool {
        at == self.start || self.rows.iter().any(|row| row.1 == at)
    }

    pub(crate) fn trim(&mut self, many: usize) {
        for _ in 0..many {
            if let Some((row, at)) = self.rows.pop_front() {
                self.bytes -= row.payload.len();
                self.start = at;
            }
        }
    }

    /// Stores a message; its announcement.
    pub(crate) fn say(&mut self, uid: &str, payload: Vec<u8>) -> Bytes {
        let at = self.head().next(5, uid.as_bytes(), &payload);
        let frame = frame(Kind::Message, 0, at, (1, 3), uid, &payload);
        self.bytes += payload.len();
        let row = Row {
            seq: at.seq,
            ms: 5,
            uid: uid.into(),
            payload,
        };
        self.rows.push_back((row, at));
        while self.bytes > KEPT {
            self.trim(1);
        }
        frame
    }

    /// What a server answers, and what it announces with that.
    pub(crate) fn well(&mut self, ask: &Ask) -> (Answer, Option<Bytes>) {
        let answer = match ask {
            Ask::Join { since, history, .. } => self.joined(*since, *history),
            Ask::Attach(_) => Answer::Attached(Attached {
                head: Some(self.head()),
                counts: Some((3, 1)),
                online: Some(vec!["ann".into()]),
                ..Attached::default()
            }),
            Ask::Publish { uid, payload, .. } => {
                let frame = self.say(uid, payload.to_vec());
                let published = Published {
                    seq: self.head().seq,
                    duplicate: false,
                    position: Some(self.head()),
                };
                return (Answer::Published(published), Some(frame));
            }
            Ask::Signal(uid, payload) => {
                let at = Position::new(0, self.head().tag);
                let frame = frame(Kind::Ephemeral, 0, at, (1, 3), uid, payload);
                return (Answer::Done, Some(frame));
            }
            Ask::Range { from, count, bytes } => self.range(*from, *count, *bytes),
            Ask::Back { to, .. } => self.all_up_to(*to),
            Ask::Members(_) => Answer::Members("0".into(), Vec::new()),
            Ask::Call(_) => panic!("a room asked what backends ask"),
            _ => Answer::Done,
        };
        (answer, None)
    }

    fn joined(&self, since: Option<Position>, history: u64) -> Answer {
        let resumed = since.filter(|since| self.has(*since));
        let position = resumed.unwrap_or_else(|| self.back(history));
        Answer::Joined(Joined {
            position,
            head: self.head(),
            pending: self.head().seq - position.seq,
            resumed: resumed.is_some(),
            reset: since.is_some() && resumed.is_none(),
            members: 3,
            online: 1,
            ..Joined::default()
        })
    }

    fn range(&self, from: u64, count: u64, bytes: usize) -> Answer {
        let first = self.start.seq + 1;
        let skipped = from.max(first) - first;
        let before = match skipped.checked_sub(1) {
            None => self.start,
            Some(at) => self.rows.get(at as usize).map_or(self.head(), |row| row.1),
        };
        let (mut rows, mut size) = (Vec::new(), 0);
        for (row, _) in self.rows.iter().skip(skipped as usize).take(count as usize) {
            size += row.payload.len();
            if size > bytes && !rows.is_empty() {
                break;
            }
            rows.push(row.clone());
        }
        Answer::Range(Range {
            head: self.head(),
            before,
            rows,
        })
    }

    fn all_up_to(&self, to: u64) -> Answer {
        let rows = self.rows.iter().map(|row| &row.0);
        back(Range {
            head: self.head(),
            before: self.start,
            rows: rows.filter(|row| row.seq <= to).cloned().collect(),
        })
    }

    /// What no server answers.
    pub(crate) fn badly(&self, how: &How<'_>) -> Result<Answer, Fault> {
        let place = |at: &At| at.of(|back| self.back(back));
        Ok(match how {
            How::Well => Answer::Done,
            How::Refused(code) => return Err(refused(*code)),
            How::Oddly(kind) => odd(*kind, self.head()),
            How::Joined {
                position,
                head,
                pending,
                lost,
                marks,
                kicks,
            } => Answer::Joined(Joined {
                position: place(position),
                head: place(head),
                pending: pending.0,
                lost: lost.map(|(from, to)| Lost {
                    from: from.0,
                    to: to.0,
                    reason: "trim".into(),
                }),
                resumed: marks & 1 > 0,
                reset: marks & 2 > 0,
                new: marks & 4 > 0,
                members: 3,
                online: 1,
                kicks: kicks.0,
                dedupe: None,
            }),
            How::Attached {
                head,
                gone,
                kicks,
                counts,
                online,
            } => Answer::Attached(Attached {
                head: head.as_ref().map(place),
                gone: named(*gone),
                kicks: kicks
                    .iter()
                    .map(|(who, many)| (uid(*who).to_owned(), many.0))
                    .collect(),
                counts: counts.map(|(total, online)| (total.0, online.0)),
                online: online.map(named),
                dedupe: None,
            }),
            How::Published {
                seq,
                duplicate,
                position,
            } => Answer::Published(Published {
                seq: seq.0,
                duplicate: *duplicate,
                position: position.as_ref().map(place),
            }),
            How::Range { head, before, rows } => Answer::Range(Range {
                head: place(head),
                before: place(before),
                rows: rows
                    .iter()
                    .map(|(seq, who, payload)| Row {
                        seq: seq.0,
                        ms: 5,
                        uid: uid(*who).into(),
                        payload: payload.to_vec(),
                    })
                    .collect(),
            }),
            How::Members(next, rows) => Answer::Members(
                (*next).into(),
                rows.iter()
                    .map(|(who, pending)| Member {
                        uid: uid(*who).into(),
                        pending: pending.0,
                        online: who & 64 > 0,
                    })
                    .collect(),
            ),
        })
    }
}

/// The same rows for who reads back.
pub(crate) fn back(range: Range) -> Answer {
    Answer::Back(Back {
        more: !range.before.seq.is_multiple_of(2),
        gone: range.before.seq,
        range,
    })
}

/// Those whose bits are set.
fn named(bits: u8) -> Vec<String> {
    let all = UIDS.iter().enumerate();
    all.filter(|(at, _)| bits >> at & 1 > 0)
        .map(|(_, uid)| (*uid).to_owned())
        .collect()
}

fn refused(code: u8) -> Fault {
    const CODES: [&str; 7] = [
        "NOROOM", "NOMEMBER", "OOM", "BUSY", "NOPERM", "BADPOS", "ERR",
    ];
    match CODES.get(usize::from(code) % 8) {
        None => Fault::Down,
        Some(code) => Fault::Refused {
            code: (*code).into(),
            message: "no".into(),
        },
    }
}

/// The answer to some other question.
fn odd(kind: u8, at: Position) -> Answer {
    match kind % 6 {
        0 => Answer::Done,
        1 => Answer::Joined(Joined::default()),
        2 => Answer::Attached(Attached::default()),
        3 => Answer::Published(Published {
            seq: at.seq,
            duplicate: true,
            position: None,
        }),
        4 => Answer::Range(Range {
            head: at,
            before: at,
            rows: Vec::new(),
        }),
        _ => Answer::Members("7".into(), Vec::new()),
    }
}

/// An announcement.
pub(crate) fn frame(
    kind: Kind,
    db: i32,
    at: Position,
    (online, members): (u64, u64),
    uid: &str,
    payload: &[u8],
) -> Bytes {
    let mut out = Vec::new();
    let header = Header {
        kind,
        db,
        seq: at.seq,
        tag: at.tag,
        ms: 5,
        online,
        members,
        uid,
    };
    announce::write(&mut out, &header, payload);
    out.into()
}
