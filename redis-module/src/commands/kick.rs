//! `ROOM.KICK`: ends a uid's sessions everywhere; it stays a member.

use crate::announce::{self, At, Counts};
use crate::command::{ArgKind, ArgSpec, Command, Failure, Keys, Spec, check_channel};
use crate::effects::{Drops, send};
use crate::ffi::{Args, Ctx, Piece, now_ms};
use crate::presence::{room_key, sessions};
use room_core::error::RoomError;
use room_core::room::check_uid;

/// The longest reason, in bytes.
const MOST_REASON: usize = 1024;

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
        let (name, uid) = (args.string(1)?, args.bytes(2)?);
        check_uid(uid)?;
        let reason = args.get(3).map_or(&[][..], |reason| reason.bytes());
        if let Some(extra) = args.get(4) {
            return Err(Failure::Syntax(extra.bytes().into()));
        }
        if reason.len() > MOST_REASON {
            return Err(RoomError::TooBig(reason.len(), MOST_REASON).into());
        }
        check_channel(ctx, name)?;
        let mut open = ctx.open(name, true);
        let room = open.need_room_mut()?;
        room.member_or_err(uid)?;
        room.add_kick(uid);
        let now = now_ms();
        let key = room_key(ctx, name.bytes());
        let told = sessions(|sessions| sessions.remove_uid(&key, uid));
        let counts = Counts {
            online: sessions(|sessions| sessions.online(&key)),
            members: room.member_count() as u64,
        };
        let at = At {
            position: room.log().head(),
            ms: now,
            counts,
        };
        announce::kicked(ctx, name, at, uid, reason);
        send(
            ctx,
            name,
            "mark",
            now,
            &Drops::default(),
            &[Piece::Bytes(b"kick"), Piece::Bytes(uid)],
        );
        ctx.notify(c"room.kick", name);
        ctx.reply_int(told as u64);
        Ok(())
    }
}
