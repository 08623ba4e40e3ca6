//! `ROOM.INVITE`: members without a session, so that a backend can enrol people who are away.

use crate::call::change;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgSpec, Keys, Spec};
use room_core::commands as core;

pub(crate) struct Invite;

impl Command for Invite {
    const SPEC: Spec = Spec {
        name: "ROOM.INVITE",
        summary: c"Makes uids members without a session",
        complexity: c"O(N) for N uids",
        arity: -3,
        flags: c"write deny-oom fast",
        keys: Keys::Insert,
        args: &[ArgSpec::KEY, ArgSpec::UIDS],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let uids = args.list(2);
        change(ctx, args, |place, env| core::invite(place, &uids, env))
    }
}
