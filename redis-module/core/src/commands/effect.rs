//! Effects: what a command came to on the primary, as replicas and the AOF get it.
//!
//! `ROOM._APPLY key <verb>:<ms>[:<first>:<reason>]… <rest>`: the verb is done with the time `ms`, then each drop. The
//! first part is one argument, as each argument costs the publish path.
//!
//! | verb | rest |
//! |---|---|
//! | `append` | `uid payload [BIRTH n] [ID id count age \| ROOMID id] [AT ms]`: the id was seen with the message, or at `AT` |
//! | `join` | `birth cursor uid…`: new members start at the cursor, others rise to it and hold the log again |
//! | `come` | the same; who is new came by itself and has not read anything yet |
//! | `leave` | `uid…` |
//! | `ack` | `seq uid…` |
//! | `limits` | `name value…` |
//! | `mark` | `seen`, `release` or `kick`, then `uid…` |
//! | `told` | `seq quiet uid`, the last two for each: told of what waits up to `seq`; `quiet` is 1 or 0 |
//! | `ids` | nothing: publish ids seen before `ms` are forgotten |
//! | `drop` | nothing: only the drops |

use crate::due::MOST_DROPS;
use crate::log::Reason;
use crate::room::Drop;
use smallvec::SmallVec;

/// An argument of the running command as it came: its number (0 is the command's name) and its bytes. So it can be handed
/// on without a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given<'a> {
    /// Its number.
    pub at: usize,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// One argument of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// An argument of the running command.
    Given(Given<'a>),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A number in decimal digits.
    Number(u64),
}

/// See the top of the file.
#[derive(Clone, Debug)]
pub struct Effect<'a> {
    /// What is done.
    pub verb: &'static str,
    /// When: Unix time in milliseconds.
    pub ms: u64,
    /// What is dropped after it.
    pub drops: Drops,
    /// The rest.
    pub rest: SmallVec<[Piece<'a>; 8]>,
}

impl<'a> Effect<'a> {
    /// An effect without drops.
    pub fn new(verb: &'static str, ms: u64, rest: impl IntoIterator<Item = Piece<'a>>) -> Self {
        Self {
            verb,
            ms,
            drops: Drops::default(),
            rest: rest.into_iter().collect(),
        }
    }

    /// Its first part.
    pub fn head(&self) -> Head {
        let mut head = Head {
            bytes: [0; MAX_HEAD],
            len: 0,
        };
        let mut digits = itoa::Buffer::new();
        head.push(self.verb.as_bytes());
        head.push(b":");
        head.push(digits.format(self.ms).as_bytes());
        for drop in self.drops.iter() {
            head.push(b":");
            head.push(digits.format(drop.first).as_bytes());
            head.push(b":");
            head.push(drop.reason.word().as_bytes());
        }
        head
    }
}

/// The first part of an effect as bytes.
pub struct Head {
    bytes: [u8; MAX_HEAD],
    len: usize,
}

impl Head {
    /// Appends a part; all of them fit.
    fn push(&mut self, part: &[u8]) {
        let end = self.len + part.len();
        if let Some(space) = self.bytes.get_mut(self.len..end) {
            space.copy_from_slice(part);
            self.len = end;
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// The longest first part: the longest verb, and a number with its colon, then such a number and the longest reason for
/// each drop.
const MAX_HEAD: usize = 8 + 21 + MOST_DROPS * (21 + 16);

/// What the limits drop after a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops(pub(crate) [Option<Drop>; MOST_DROPS]);

impl Drops {
    /// One drop.
    pub fn one(drop: Drop) -> Self {
        let mut drops = Self::default();
        if let Some(slot) = drops.0.first_mut() {
            *slot = Some(drop);
        }
        drops
    }

    /// Each in turn.
    pub fn iter(&self) -> impl Iterator<Item = Drop> {
        self.0.iter().flatten().copied()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// How many messages went, and how many of these nobody had read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// All.
    pub all: u64,
    /// Those that went for another reason than having been read.
    pub unread: u64,
}

impl Dropped {
    /// One more drop was done.
    pub fn add(&mut self, reason: Reason, gone: u64) {
        self.all += gone;
        if reason != Reason::Read {
            self.unread += gone;
        }
    }
}
