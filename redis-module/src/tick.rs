//! What happens without a command, ten times a second: leases that end, presence that is told, cursors that rise, limits
//! that time reaches. Each part does a little and goes on at the next tick; all of them share the time of one tick.

use crate::announce;
use crate::call::finish;
use crate::config;
use crate::graves;
use crate::info;
use crate::redis::clock::mono_us;
use crate::redis::ctx::{Args, Ctx, Flags};
use crate::redis::key::{Access, Kind};
use crate::state::{device_grace, env, read_clock, sessions};
use crate::sweep;
use room_core::announce::control;
use room_core::commands::outcome::{Announcement, Counter, Outcome};
use room_core::commands::{Env, presence, rise};
use room_core::room::Room;
use room_core::sessions::{Risen, RoomKey};
use room_core::turns::Turns;
use std::cell::Cell;

/// How often, in milliseconds.
pub(crate) const TICK_MS: u64 = 100;
/// A tick that comes so much later than it should was held up: by Redis itself, or by a wall clock that was set back.
const LATE_MS: u64 = 2 * TICK_MS;
/// How long a tick may take, and each of its parts, in microseconds; a piece that is begun is done.
const BUDGET_US: u64 = 5_000;
const PART_US: u64 = 1_500;
/// Rows of one piece.
const PIECE: usize = 200;
/// Rooms with sessions that are looked at in cluster mode: is the key still here?
const LOOKED_AT: usize = 50;

thread_local! {
    /// When the last tick was, in monotonic milliseconds.
    static LAST: Cell<u64> = const { Cell::new(0) };
    static TURNS: Cell<Turns> = Cell::default();
}

/// Ticks begin: the first one is due in [`TICK_MS`].
pub(crate) fn begin() {
    LAST.set(mono_us() / 1000);
}

/// Whether ticks have stopped: Redis' timers go by the wall clock, and one set before that was set back does not fire.
pub(crate) fn is_late() -> bool {
    mono_us() / 1000 > LAST.get().saturating_add(LATE_MS)
}

pub(crate) fn tick(ctx: Ctx<'_>) {
    let (clock, settings) = (read_clock(), config::settings());
    let env = env(&clock, &settings);
    let flags = ctx.flags();
    let began = mono_us();
    let now = began / 1000;
    let late = now.saturating_sub(LAST.replace(now).saturating_add(TICK_MS));
    if flags.loading() {
        return;
    }
    let mono = env.times.mono;
    let expired = sessions(|sessions| {
        if late > LATE_MS {
            // A pause of Redis' own is not its proxies' silence.
            sessions.late(late);
        }
        sessions.expire_leases(mono, device_grace())
    });
    info::count(Counter::LeasesExpired, expired as u64);
    // A replica changes its rooms only as its primary says. And what the others do replicates, on which Redis aborts while
    // it holds writes back (CLIENT PAUSE, a failover, a shutdown that waits for a replica). Nothing is forgotten: it is done
    // at the first tick after.
    let writes = !flags.replica() && !ctx.writes_are_paused();
    let parts: &[Part] = if writes { &ALL } else { &WITHOUT_WRITES };
    let (mut turns, until) = (TURNS.take(), began + BUDGET_US);
    turns.take(parts.len(), |part| {
        if let Some(part) = parts.get(part) {
            part(ctx, flags, &env, until);
        }
        mono_us() < until
    });
    TURNS.set(turns);
}

/// One part of a tick, and when the tick's time is up.
type Part = fn(Ctx<'_>, Flags, &Env<'_>, u64);

const WITHOUT_WRITES: [Part; 3] = [
    |ctx, flags, env, until| bounded(until, || tell_gone(ctx, flags, env)),
    |_, _, env, until| {
        bounded(until, || {
            sessions(|sessions| sessions.chores(env.times.mono, PIECE)) > 0
        });
    },
    |_, _, _, until| bounded(until, || graves::clear(PIECE) > 0),
];

const ALL: [Part; 7] = [
    WITHOUT_WRITES[0],
    WITHOUT_WRITES[1],
    WITHOUT_WRITES[2],
    |ctx, flags, env, until| bounded(until, || tell_presence(ctx, flags, env)),
    |ctx, flags, env, until| bounded(until, || raise(ctx, flags, env)),
    |ctx, flags, env, _| sweep::step(ctx, flags, env),
    |ctx, flags, _, _| forget_moved(ctx, flags),
];

/// Does pieces until one had nothing to do, or the part's or the tick's time is up.
fn bounded(until: u64, mut piece: impl FnMut() -> bool) {
    let until = until.min(mono_us() + PART_US);
    while piece() && mono_us() < until {}
}

/// Runs a part of the tick on a room that is to be changed.
fn in_room<'o>(
    ctx: Ctx<'_>,
    flags: Flags,
    key: &RoomKey,
    run: impl FnOnce(&mut Room) -> Outcome<'o, ()>,
) {
    if !ctx.select(key.db) {
        return;
    }
    ctx.with_name(&key.name, |name| {
        let mut open = ctx.open(name, Access::Write);
        let Some(room) = open.room_mut() else { return };
        let mut outcome = run(room);
        finish(ctx, flags, (name, Args::new(&[])), &mut open, &mut outcome);
    });
}

/// Rooms that went with their database.
fn tell_gone(ctx: Ctx<'_>, flags: Flags, env: &Env<'_>) -> bool {
    let gone = sessions(|sessions| sessions.take_gone(PIECE));
    info::count(Counter::Gone, gone.len() as u64);
    let told = Announcement::of_no_room(control::GONE, env.times.wall);
    for key in &gone {
        ctx.with_name(&key.name, |name| {
            announce::tell_in(ctx, flags, (key.db, name), &told);
        });
    }
    !gone.is_empty()
}

/// Who came and who went.
fn tell_presence(ctx: Ctx<'_>, flags: Flags, env: &Env<'_>) -> bool {
    let grace = env.settings.grace;
    let changes = sessions(|sessions| sessions.flush(env.times.mono, grace, PIECE));
    for (key, change) in &changes {
        let names = env.settings.presence_names;
        let (online, who) = sessions(|sessions| {
            let who = change.again.then(|| sessions.who(key.as_name(), names));
            (sessions.online(key.as_name()), who.flatten())
        });
        in_room(ctx, flags, key, |room| {
            presence(room, (online, who.as_deref()), change, env)
        });
    }
    !changes.is_empty()
}

/// Cursors that rise because the slowest session of a uid ended, or a room is free again.
fn raise(ctx: Ctx<'_>, flags: Flags, env: &Env<'_>) -> bool {
    let mut risen = sessions(|sessions| sessions.take_risen(env.times.mono, PIECE));
    risen.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    for of_room in risen.chunk_by(|a, b| a.key == b.key) {
        if let Some(Risen { key, .. }) = of_room.first() {
            in_room(ctx, flags, key, |room| rise(room, of_room, env));
        }
    }
    !risen.is_empty()
}

/// A slot that moved atomically took its keys along without a word: their sessions go too.
fn forget_moved(ctx: Ctx<'_>, flags: Flags) {
    if !flags.cluster() {
        return;
    }
    for key in sessions(|sessions| sessions.next_rooms(LOOKED_AT)) {
        if !ctx.select(key.db) {
            continue;
        }
        let kind = ctx.with_name(&key.name, |name| ctx.open(name, Access::Read).kind());
        if kind != Kind::Room && sessions(|sessions| sessions.remove_room(key.as_name())) {
            info::count(Counter::Moved, 1);
        }
    }
}
