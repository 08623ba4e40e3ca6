//! `ROOM.QUEUE`: what waits for a uid, without moving its cursor.

use super::range::{Page, after};
use crate::command::{ArgSpec, Command, Failure, Keys, Spec};
use crate::ffi::{Args, Ctx};
use room_core::log::MAX_SEQ;
use room_core::room::check_uid;

pub(crate) struct Queue;

impl Command for Queue {
    const SPEC: Spec = Spec {
        name: "ROOM.QUEUE",
        summary: c"Reads what waits for a uid, without moving its cursor",
        complexity:
            c"O(N) for N messages returned, plus O(S) for S messages in one segment of the log",
        arity: -3,
        flags: c"readonly",
        keys: Keys::Read,
        args: &[ArgSpec::KEY, ArgSpec::UID, ArgSpec::COUNT, ArgSpec::BYTES],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let (name, uid) = (args.string(1)?, args.bytes(2)?);
        check_uid(uid)?;
        let page = Page::parse(args, 3)?;
        let open = ctx.open(name, false);
        let room = open.need_room()?;
        let (start, _) = room.start_at(room.member_or_err(uid)?.cursor);
        page.reply(ctx, room, after(start), MAX_SEQ);
        Ok(())
    }
}
