//! `ROOM.INVITE`: members without a session, so that a backend can enrol people who are away.

use crate::command::{ArgSpec, Command, Failure, Keys, Spec};
use crate::config;
use crate::effects::{Drops, enter, send};
use crate::ffi::{Args, Ctx, Kind, Piece, now_ms, random_u32};
use room_core::error::RoomError;
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
        let (mut new, already) = {
            let room = key.maybe_room()?;
            let is_new = |uid: &&[u8]| room.is_none_or(|room| room.member(uid).is_none());
            let new: Vec<&[u8]> = args.rest(2).filter(is_new).collect();
            (new, room.map_or(0, Room::member_count) as u64)
        };
        new.sort_unstable();
        new.dedup();
        if already + new.len() as u64 > config::max_members() {
            return Err(RoomError::Limit("members", config::max_members()).into());
        }
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
