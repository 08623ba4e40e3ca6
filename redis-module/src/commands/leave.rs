//! `ROOM.LEAVE`: memberships end, and the queues with them.

use crate::call::change_and_tell;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgSpec, Keys, Spec};
use room_core::commands as core;

pub(crate) struct Leave;

impl Command for Leave {
    const SPEC: Spec = Spec {
        name: "ROOM.LEAVE",
        summary: c"Ends memberships; the last one takes the room along",
        complexity: c"O(N) for N uids",
        arity: -3,
        flags: c"write fast",
        keys: Keys::Delete,
        args: &[ArgSpec::KEY, ArgSpec::UIDS],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let uids = args.list(2);
        change_and_tell(ctx, args, |place, env| core::leave(place, &uids, env))
    }
}
