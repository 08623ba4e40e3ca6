//! What happens without a command: the timer, connections that end, databases that are emptied.

use crate::acknowledge;
use crate::announce::{self, At, Counts};
use crate::config;
use crate::effects::{Drops, send};
use crate::ffi::{Ctx, Piece, RStr, now_ms};
use crate::info::{Counter, count};
use crate::presence::sessions;
use crate::sweep;
use room_core::sessions::{Change, RoomKey};
use std::sync::atomic::{AtomicU64, Ordering};

/// How often presence is told and leases are looked at, in milliseconds.
pub(crate) const TICK_MS: i64 = 100;

/// When this server started or last changed its role.
static ROLE_SINCE: AtomicU64 = AtomicU64::new(0);

pub(crate) fn tick(ctx: Ctx<'_>) {
    let now = now_ms();
    let flags = ctx.flags();
    if flags.loading() {
        return;
    }
    let expired = sessions(|sessions| sessions.expire_leases(now));
    count(Counter::LeasesExpired, expired as u64);
    for (key, change) in sessions(|sessions| sessions.flush(now, config::grace_ms())) {
        tell_presence(ctx, &key, &change, now);
    }
    if !flags.replica() {
        acknowledge::step(ctx, now);
        sweep::step(ctx, now);
    }
}

/// One frame for all that came and went in a room, and the time at which the latter were last seen.
fn tell_presence(ctx: Ctx<'_>, key: &RoomKey, change: &Change, now: u64) {
    if !ctx.select(key.db) {
        return;
    }
    let online = sessions(|sessions| sessions.online(key));
    ctx.with_name(&key.name, |name| {
        let mut open = ctx.open(name, true);
        let Some(room) = open.room_mut() else { return };
        let counts = Counts {
            online,
            members: room.member_count() as u64,
        };
        let at = At {
            position: room.log().head(),
            ms: now,
            counts,
        };
        announce::presence(ctx, name, at, change);
        let mut rest = vec![Piece::Bytes(b"seen")];
        rest.extend(
            change
                .went
                .iter()
                .filter(|uid| room.touch(uid, now))
                .map(|uid| Piece::Bytes(uid)),
        );
        if rest.len() > 1 && !ctx.flags().replica() {
            send(ctx, name, "mark", now, &Drops::default(), &rest);
        }
    });
}

pub(crate) fn client_gone(id: u64) {
    sessions(|sessions| sessions.drop_client(id, now_ms()));
}

/// A key of ours was deleted, expired, evicted, renamed or replaced.
pub(crate) fn key_gone(ctx: Ctx<'_>, db: i32, name: RStr<'_>) {
    let key = RoomKey::new(db, name.bytes());
    if sessions(|sessions| sessions.remove_room(&key)) {
        count(Counter::Gone, 1);
        announce::gone(ctx, name, now_ms());
    }
}

/// A database (or all of them) was emptied or swapped: none of its rooms is what it was.
pub(crate) fn flushed(ctx: Ctx<'_>, db: Option<i32>) {
    let rooms = sessions(|sessions| sessions.rooms());
    for key in rooms
        .into_iter()
        .filter(|key| db.is_none_or(|db| key.db == db))
    {
        ctx.with_name(&key.name, |name| key_gone(ctx, key.db, name));
    }
}

pub(crate) fn role_changed() {
    ROLE_SINCE.store(now_ms(), Ordering::Relaxed);
}

/// Whether the proxies have had the time to announce their sessions.
pub(crate) fn settled(now: u64) -> bool {
    now >= ROLE_SINCE
        .load(Ordering::Relaxed)
        .saturating_add(config::start_grace_ms())
}
