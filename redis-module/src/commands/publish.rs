//! `ROOM.PUBLISH`: stores a message once and announces it, in one step.

use crate::call::change_and_tell;
use crate::command::{Command, Failure, Options};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use room_core::commands as core;

pub(crate) struct Publish;

impl Command for Publish {
    const SPEC: Spec = Spec {
        name: "ROOM.PUBLISH",
        summary: c"Stores a message and announces it to those online",
        complexity: c"O(1) whoever is away, plus O(N) for N subscribers of the channel",
        arity: -4,
        flags: c"write fast",
        keys: Keys::Insert,
        args: &[
            ArgSpec::KEY,
            ArgSpec::UID,
            ArgSpec::one(c"payload", ArgKind::String),
            ArgSpec::option(c"id", c"ID", ArgKind::String),
            ArgSpec::option(c"room-id", c"ROOMID", ArgKind::String),
            ArgSpec::option(c"ephemeral", c"EPHEMERAL", ArgKind::Token),
            ArgSpec::option(c"nomkroom", c"NOMKROOM", ArgKind::Token),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let publish = parse(args)?;
        change_and_tell(ctx, args, |place, env| publish.run(place, env))
    }
}

fn parse(args: Args<'_>) -> Result<core::Publish<'_>, Failure> {
    let mut publish = core::Publish {
        uid: args.given(2)?,
        payload: args.given(3)?,
        id: None,
        room_id: None,
        ephemeral: false,
        only_existing: false,
    };
    let mut options = Options::new(args, 4);
    while let Some(word) = options.next_word() {
        match &word[..] {
            b"ID" if !publish.ephemeral && publish.room_id.is_none() => {
                publish.id = Some(options.given()?);
            }
            b"ROOMID" if !publish.ephemeral && publish.id.is_none() => {
                publish.room_id = Some(options.given()?);
            }
            b"EPHEMERAL" if publish.id.is_none() && publish.room_id.is_none() => {
                publish.ephemeral = true;
            }
            b"NOMKROOM" => publish.only_existing = true,
            _ => return Err(options.unknown()),
        }
    }
    Ok(publish)
}
