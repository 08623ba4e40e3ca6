//! `ROOM.ACK`: everything up to a position was processed.

use crate::command::{ArgKind, ArgSpec, Command, Failure, Keys, Spec};
use crate::effects::{Drops, send, settle};
use crate::ffi::{Args, Ctx, Piece, now_ms};
use crate::info::{Counter, count};
use crate::presence::{room_key, sessions};
use room_core::error::RoomError;
use room_core::position::{Position, Seq};
use room_core::room::check_uid;
use std::collections::BTreeMap;

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
        let mut moved: BTreeMap<Seq, Vec<&[u8]>> = BTreeMap::new();
        for uid in args.rest(3) {
            let to = sessions(|sessions| sessions.ack(client, &key, uid, position.seq));
            if room.raise(uid, to, now) {
                moved.entry(to).or_default().push(uid);
            }
        }
        let total: usize = moved.values().map(Vec::len).sum();
        if total > 0 {
            let drops = settle(room, now);
            let last = moved.len() - 1;
            for (i, (seq, uids)) in moved.iter().enumerate() {
                let mut rest = vec![Piece::Number(*seq)];
                rest.extend(uids.iter().map(|uid| Piece::Bytes(uid)));
                let drops = if i == last { drops } else { Drops::default() };
                send(ctx, name, "ack", now, &drops, &rest);
            }
            count(Counter::Acked, total as u64);
            ctx.notify(c"room.ack", name);
        }
        ctx.reply_int(total as u64);
        Ok(())
    }
}
