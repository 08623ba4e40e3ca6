//! Replies: what is written to whoever asked, without building a tree of it first.

use crate::error::RoomError;
use crate::members::Member;
use crate::position::Position;
use crate::reading::Lost;
use crate::room::Room;
use std::ffi::CStr;

/// Where a reply is written to: Redis' reply functions, or a tree in tests. Lengths come before items, as in RESP.
pub trait Sink {
    /// A number.
    fn int(&mut self, n: u64);
    /// Bytes.
    fn bytes(&mut self, bytes: &[u8]);
    /// A status word.
    fn status(&mut self, word: &'static CStr);
    /// An error: code first.
    fn error(&mut self, text: &str);
    /// Nothing.
    fn null(&mut self);
    /// So many items follow.
    fn array(&mut self, len: usize);
    /// Items follow, how many is said by [`end_array`](Self::end_array).
    fn begin_array(&mut self);
    /// So many items there were.
    fn end_array(&mut self, len: usize);
    /// So many names and values follow; a flat array in RESP2.
    fn map(&mut self, pairs: usize);

    /// Text.
    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// A position in its text form.
    fn position(&mut self, position: Position) {
        self.bytes(position.text().as_bytes());
    }

    /// A name and a number, in a map.
    fn pair(&mut self, name: &str, value: u64) {
        self.text(name);
        self.int(value);
    }

    /// A name and a position, in a map.
    fn pair_position(&mut self, name: &str, position: Position) {
        self.text(name);
        self.position(position);
    }

    /// `lost`, and null or from, to, reason.
    fn pair_lost(&mut self, lost: Option<Lost>) {
        self.text("lost");
        match lost {
            None => self.null(),
            Some(lost) => {
                self.array(3);
                self.int(lost.from);
                self.int(lost.to);
                self.text(lost.reason.word());
            }
        }
    }

    /// uid, cursor, pending, sessions, last act.
    fn member(&mut self, room: &Room, member: &Member<'_>, sessions: usize) {
        self.array(5);
        self.bytes(member.uid);
        self.int(member.cursor);
        self.int(room.pending(member.cursor));
        self.int(sessions as u64);
        self.int(member.acted_ms);
    }
}

/// What can be written to a [`Sink`].
pub trait Answer {
    /// Writes it.
    fn write(&self, to: &mut impl Sink);
}

/// A number.
impl Answer for u64 {
    fn write(&self, to: &mut impl Sink) {
        to.int(*self);
    }
}

/// `OK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done;

impl Answer for Done {
    fn write(&self, to: &mut impl Sink) {
        to.status(c"OK");
    }
}

/// Nobody asked.
impl Answer for () {
    fn write(&self, _: &mut impl Sink) {}
}

/// Done, or the error that says why not: of a command that changes something even where it fails.
impl Answer for Result<Done, RoomError> {
    fn write(&self, to: &mut impl Sink) {
        match self {
            Ok(done) => done.write(to),
            Err(error) => to.error(&error.to_string()),
        }
    }
}
