//! Commands and their arguments, as strangers would give them.

use crate::forge::{Number, Uid};
use arbitrary::Arbitrary;

/// What happens next.
#[derive(Arbitrary, Debug)]
pub(crate) enum Step<'a> {
    Publish {
        uid: Uid<'a>,
        payload: &'a [u8],
        id: Option<&'a [u8]>,
        room_id: Option<&'a [u8]>,
        ephemeral: bool,
        only_existing: bool,
    },
    Join {
        uid: Uid<'a>,
        since: Option<At<'a>>,
        history: Number,
        own: bool,
        only_member: bool,
    },
    Ack(At<'a>, Vec<Uid<'a>>),
    Away(At<'a>, Vec<Uid<'a>>),
    Attach(Vec<Uid<'a>>),
    Detach(Vec<Uid<'a>>),
    Invite(Vec<Uid<'a>>),
    Leave(Vec<Uid<'a>>),
    Kick(Uid<'a>, &'a [u8]),
    Hello(u8, Uid<'a>, Option<&'a [u8]>),
    Limits(Vec<(Name<'a>, &'a [u8])>),
    Trim(bool, Number),
    Look(Look<'a>),
    Apply(Head<'a>, Vec<&'a [u8]>),
    Pass(u16),
    Tick(u16),
    Jump(i32),
    Gone(u8),
    Deleted,
    Restart,
    Promote,
    Full(bool),
    Script(bool),
    Client(u8),
}

/// A position: of this history, or as somebody writes it.
#[derive(Arbitrary, Debug)]
pub(crate) enum At<'a> {
    Known(u8),
    Strange(Number, u32),
    Written(&'a [u8]),
}

/// A limit's name.
#[derive(Arbitrary, Debug)]
pub(crate) enum Name<'a> {
    Known(u8),
    Written(&'a [u8]),
}

/// The first part of an effect.
#[derive(Arbitrary, Debug)]
pub(crate) enum Head<'a> {
    Verb(u8, Number, Option<(Number, u8)>),
    Written(&'a [u8]),
}

/// A command that only looks.
#[derive(Arbitrary, Debug)]
pub(crate) enum Look<'a> {
    Info,
    Pending(Uid<'a>),
    Why(Uid<'a>, Number),
    Range(Number, Number, Number, Number),
    Queue(Uid<'a>, Number, Number),
    Members(Option<bool>, Number, Number),
    Lag(Number),
    Unit(&'a [u8]),
}

impl Head<'_> {
    /// Its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        const VERBS: [&str; 10] = [
            "append", "join", "come", "leave", "ack", "limits", "mark", "ids", "drop", "load",
        ];
        const WORDS: [&str; 6] = [
            "read-elsewhere",
            "maxlen",
            "maxbytes",
            "maxage",
            "member-ttl",
            "trim",
        ];
        match self {
            Self::Verb(verb, ms, drop) => {
                let verb = VERBS[usize::from(*verb) % VERBS.len()];
                if verb == "load" {
                    return verb.into();
                }
                let mut head = format!("{verb}:{}", ms.0);
                if let Some((first, word)) = drop {
                    let word = WORDS[usize::from(*word) % WORDS.len()];
                    head.push_str(&format!(":{}:{word}", first.0));
                }
                head.into_bytes()
            }
            Self::Written(bytes) => bytes.to_vec(),
        }
    }
}
