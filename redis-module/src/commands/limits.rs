//! `ROOM.LIMITS`: a room's own limits.

use crate::command::{ArgKind, ArgSpec, Command, Failure, Keys, Spec};
use crate::effects::{send, settle};
use crate::ffi::{Args, Ctx, Piece, now_ms};
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
        let name = args.string(1)?;
        let mut changes = Vec::new();
        for at in (2..args.len()).step_by(2) {
            changes.push(parse_limit(args.bytes(at)?, args.bytes(at + 1)?)?);
        }
        let mut open = ctx.open(name, true);
        let room = open.need_room_mut()?;
        for (limit, value) in &changes {
            room.set_limit(*limit, *value);
        }
        let now = now_ms();
        let drops = settle(room, now);
        let rest: Vec<Piece<'_>> = args.rest(2).map(Piece::Bytes).collect();
        send(ctx, name, "limits", now, &drops, &rest);
        ctx.notify(c"room.limits", name);
        ctx.reply_simple(c"OK");
        Ok(())
    }
}
