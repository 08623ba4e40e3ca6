//! `ROOM.JOIN`: membership, and a session on this connection.

use crate::call::change;
use crate::command::{Command, Failure, Options, position};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use room_core::commands as core;
use room_core::log::MAX_SEQ;

pub(crate) struct Join;

impl Command for Join {
    const SPEC: Spec = Spec {
        name: "ROOM.JOIN",
        summary: c"Makes a uid a member and begins its session on this connection",
        complexity: c"O(1), O(S) with SINCE for S messages in one segment of the log",
        arity: -3,
        flags: c"write fast",
        keys: Keys::Insert,
        args: &[
            ArgSpec::KEY,
            ArgSpec::UID,
            ArgSpec::option(c"position", c"SINCE", ArgKind::String),
            ArgSpec::option(c"n", c"HISTORY", ArgKind::Integer),
            ArgSpec::option(c"own", c"OWN", ArgKind::Token),
            ArgSpec::option(c"member", c"XX", ArgKind::Token),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let join = parse(args)?;
        change(ctx, args, |place, env| join.run(place, env))
    }
}

fn parse(args: Args<'_>) -> Result<core::Join<'_>, Failure> {
    let mut join = core::Join {
        uid: args.bytes(2)?,
        since: None,
        history: 0,
        own: false,
        only_member: false,
    };
    let mut options = Options::new(args, 3);
    while let Some(word) = options.next_word() {
        match &word[..] {
            b"SINCE" => join.since = Some(position(options.bytes()?)?),
            b"HISTORY" => join.history = options.number(0, MAX_SEQ)?,
            b"OWN" => join.own = true,
            b"XX" => join.only_member = true,
            _ => return Err(options.unknown()),
        }
    }
    Ok(join)
}
