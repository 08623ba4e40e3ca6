//! `ROOM.TRIM`: drops old messages by hand.

use crate::command::{ArgKind, ArgSpec, Command, Failure, Keys, Options, Spec};
use crate::effects::{Drops, send};
use crate::ffi::{Args, Ctx, now_ms};
use room_core::log::{MAX_SEQ, Reason};
use room_core::room::Drop;

pub(crate) struct Trim;

impl Command for Trim {
    const SPEC: Spec = Spec {
        name: "ROOM.TRIM",
        summary: c"Drops old messages",
        complexity: c"O(N) for N segments of the log that go",
        arity: 4,
        flags: c"write",
        keys: Keys::Delete,
        args: &[
            ArgSpec::KEY,
            ArgSpec::one(
                c"what",
                ArgKind::OneOf(&[
                    ArgSpec::one(c"n", ArgKind::Integer).after(c"MAXLEN"),
                    ArgSpec::one(c"seq", ArgKind::Integer).after(c"BEFORE"),
                ]),
            ),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let name = args.string(1)?;
        let mut options = Options::new(args, 2);
        let by_length = match options.next_word().as_deref() {
            Some(b"MAXLEN") => true,
            Some(b"BEFORE") => false,
            _ => return Err(options.unknown()),
        };
        let number = options.number(0, MAX_SEQ)?;
        let mut open = ctx.open(name, true);
        let room = open.need_room_mut()?;
        let end = room.log().head().seq.saturating_add(1);
        let first = if by_length {
            end.saturating_sub(number)
        } else {
            number.min(end)
        };
        if first <= room.log().first() {
            ctx.reply_int(0);
            return Ok(());
        }
        let drops = Drops::one(Drop {
            first,
            reason: Reason::Trim,
        });
        let gone = drops.apply(room);
        send(ctx, name, "drop", now_ms(), &drops, &[]);
        ctx.notify(c"room.trim", name);
        ctx.reply_int(gone);
        Ok(())
    }
}
