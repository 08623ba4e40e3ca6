//! `ROOM.PENDING`: a uid's queue in one line.

use crate::command::{ArgSpec, Command, Failure, Keys, Spec};
use crate::ffi::{Args, Ctx};
use crate::presence::{room_key, sessions};
use room_core::room::check_uid;

pub(crate) struct Pending;

impl Command for Pending {
    const SPEC: Spec = Spec {
        name: "ROOM.PENDING",
        summary: c"Counts what waits for a uid and what it has lost",
        complexity: c"O(S) for the S segments of the log after the cursor",
        arity: 3,
        flags: c"readonly fast",
        keys: Keys::Read,
        args: &[ArgSpec::KEY, ArgSpec::UID],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let (name, uid) = (args.string(1)?, args.bytes(2)?);
        check_uid(uid)?;
        let open = ctx.open(name, false);
        let room = open.need_room()?;
        let cursor = room.member_or_err(uid)?.cursor;
        let key = room_key(ctx, name.bytes());
        let oldest = room.log().entries_from(cursor.saturating_add(1)).next();
        ctx.reply_map(7);
        ctx.pair("cursor", cursor);
        ctx.pair("head", room.log().head().seq);
        ctx.pair("pending", room.pending(cursor));
        ctx.pair("bytes", room.log().bytes_after(cursor));
        ctx.pair("oldest-ms", oldest.map_or(0, |entry| entry.ms));
        ctx.pair("lost", room.lost(cursor));
        ctx.pair(
            "online",
            u64::from(sessions(|sessions| sessions.sessions_of(&key, uid)) > 0),
        );
        Ok(())
    }
}
