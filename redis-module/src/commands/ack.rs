//! `ROOM.ACK`: everything up to a position was processed.

use crate::call::change;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use room_core::commands as core;

pub(crate) struct Ack;

impl Command for Ack {
    const SPEC: Spec = Spec {
        name: "ROOM.ACK",
        summary: c"Acknowledges everything up to a position for some uids",
        complexity: c"O(N) for N uids, plus O(S) for S messages in one segment unless the position is the head",
        arity: -4,
        flags: c"write fast",
        keys: Keys::Update,
        args: &[ArgSpec::KEY, ArgSpec::one(c"position", ArgKind::String), ArgSpec::UIDS],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let position = args.position(2)?;
        let uids = args.list(3);
        change(ctx, args, |place, env| {
            core::ack(place, position, &uids, env)
        })
    }
}
