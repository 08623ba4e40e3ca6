//! `ROOM.QUEUE`: what waits for a uid, without moving its cursor.

use super::range::page;
use crate::call::look;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgSpec, Keys, Spec};
use room_core::commands as core;
use room_core::commands::reply::Answer;

pub(crate) struct Queue;

impl Command for Queue {
    const SPEC: Spec = Spec {
        name: "ROOM.QUEUE",
        summary: c"Reads what waits for a uid, without moving its cursor",
        complexity:
            c"O(N) for N messages returned, plus O(S) for S messages in one segment of the log",
        arity: -3,
        flags: c"readonly",
        keys: Keys::Read,
        args: &[ArgSpec::KEY, ArgSpec::UID, ArgSpec::COUNT, ArgSpec::BYTES],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let (uid, page) = (args.bytes(2)?, page(args, 3)?);
        look(ctx, args, |seen, to| {
            core::queue(seen.room, uid, page)?.write(to);
            Ok(())
        })
    }
}
