//! `ROOM.LEAVE`: memberships end, and the queues with them.

use crate::announce::{self, At, Counts};
use crate::command::{ArgSpec, Command, Failure, Keys, Spec, check_channel};
use crate::effects::{Drops, send, settle};
use crate::ffi::{Args, Ctx, Piece, now_ms};
use crate::presence::{room_key, sessions};
use room_core::room::check_uid;

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
        let name = args.string(1)?;
        args.rest(2).try_for_each(check_uid)?;
        check_channel(ctx, name)?;
        let mut key = ctx.open(name, true);
        if key.maybe_room()?.is_none() {
            ctx.reply_int(0);
            return Ok(());
        }
        let room = key.need_room_mut()?;
        let now = now_ms();
        let gone: Vec<&[u8]> = args.rest(2).filter(|uid| room.remove(uid)).collect();
        if gone.is_empty() {
            ctx.reply_int(0);
            return Ok(());
        }
        let empty = room.member_count() == 0;
        let drops = if empty {
            Drops::default()
        } else {
            settle(room, now)
        };
        let session_key = room_key(ctx, name.bytes());
        for uid in &gone {
            sessions(|sessions| sessions.remove_uid(&session_key, uid));
            let counts = Counts {
                online: sessions(|sessions| sessions.online(&session_key)),
                members: room.member_count() as u64,
            };
            let at = At {
                position: room.log().head(),
                ms: now,
                counts,
            };
            announce::left(ctx, name, at, uid);
        }
        if empty {
            key.delete();
        }
        let rest: Vec<Piece<'_>> = gone.iter().map(|uid| Piece::Bytes(uid)).collect();
        send(ctx, name, "leave", now, &drops, &rest);
        ctx.notify(c"room.leave", name);
        ctx.reply_int(gone.len() as u64);
        Ok(())
    }
}
