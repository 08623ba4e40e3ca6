//! `ROOM.LIMITS`: a room's own limits.

use crate::call::change;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use room_core::commands as core;
use room_core::limits::parse_limit;

pub(crate) struct SetLimits;

impl Command for SetLimits {
    const SPEC: Spec = Spec {
        name: "ROOM.LIMITS",
        summary: c"Sets limits of one room: maxlen, maxbytes, maxage, keep, member-ttl",
        complexity: c"O(1), plus O(N) for N messages that a lower limit drops",
        arity: -4,
        flags: c"write",
        keys: Keys::Update,
        args: &[
            ArgSpec::KEY,
            ArgSpec::one(
                c"limit",
                ArgKind::Block(&[
                    ArgSpec::one(c"name", ArgKind::String),
                    ArgSpec::one(c"value", ArgKind::String),
                ]),
            )
            .many(),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let mut changes = Vec::new();
        for at in (2..args.len()).step_by(2) {
            changes.push(parse_limit(args.bytes(at)?, args.bytes(at + 1)?)?);
        }
        change(ctx, args, |place, env| {
            core::set_limits(place, &changes, env)
        })
    }
}
