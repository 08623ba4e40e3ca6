//! Cursors that rise: by `ROOM.ACK`, and because a uid's slowest session or ghost ended.

use super::effect::{Drops, Effect, Piece};
use super::env::Env;
use super::outcome::{Counter, Outcome, settle};
use crate::position::Seq;
use crate::room::Room;
use std::collections::BTreeMap;

/// Raises the cursors of these uids. How many moved.
pub(super) fn raise<'a>(
    room: &mut Room,
    wishes: impl Iterator<Item = (&'a [u8], Seq)>,
    env: &Env<'_>,
) -> (usize, Outcome<'a, ()>) {
    let mut moved: BTreeMap<Seq, Vec<&'a [u8]>> = BTreeMap::new();
    let mut total = 0;
    let mut stirred = false;
    for (uid, to) in wishes {
        stirred |= room.telling(uid).is_some_and(|telling| telling.quiet);
        if room.raise(uid, to, env.times.steady) {
            moved.entry(to).or_default().push(uid);
            total += 1;
        }
    }
    let mut outcome = Outcome::of(());
    if total == 0 {
        return (0, outcome);
    }
    let (drops, dropped) = settle(room, env);
    let last = moved.len() - 1;
    for (i, (to, uids)) in moved.into_iter().enumerate() {
        let uids = uids.into_iter().map(Piece::Bytes);
        let mut effect = Effect::new(
            "ack",
            env.times.steady,
            [Piece::Number(to)].into_iter().chain(uids),
        );
        effect.drops = if i == last { drops } else { Drops::default() };
        outcome.effect(effect);
    }
    if stirred {
        outcome.wakes(room, env);
    }
    outcome.count(Counter::Acked, total as u64);
    outcome.count(Counter::Dropped, dropped.unread);
    (total, outcome.changed(None, c"room.ack"))
}

/// A tick's part: cursors of one room that are to rise, as its `Sessions` say.
pub fn rise<'a>(
    room: &mut Room,
    risen: &'a [crate::sessions::Risen],
    env: &Env<'_>,
) -> Outcome<'a, ()> {
    raise(room, risen.iter().map(|risen| (&*risen.uid, risen.to)), env).1
}
