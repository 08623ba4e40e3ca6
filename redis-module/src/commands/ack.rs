//! `ROOM.ACK`: everything up to a position was processed.

use crate::acknowledge::raise;
use crate::command::{ArgKind, ArgSpec, Command, Failure, Keys, Spec};
use crate::ffi::{Args, Ctx, now_ms};
use crate::presence::{room_key, sessions};
use room_core::error::RoomError;
use room_core::position::Position;
use room_core::room::check_uid;

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
        let (name, text) = (args.string(1)?, args.bytes(2)?);
        let bad = || RoomError::BadPosition(text.into());
        let position = Position::parse(text).ok_or_else(bad)?;
        args.rest(3).try_for_each(check_uid)?;
        let mut open = ctx.open(name, true);
        let room = open.need_room_mut()?;
        match room.verify(position) {
            Some(true) => {}
            Some(false) => return Err(bad().into()),
            None => {
                // Older than the log: it cannot be checked, and whoever sends it is about to be told what is lost.
                ctx.reply_int(0);
                return Ok(());
            }
        }
        let (now, client, key) = (now_ms(), ctx.client_id(), room_key(ctx, name.bytes()));
        let wishes = args.rest(3).map(|uid| {
            let to = sessions(|sessions| sessions.ack(client, &key, uid, position.seq));
            (uid, to)
        });
        let total = raise(ctx, name, room, wishes, now);
        ctx.reply_int(total as u64);
        Ok(())
    }
}
