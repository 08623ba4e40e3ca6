//! `ROOM.DETACH`: sessions of this connection end; the queues grow from here.

use crate::call::change;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgSpec, Keys, Spec};
use room_core::commands as core;

pub(crate) struct Detach;

impl Command for Detach {
    const SPEC: Spec = Spec {
        name: "ROOM.DETACH",
        summary: c"Ends sessions of this connection",
        complexity: c"O(N) for N uids",
        arity: -3,
        flags: c"fast",
        keys: Keys::Sessions,
        args: &[ArgSpec::KEY, ArgSpec::UIDS],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let uids = args.list(2);
        change(ctx, args, |place, env| core::detach(place, &uids, env))
    }
}
