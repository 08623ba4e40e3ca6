//! What happens without a command: the timer, connections that end, databases that are emptied.

use crate::acknowledge;
use crate::announce::{self, At, Counts};
use crate::config;
use crate::effects::mark;
use crate::ffi::{Ctx, RStr, now_ms};
use crate::info::{Counter, count};
use crate::presence::sessions;
use crate::sweep;
use room_core::Member;
use room_core::limits::Limit;
use room_core::room::Room;
use room_core::sessions::{Change, RoomKey, Sessions};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often presence is told and leases are looked at, in milliseconds.
pub(crate) const TICK_MS: i64 = 100;

/// Arrivals that one tick tells, and departures: the rest of a crowd waits for the next, and the server answers between.
const MOST_CHANGES: usize = 2000;

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
    // A replica changes its rooms only as its primary says.
    if flags.replica() {
        return;
    }
    // What follows replicates, and Redis aborts on that while it holds writes back (CLIENT PAUSE, a failover, a shutdown
    // that waits for a replica). Nothing is forgotten: it is done at the first tick after.
    if ctx.writes_are_paused() {
        return;
    }
    for (key, change) in sessions(|sessions| sessions.flush(now, config::grace_ms(), MOST_CHANGES))
    {
        tell_presence(ctx, &key, &change, now);
    }
    acknowledge::step(ctx, now);
    sweep::step(ctx, now);
}

/// One frame for all that came and went in a room; and they were seen, which ends or begins their absence.
fn tell_presence(ctx: Ctx<'_>, key: &RoomKey, change: &Change, now: u64) {
    if !ctx.select(key.db) {
        return;
    }
    let online = sessions(|sessions| sessions.online(key));
    ctx.with_name(&key.name, |name| {
        let open = ctx.open(name, false);
        let Some(room) = open.room() else { return };
        let counts = Counts {
            online,
            members: room.member_count() as u64,
        };
        let at = At {
            position: room.log().head(),
            ms: now,
            counts,
        };
        if !(change.came.is_empty() && change.went.is_empty()) {
            announce::presence(ctx, name, at, change);
        }
        let seen = to_be_seen(room, change, now);
        drop(open);
        if seen.is_empty() {
            return;
        }
        if let Some(room) = ctx.open(name, true).room_mut() {
            mark(ctx, name, room, "seen", &seen, now);
        }
    });
}

/// Members who went, and those who came and would be taken for absent.
fn to_be_seen<'a>(room: &Room, change: &'a Change, now: u64) -> Vec<&'a Arc<[u8]>> {
    let limits = room.limits(&config::limits());
    let stale = sweep::stale_before(now, limits.get(Limit::MemberTtl));
    let came = change.came.iter().filter(|uid| {
        let absent = |member: Member<'_>| member.released || member.acted_ms < stale;
        room.member(uid).is_some_and(absent)
    });
    let went = change.went.iter().chain(&change.passed);
    came.chain(went.filter(|uid| room.member(uid).is_some()))
        .collect()
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

pub(crate) fn role_changed(replica: bool) {
    ROLE_SINCE.store(now_ms(), Ordering::Relaxed);
    if replica {
        // Its rooms follow another node now, and so do the proxies: a HELLO after a promotion asks for all sessions.
        sessions(|sessions| *sessions = Sessions::default());
    }
}

/// Whether the proxies have had the time to announce their sessions.
pub(crate) fn settled(now: u64) -> bool {
    now >= ROLE_SINCE
        .load(Ordering::Relaxed)
        .saturating_add(config::start_grace_ms())
}
