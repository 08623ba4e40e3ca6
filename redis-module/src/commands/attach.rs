//! `ROOM.ATTACH`: sessions for existing members, how a proxy announces again after a reconnect; without any, a look at the
//! room for those who are no members.

use crate::call::change;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgSpec, Keys, Spec};
use room_core::commands as core;

pub(crate) struct Attach;

impl Command for Attach {
    const SPEC: Spec = Spec {
        name: "ROOM.ATTACH",
        summary: c"Begins sessions of existing members on this connection",
        complexity: c"O(N) for N uids",
        arity: -2,
        flags: c"fast",
        keys: Keys::Sessions,
        args: &[ArgSpec::KEY, ArgSpec::UIDS.maybe()],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let uids = args.list(2);
        change(ctx, args, |place, env| core::attach(place, &uids, env))
    }
}
