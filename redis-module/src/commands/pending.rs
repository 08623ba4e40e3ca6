//! `ROOM.PENDING`: a uid's queue in one line.

use crate::call::look;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgSpec, Keys, Spec};
use room_core::commands as core;
use room_core::commands::reply::Answer;

pub(crate) struct Pending;

impl Command for Pending {
    const SPEC: Spec = Spec {
        name: "ROOM.PENDING",
        summary: c"Counts what waits for a uid and what it has lost",
        complexity: c"O(S) for the S segments of the log after the cursor",
        arity: 3,
        flags: c"readonly fast",
        keys: Keys::Read,
        args: &[ArgSpec::KEY, ArgSpec::UID],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let uid = args.bytes(2)?;
        look(ctx, args, |seen, to| {
            core::pending(seen.key, seen.room, seen.sessions, uid)?.write(to);
            Ok(())
        })
    }
}
