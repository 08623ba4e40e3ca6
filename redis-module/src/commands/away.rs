//! `ROOM.AWAY`: a device went without a logout.

use crate::call::change;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use room_core::commands as core;

pub(crate) struct Away;

impl Command for Away {
    const SPEC: Spec = Spec {
        name: "ROOM.AWAY",
        summary: c"Keeps the position of devices that went without a logout, for room.device-grace",
        complexity: c"O(N) for N uids, plus O(S) for S messages in one segment unless the position is the head",
        arity: -4,
        flags: c"fast",
        keys: Keys::Sessions,
        args: &[ArgSpec::KEY, ArgSpec::one(c"position", ArgKind::String), ArgSpec::UIDS],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let position = args.position(2)?;
        let uids = args.list(3);
        change(ctx, args, |place, env| {
            core::away(place, position, &uids, env)
        })
    }
}
