//! `ROOM._APPLY`: effects, as replicas and the AOF do them.
//!
//! It asks for no right, no limit and no free memory, as the primary has done that: so it is taken from the replication
//! link and from the AOF at start only. An AOF fed to a running server through a client (`redis-cli --pipe`) is refused.

use crate::call::change;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use room_core::commands as core;

pub(crate) struct Apply;

impl Command for Apply {
    const SPEC: Spec = Spec {
        name: "ROOM._APPLY",
        summary: c"Internal: carries effects to replicas and into the AOF",
        complexity: c"O(N) with the size of the effect",
        arity: -3,
        flags: c"write",
        keys: Keys::Insert,
        args: &[
            ArgSpec::KEY,
            ArgSpec::one(c"effect", ArgKind::String),
            ArgSpec::one(c"argument", ArgKind::String).many().maybe(),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let flags = ctx.flags();
        if !flags.replicated() && !flags.loading() {
            return Err(Failure::NotForClients);
        }
        let (head, rest) = (args.bytes(2)?, args.list(3));
        let done = change(ctx, args, |place, env| core::apply(place, head, &rest, env));
        if let Err(failure) = &done {
            // Nobody reads the reply.
            let text = format!("room: an effect could not be applied: {failure}");
            ctx.log(c"warning", &text);
        }
        done
    }
}
