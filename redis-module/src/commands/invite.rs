//! `ROOM.INVITE`: members without a session, so that a backend can enrol people who are away.

use crate::command::{ArgSpec, Command, Failure, Keys, Spec};
use crate::config;
use crate::effects::{Drops, enter, send};
use crate::ffi::{Args, Ctx, Kind, Piece, now_ms, random_u32};
use room_core::position::Tag;
use room_core::room::{Room, check_uid};

pub(crate) struct Invite;

impl Command for Invite {
    const SPEC: Spec = Spec {
        name: "ROOM.INVITE",
        summary: c"Makes uids members without a session",
        complexity: c"O(N) for N uids",
        arity: -3,
        flags: c"write deny-oom fast",
        keys: Keys::Insert,
        args: &[ArgSpec::KEY, ArgSpec::UIDS],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let name = args.string(1)?;
        args.rest(2).try_for_each(check_uid)?;
        let mut key = ctx.open(name, true);
        let new = {
            let born = Room::new(Tag(0));
            let room = key.maybe_room()?.unwrap_or(&born);
            let is_new = |uid: &&[u8]| room.member(uid).is_none();
            let mut new: Vec<&[u8]> = args.rest(2).filter(is_new).collect();
            new.sort_unstable();
            new.dedup();
            room.check_admit_all(new.iter().copied(), config::max_members())?;
            new
        };
        let now = now_ms();
        if key.kind() == Kind::Empty {
            key.set(Room::new(Tag(random_u32())));
        }
        let room = key.need_room_mut()?;
        let (birth, cursor) = (room.birth(), room.log().head().seq);
        for uid in &new {
            enter(room, uid, cursor, now)?;
        }
        if !new.is_empty() {
            let mut rest = vec![Piece::Number(u64::from(birth.0)), Piece::Number(cursor)];
            rest.extend(new.iter().map(|uid| Piece::Bytes(uid)));
            send(ctx, name, "join", now, &Drops::default(), &rest);
            ctx.notify(c"room.invite", name);
        }
        ctx.reply_int(new.len() as u64);
        Ok(())
    }
}
