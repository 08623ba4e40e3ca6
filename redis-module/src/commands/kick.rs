//! `ROOM.KICK`: ends a uid's sessions everywhere; it stays a member.

use crate::call::change_and_tell;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx, RStr};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use room_core::commands as core;

pub(crate) struct Kick;

impl Command for Kick {
    const SPEC: Spec = Spec {
        name: "ROOM.KICK",
        summary: c"Ends the sessions of a uid on every proxy",
        complexity: c"O(1)",
        arity: -3,
        flags: c"write fast",
        keys: Keys::Update,
        args: &[
            ArgSpec::KEY,
            ArgSpec::UID,
            ArgSpec::one(c"reason", ArgKind::String).maybe(),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let (uid, reason) = (args.bytes(2)?, args.get(3));
        if let Some(extra) = args.get(4) {
            return Err(Failure::Syntax(extra.bytes().into()));
        }
        let reason = reason.map_or(&[][..], RStr::bytes);
        change_and_tell(ctx, args, |place, env| core::kick(place, uid, reason, env))
    }
}
