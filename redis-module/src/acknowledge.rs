//! Cursors that rise: by `ROOM.ACK`, and because a uid's slowest session ended.

use crate::effects::{Drops, send, settle};
use crate::ffi::{Ctx, Piece, RStr};
use crate::info::{Counter, count};
use crate::presence::sessions;
use room_core::position::Seq;
use room_core::room::Room;
use room_core::sessions::Risen;
use std::collections::BTreeMap;

/// Cursors that one tick may raise.
const MOST: usize = 1000;

/// Raises the cursors of these uids, and says so to whom it concerns. How many moved.
pub(crate) fn raise<'a>(
    ctx: Ctx<'_>,
    name: RStr<'_>,
    room: &mut Room,
    wishes: impl Iterator<Item = (&'a [u8], Seq)>,
    now: u64,
) -> usize {
    let mut moved: BTreeMap<Seq, Vec<Piece<'_>>> = BTreeMap::new();
    let mut total = 0;
    for (uid, to) in wishes {
        if room.raise(uid, to, now) {
            let rest = moved.entry(to).or_insert_with(|| vec![Piece::Number(to)]);
            rest.push(Piece::Bytes(uid));
            total += 1;
        }
    }
    if total == 0 {
        return 0;
    }
    let drops = settle(room, now);
    let last = moved.len() - 1;
    for (i, rest) in moved.values().enumerate() {
        let drops = if i == last { drops } else { Drops::default() };
        send(ctx, name, "ack", now, &drops, rest);
    }
    count(Counter::Acked, total as u64);
    ctx.notify(c"room.ack", name);
    total
}

/// A session that ended no longer holds back what the other sessions of its uid have acknowledged. Part of the tick, as
/// nothing can be replicated where a connection ends.
pub(crate) fn step(ctx: Ctx<'_>, now: u64) {
    let mut risen = sessions(|sessions| sessions.take_risen(MOST));
    risen.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    for of_room in risen.chunk_by(|a, b| a.key == b.key) {
        let Some(Risen { key, .. }) = of_room.first() else {
            continue;
        };
        if !ctx.select(key.db) {
            continue;
        }
        ctx.with_name(&key.name, |name| {
            // Opened to be changed only if something changes: that alone breaks a WATCH.
            if !ctx.open(name, false).room().is_some_and(|room| {
                let rises = |risen: &Risen| {
                    let member = room.member(&risen.uid);
                    member.is_some_and(|member| member.cursor < risen.to)
                };
                of_room.iter().any(rises)
            }) {
                return;
            }
            let mut open = ctx.open(name, true);
            if let Some(room) = open.room_mut() {
                let wishes = of_room.iter().map(|risen| (&*risen.uid, risen.to));
                raise(ctx, name, room, wishes, now);
            }
        });
    }
}
