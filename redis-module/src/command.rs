//! What a command is, and reading its arguments.

use crate::redis::ctx::{Args, Ctx, RStr};
use crate::spec::Spec;
use room_core::commands::effect::Given;
use room_core::error::{RoomError, Shown};
use room_core::position::Position;
use std::fmt;

/// A command: its declaration, and what it does.
pub(crate) trait Command {
    const SPEC: Spec;

    /// Replies by itself; a failure becomes an error reply.
    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure>;
}

/// Why a command did nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    Room(RoomError),
    WrongType,
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

impl<'a> Args<'a> {
    pub(crate) fn string(self, at: usize) -> Result<RStr<'a>, Failure> {
        match self.get(at) {
            Some(string) => Ok(string),
            None => Err(Failure::Arity),
        }
    }

    pub(crate) fn bytes(self, at: usize) -> Result<&'a [u8], Failure> {
        self.string(at).map(RStr::bytes)
    }

    /// An argument with its number.
    pub(crate) fn given(self, at: usize) -> Result<Given<'a>, Failure> {
        let bytes = self.bytes(at)?;
        Ok(Given { at, bytes })
    }

    /// A position.
    pub(crate) fn position(self, at: usize) -> Result<Position, Failure> {
        let text = self.bytes(at)?;
        position(text)
    }

    /// From `at` to the end.
    pub(crate) fn rest(self, at: usize) -> impl Iterator<Item = &'a [u8]> + Clone {
        (at..self.len()).filter_map(move |i| self.get(i).map(RStr::bytes))
    }

    /// From `at` to the end, as a list.
    pub(crate) fn list(self, at: usize) -> Vec<&'a [u8]> {
        self.rest(at).collect()
    }

    pub(crate) fn number(self, at: usize, min: u64, max: u64) -> Result<u64, Failure> {
        let text = self.bytes(at)?;
        parse_number(text)
            .filter(|n| (min..=max).contains(n))
            .ok_or_else(|| Failure::Number(text.into(), min, max))
    }
}

/// A position, or the failure that says that it is none.
pub(crate) fn position(text: &[u8]) -> Result<Position, Failure> {
    Position::parse(text).ok_or_else(|| RoomError::BadPosition(text.into()).into())
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

    /// The value behind the option, with its number among the arguments.
    pub(crate) fn given(&mut self) -> Result<Given<'a>, Failure> {
        let at = self.at;
        self.at += 1;
        self.args.given(at)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Failure> {
        self.given().map(|given| given.bytes)
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
