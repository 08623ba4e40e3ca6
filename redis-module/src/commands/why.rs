//! `ROOM.WHY`: what became of one message for one uid.

use crate::call::look;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use room_core::commands as core;
use room_core::commands::reply::Answer;
use room_core::log::MAX_SEQ;

pub(crate) struct Why;

impl Command for Why {
    const SPEC: Spec = Spec {
        name: "ROOM.WHY",
        summary: c"Says what became of one message for one uid",
        complexity: c"O(1)",
        arity: 4,
        flags: c"readonly fast",
        keys: Keys::Read,
        args: &[
            ArgSpec::KEY,
            ArgSpec::UID,
            ArgSpec::one(c"seq", ArgKind::Integer),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let (uid, seq) = (args.bytes(2)?, args.number(3, 0, MAX_SEQ)?);
        look(ctx, args, |seen, to| {
            core::why(seen.room, uid, seq)?.write(to);
            Ok(())
        })
    }
}
