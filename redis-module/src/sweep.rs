//! What time alone brings about in rooms where nobody does anything: a walk over the keys, for a moment at each tick, so
//! that no list of rooms has to be kept right through renames, restores and swaps. It begins anew a second after it began.

use crate::call::finish;
use crate::redis::cluster;
use crate::redis::ctx::{Args, Ctx, Flags};
use crate::redis::key::{self, Access};
use crate::redis::scan::Scan;
use crate::state::{agenda, sessions};
use room_core::commands::{Env, Work, look, sweep};
use room_core::limits::Limit;
use room_core::room::Room;
use room_core::sessions::{RoomKey, RoomName};
use room_core::slots::{Slots, slot_of};
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// How long one tick may look: a hundredth of the time.
const BUDGET: Duration = Duration::from_millis(1);
/// Steps between two looks at the clock (each looks at one slot of Redis' key table).
const STEPS: usize = 8;
/// What one tick may change: rooms, and their members.
const MOST_ROOMS: usize = 50;
const MOST_MEMBERS: usize = 2000;
const ROUND_MS: u64 = 1000;

struct Round {
    scan: Scan,
    db: i32,
    /// How many rounds there were before.
    turn: usize,
    began: u64,
    /// Rooms met.
    met: u64,
    over: bool,
    /// In cluster mode, which slots are ours: keys that are still arriving are not.
    slots: Option<Slots>,
}

thread_local! {
    static ROUND: RefCell<Option<Round>> = const { RefCell::new(None) };
}

/// Looks at some keys and brings the rooms among them that are due in order.
pub(crate) fn step(ctx: Ctx<'_>, flags: Flags, env: &Env<'_>) {
    if key::rooms() == 0 {
        return;
    }
    let now = env.times.mono;
    let delay = env.settings.limits.get(Limit::WaitingDelay);
    agenda(|agenda| agenda.settings(delay, env.settings.waiting_again));
    let mut due: Vec<(RoomKey, Work)> = Vec::new();
    ROUND.with_borrow_mut(|round| {
        let round = round.get_or_insert_with(|| Round {
            scan: Scan::new(),
            db: 0,
            turn: 0,
            began: 0,
            met: 0,
            over: true,
            slots: None,
        });
        if round.over && round.began > 0 && now < round.began + ROUND_MS {
            return;
        }
        if round.over {
            round.begin_anew(flags, now);
        }
        round.walk(ctx, env, &mut due);
    });
    for (key, work) in &due {
        visit(ctx, flags, key, work, env);
    }
}

impl Round {
    fn begin_anew(&mut self, flags: Flags, now: u64) {
        self.scan.restart();
        self.db = 0;
        self.turn = self.turn.wrapping_add(1);
        self.began = now;
        self.met = 0;
        self.over = false;
        self.slots = flags.cluster().then(cluster::slots).flatten();
    }

    fn walk(&mut self, ctx: Ctx<'_>, env: &Env<'_>, due: &mut Vec<(RoomKey, Work)>) {
        let rooms = key::rooms();
        let began = Instant::now();
        let mut members = 0;
        while began.elapsed() < BUDGET {
            for _ in 0..STEPS {
                if due.len() >= MOST_ROOMS || members >= MOST_MEMBERS {
                    return;
                }
                // Nobody has to look through the other keys once all rooms were met.
                if self.met >= rooms || !ctx.select(self.db) {
                    self.over = true;
                    return;
                }
                let Self {
                    db,
                    turn,
                    met,
                    slots,
                    ..
                } = self;
                let more = self.scan.step(ctx, &mut |name, room| {
                    *met += 1;
                    if slots
                        .as_ref()
                        .is_some_and(|slots| !slots.is_own(slot_of(name)))
                    {
                        return;
                    }
                    let key = RoomName { db: *db, name };
                    find_waiting(key, room, env);
                    if let Some(work) = sessions(|sessions| look(key, room, sessions, *turn, env)) {
                        members += work.members();
                        due.push((RoomKey::new(*db, name), work));
                    }
                });
                if !more {
                    self.db += 1;
                    self.scan.restart();
                }
            }
        }
    }
}

/// Rooms that came to this node by any way are found here for those who ask where mail waits.
fn find_waiting(key: RoomName<'_>, room: &Room, env: &Env<'_>) {
    let on = room.limits(&env.settings.limits).get(Limit::WaitingDelay) > 0;
    agenda(|agenda| {
        // Switched off, it is to be found once it is on again.
        let generation = if on { agenda.generation() } else { 0 };
        if room.set_found(generation) && on {
            agenda.put(key, env.times.mono);
        }
    });
}

fn visit(ctx: Ctx<'_>, flags: Flags, key: &RoomKey, work: &Work, env: &Env<'_>) {
    if !ctx.select(key.db) {
        return;
    }
    ctx.with_name(&key.name, |name| {
        let mut open = ctx.open(name, Access::Write);
        let Some(room) = open.room_mut() else { return };
        let mut outcome = sessions(|sessions| sweep(key.as_name(), room, sessions, work, env));
        finish(ctx, flags, (name, Args::new(&[])), &mut open, &mut outcome);
    });
}
