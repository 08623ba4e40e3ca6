//! What a command is.

use crate::ffi::{Args, Ctx, Key, Kind, RStr};
use room_core::error::{RoomError, Shown};
use room_core::room::Room;
use std::ffi::CStr;
use std::fmt;

/// The command that carries effects to replicas and into the AOF.
pub(crate) const APPLY: &CStr = c"ROOM._APPLY";

/// A command: its declaration, and what it does.
pub(crate) trait Command {
    const SPEC: Spec;

    /// Replies by itself; a failure becomes an error reply.
    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure>;
}

/// What `COMMAND DOCS`, ACLs and cluster clients want to know.
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static CStr,
    pub(crate) complexity: &'static CStr,
    /// As Redis counts: with the name; negative for "at least".
    pub(crate) arity: i32,
    pub(crate) flags: &'static CStr,
    pub(crate) keys: Keys,
    pub(crate) args: &'static [ArgSpec],
}

/// Which arguments are keys, and what is done with them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    None,
    /// The first argument, which is read.
    Read,
    /// All arguments, which are read.
    ReadAll,
    /// The first argument, which is read and changed, and may be made.
    Insert,
    /// The first argument, which is read and changed.
    Update,
    /// The first argument, from which something is removed.
    Delete,
}

/// One argument of the documentation.
pub(crate) struct ArgSpec {
    pub(crate) name: &'static CStr,
    pub(crate) kind: ArgKind,
    /// The word before it.
    pub(crate) token: Option<&'static CStr>,
    pub(crate) optional: bool,
    pub(crate) multiple: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum ArgKind {
    Key,
    String,
    Integer,
    /// Only the word itself.
    Token,
    /// One of these.
    OneOf(&'static [ArgSpec]),
    /// All of these, together.
    Block(&'static [ArgSpec]),
}

impl ArgSpec {
    pub(crate) const KEY: Self = Self::one(c"key", ArgKind::Key);
    pub(crate) const UID: Self = Self::one(c"uid", ArgKind::String);
    pub(crate) const UIDS: Self = Self::one(c"uid", ArgKind::String).many();
    pub(crate) const COUNT: Self = Self::option(c"count", c"COUNT", ArgKind::Integer);
    pub(crate) const BYTES: Self = Self::option(c"bytes", c"BYTES", ArgKind::Integer);

    pub(crate) const fn one(name: &'static CStr, kind: ArgKind) -> Self {
        Self {
            name,
            kind,
            token: None,
            optional: false,
            multiple: false,
        }
    }

    /// `[TOKEN value]`, or `[TOKEN]`.
    pub(crate) const fn option(name: &'static CStr, token: &'static CStr, kind: ArgKind) -> Self {
        Self {
            name,
            kind,
            token: Some(token),
            optional: true,
            multiple: false,
        }
    }

    pub(crate) const fn many(self) -> Self {
        Self {
            multiple: true,
            ..self
        }
    }

    pub(crate) const fn maybe(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }

    pub(crate) const fn after(self, token: &'static CStr) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }
}

/// Why a command did nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    Room(RoomError),
    WrongType,
    OutOfMemory,
    NotForClients,
    /// The caller may not publish on this channel.
    NoChannel(Box<[u8]>),
    Arity,
    /// An argument that no option is.
    Syntax(Box<[u8]>),
    /// What had to be a number, and what it may be.
    Number(Box<[u8]>, u64, u64),
    Internal,
}

impl From<RoomError> for Failure {
    fn from(error: RoomError) -> Self {
        Self::Room(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(error) => error.fmt(f),
            Self::WrongType => {
                f.write_str("WRONGTYPE Operation against a key holding the wrong kind of value")
            }
            Self::OutOfMemory => {
                f.write_str("OOM command not allowed when used memory > 'maxmemory'.")
            }
            Self::NotForClients => f.write_str(
                "ERR ROOM._APPLY carries effects between servers; it is not for clients",
            ),
            Self::NoChannel(name) => write!(
                f,
                "NOPERM this user may not publish to the channel '{0}'; 'ACL SETUSER <name> &{0}' allows it",
                Shown(name)
            ),
            Self::Arity => f.write_str("ERR wrong number of arguments: an option lacks its value"),
            Self::Syntax(text) => write!(f, "ERR syntax error near '{}'", Shown(text)),
            Self::Number(text, min, max) => write!(
                f,
                "ERR '{}' is not a whole number from {min} to {max}",
                Shown(text)
            ),
            Self::Internal => f.write_str(
                "ERR internal error: this is a defect of the module, see the server's log",
            ),
        }
    }
}

/// An error unless the caller may publish on the channel of this room.
pub(crate) fn check_channel(ctx: Ctx<'_>, key: RStr<'_>) -> Result<(), Failure> {
    if ctx.may_publish(key) {
        Ok(())
    } else {
        Err(Failure::NoChannel(key.bytes().into()))
    }
}

impl<'a> Args<'a> {
    pub(crate) fn string(self, at: usize) -> Result<RStr<'a>, Failure> {
        self.get(at).ok_or(Failure::Arity)
    }

    pub(crate) fn bytes(self, at: usize) -> Result<&'a [u8], Failure> {
        self.string(at).map(RStr::bytes)
    }

    /// From `at` to the end.
    pub(crate) fn rest(self, at: usize) -> impl Iterator<Item = &'a [u8]> + Clone {
        (at..self.len()).filter_map(move |i| self.get(i).map(RStr::bytes))
    }

    pub(crate) fn number(self, at: usize, min: u64, max: u64) -> Result<u64, Failure> {
        let text = self.bytes(at)?;
        parse_number(text)
            .filter(|n| (min..=max).contains(n))
            .ok_or_else(|| Failure::Number(text.into(), min, max))
    }
}

/// Decimal digits.
pub(crate) fn parse_number(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text)
        .ok()
        .filter(|text| !text.starts_with('+'))?;
    digits.parse().ok()
}

/// The options at the end of a command, in any order.
pub(crate) struct Options<'a> {
    args: Args<'a>,
    at: usize,
}

impl<'a> Options<'a> {
    pub(crate) const fn new(args: Args<'a>, at: usize) -> Self {
        Self { args, at }
    }

    /// The next option's word in upper case.
    pub(crate) fn next_word(&mut self) -> Option<Vec<u8>> {
        let word = self.args.get(self.at)?.bytes().to_ascii_uppercase();
        self.at += 1;
        Some(word)
    }

    pub(crate) fn string(&mut self) -> Result<RStr<'a>, Failure> {
        self.at += 1;
        self.args.string(self.at - 1)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Failure> {
        self.string().map(RStr::bytes)
    }

    pub(crate) fn number(&mut self, min: u64, max: u64) -> Result<u64, Failure> {
        self.at += 1;
        self.args.number(self.at - 1, min, max)
    }

    /// The failure for the word that [`next_word`](Self::next_word) gave.
    pub(crate) fn unknown(&self) -> Failure {
        Failure::Syntax(
            self.args
                .get(self.at.saturating_sub(1))
                .map_or(&[][..], RStr::bytes)
                .into(),
        )
    }
}

impl Key<'_> {
    /// The room, or the failure that there is none or that something else is there.
    pub(crate) fn need_room(&self) -> Result<&Room, Failure> {
        match self.kind() {
            Kind::Other => Err(Failure::WrongType),
            _ => self.room().ok_or(Failure::Room(RoomError::NoRoom)),
        }
    }

    pub(crate) fn need_room_mut(&mut self) -> Result<&mut Room, Failure> {
        match self.kind() {
            Kind::Other => Err(Failure::WrongType),
            _ => self.room_mut().ok_or(Failure::Room(RoomError::NoRoom)),
        }
    }

    /// The room, if there is one; a failure if something else is there.
    pub(crate) fn maybe_room(&self) -> Result<Option<&Room>, Failure> {
        match self.kind() {
            Kind::Other => Err(Failure::WrongType),
            _ => Ok(self.room()),
        }
    }
}
