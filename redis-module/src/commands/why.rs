//! `ROOM.WHY`: what became of one message for one uid.

use crate::command::{ArgKind, ArgSpec, Command, Failure, Keys, Spec};
use crate::ffi::{Args, Ctx};
use room_core::log::{MAX_SEQ, Reason};
use room_core::room::{Room, check_uid};

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
        let (name, uid) = (args.string(1)?, args.bytes(2)?);
        check_uid(uid)?;
        let seq = args.number(3, 0, MAX_SEQ)?;
        let open = ctx.open(name, false);
        ctx.reply_text(&answer(open.need_room()?, uid, seq));
        Ok(())
    }
}

fn answer(room: &Room, uid: &[u8], seq: u64) -> String {
    let log = room.log();
    if seq == 0 || seq > log.head().seq {
        return "not published".into();
    }
    let Some(member) = room.member(uid) else {
        return "not a member".into();
    };
    if seq <= member.joined_at {
        return "before it joined".into();
    }
    // A cursor also rises over what was lost, as whoever was told of it goes on behind it.
    let dropped = (seq < log.first())
        .then(|| log.drops().reason_of(seq))
        .filter(|reason| seq > member.cursor || *reason != Reason::Read);
    match dropped {
        Some(reason) => format!("dropped ({})", reason.word()),
        None if seq <= member.cursor => "delivered".into(),
        None => "waiting".into(),
    }
}
