//! What this node keeps in memory beside the rooms: who is connected, its clocks, since when it is what it is. Redis runs
//! commands and events on one thread, so they live in that thread.

use crate::config;
use crate::redis::clock::{mono_us, wall_ms};
use crate::redis::ctx::{Ctx, Flags};
use room_core::clock::{Clock, Times};
use room_core::commands::Env;
use room_core::commands::waiting::Agenda;
use room_core::position::Tag;
use room_core::sessions::Sessions;
use room_core::settings::Settings;
use std::cell::{Cell, RefCell};

thread_local! {
    static SESSIONS: RefCell<Sessions> = RefCell::new(Sessions::default());
    static AGENDA: RefCell<Agenda> = RefCell::new(Agenda::default());
    static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
    static ROLE_SINCE: Cell<u64> = const { Cell::new(0) };
}

/// Runs `with` on the sessions. It must not call Redis: that could end in a callback that wants them too.
pub(crate) fn sessions<T>(with: impl FnOnce(&mut Sessions) -> T) -> T {
    SESSIONS.with_borrow_mut(with)
}

/// Runs `with` on the rooms in which mail may wait. It must not call Redis, as above.
pub(crate) fn agenda<T>(with: impl FnOnce(&mut Agenda) -> T) -> T {
    AGENDA.with_borrow_mut(with)
}

/// Reads the clocks, and runs `with` on what they say, without a copy of the jumps. It must not call Redis, as above.
pub(crate) fn with_clock<T>(with: impl FnOnce(&Clock) -> T) -> T {
    let (wall, mono) = (wall_ms(), mono_us() / 1000);
    CLOCK.with_borrow_mut(|clock| {
        let clock = clock.get_or_insert_with(|| Clock::start(wall, mono));
        clock.read(wall, mono);
        with(clock)
    })
}

/// Reads the clocks, for what calls Redis meanwhile.
pub(crate) fn read_clock() -> Clock {
    with_clock(|clock| *clock)
}

/// The same, where only the times matter.
pub(crate) fn times() -> Times {
    with_clock(Clock::times)
}

/// This node started, was promoted, or was demoted.
pub(crate) fn role_begins() {
    ROLE_SINCE.set(times().mono);
}

/// What a command, an event or a tick knows of the world, but for what the caller brings along: nobody called, no room is
/// born.
pub(crate) fn env<'a>(clock: &'a Clock, settings: &'a Settings) -> Env<'a> {
    Env {
        times: clock.times(),
        clock,
        birth: Tag(0),
        full: false,
        client: 0,
        counts: false,
        role_since: ROLE_SINCE.get(),
        settings,
    }
}

/// The same for a command.
pub(crate) fn env_of<'a>(
    ctx: Ctx<'_>,
    flags: Flags,
    clock: &'a Clock,
    settings: &'a Settings,
) -> Env<'a> {
    Env {
        full: flags.oom(),
        client: ctx.client_id(),
        counts: !(flags.script() || flags.replica() || flags.loading() || flags.replicated()),
        ..env(clock, settings)
    }
}

/// For how long a device's position is kept, in milliseconds.
pub(crate) fn device_grace() -> u64 {
    config::settings().device_grace
}
