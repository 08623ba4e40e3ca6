//! Limits that time alone reaches: `maxage` in rooms where nobody speaks, `member-ttl` of those who are away.
//!
//! A walk over the keys, for a moment at each tick, so that no list of rooms has to be kept right through renames,
//! restores and swaps. It begins anew a second after it began. It only looks; a room is opened to be changed when there
//! is something to change, or the walk itself would break every WATCH.

use crate::config;
use crate::data_type;
use crate::effects::{mark, send, settle};
use crate::events::settled;
use crate::ffi::{Ctx, Scan};
use crate::info::{Counter, count};
use crate::presence::sessions;
use room_core::limits::{Limit, Limits};
use room_core::room::Room;
use room_core::sessions::{RoomKey, RoomName};
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// How long one tick may look: a hundredth of the time.
const BUDGET: Duration = Duration::from_millis(1);
/// Steps between two looks at the clock (each looks at one slot of Redis' key table).
const STEPS: usize = 8;
/// What one tick may change: rooms, and their members.
const MOST_ROOMS: usize = 50;
const MOST_MEMBERS: usize = 2000;
/// Members of a room that one round looks at; the next round looks at the next ones.
const ROWS: usize = 2048;
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
}

/// What is to be done in a room.
struct Work {
    key: RoomKey,
    members: Marks,
}

#[derive(Default)]
struct Marks {
    /// Members online who did not act for long: their time must not look old when they go.
    seen: Vec<Box<[u8]>>,
    /// Members who are away for longer than their time and still hold the log.
    away: Vec<Box<[u8]>>,
}

thread_local! {
    static ROUND: RefCell<Option<Round>> = const { RefCell::new(None) };
}

/// Looks at some keys and brings the rooms among them that are due in order.
pub(crate) fn step(ctx: Ctx<'_>, now: u64) {
    if data_type::rooms() == 0 {
        return;
    }
    let mut due: Vec<Work> = Vec::new();
    ROUND.with_borrow_mut(|round| {
        let round = round.get_or_insert_with(|| Round {
            scan: Scan::new(),
            db: 0,
            turn: 0,
            began: now,
            met: 0,
            over: false,
        });
        if round.over && now.abs_diff(round.began) < ROUND_MS {
            return;
        }
        if round.over {
            round.begin_anew(now);
        }
        round.walk(ctx, now, &mut due);
    });
    for work in due {
        visit(ctx, &work, now);
    }
}

impl Marks {
    fn count(&self) -> usize {
        self.seen.len() + self.away.len()
    }
}

impl Round {
    fn begin_anew(&mut self, now: u64) {
        self.scan.restart();
        self.db = 0;
        self.turn = self.turn.wrapping_add(1);
        self.began = now;
        self.met = 0;
        self.over = false;
    }

    fn walk(&mut self, ctx: Ctx<'_>, now: u64, due: &mut Vec<Work>) {
        let defaults = config::limits();
        let rooms = data_type::rooms();
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
                let Self { db, turn, met, .. } = self;
                let more = self.scan.step(ctx, &mut |name, room| {
                    *met += 1;
                    let key = RoomName { db: *db, name };
                    if let Some(work) = look(&key, room, now, &defaults, *turn) {
                        members += work.members.count();
                        due.push(work);
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

/// What is to be done in this room, if anything.
fn look(key: &RoomName<'_>, room: &Room, now: u64, defaults: &Limits, turn: usize) -> Option<Work> {
    let limits = room.limits(defaults);
    let members = match limits.get(Limit::MemberTtl) {
        0 => Marks::default(),
        ttl => {
            // A room that holds no more than it would keep anyway has nothing to win from releasing members.
            let holds = room.log().len() > limits.get(Limit::Keep) && settled(now);
            look_at_members(key, room, now, (ttl, holds), turn)
        }
    };
    let due = room.due(now, &limits).iter().any(Option::is_some);
    (due || members.count() > 0).then(|| Work {
        key: key.into(),
        members,
    })
}

/// Who is online has acted since then, or is to be marked as seen. So a server that dies, and tells no departure, leaves
/// times that are wrong by an eighth of the time to live at most: only who is away for that much longer is released.
pub(crate) fn stale_before(now: u64, ttl: u64) -> u64 {
    match ttl {
        0 => 0,
        ttl => now.saturating_sub(ttl / 8),
    }
}

/// Which of some of the members are to be marked.
fn look_at_members(
    key: &RoomName<'_>,
    room: &Room,
    now: u64,
    (ttl, holds): (u64, bool),
    turn: usize,
) -> Marks {
    let mut marks = Marks::default();
    let stale = stale_before(now, ttl);
    let horizon = stale.saturating_sub(ttl);
    sessions(|sessions| {
        let present = sessions.present_in(key);
        if !holds && present.is_none() {
            return;
        }
        let rows = room.member_count();
        let from = turn % rows.div_ceil(ROWS).max(1) * ROWS;
        for at in from..rows.min(from + ROWS) {
            // Who was released and comes back is marked at once, when the arrival is told.
            let Some(member) = room
                .member_at(at)
                .filter(|member| member.acted_ms < stale && !member.released)
            else {
                continue;
            };
            if present.as_ref().is_some_and(|here| here(member.uid)) {
                marks.seen.push(member.uid.into());
            } else if holds && member.acted_ms < horizon {
                marks.away.push(member.uid.into());
            }
        }
    });
    marks
}

fn visit(ctx: Ctx<'_>, work: &Work, now: u64) {
    if !ctx.select(work.key.db) {
        return;
    }
    ctx.with_name(&work.key.name, |name| {
        let mut open = ctx.open(name, true);
        let Some(room) = open.room_mut() else { return };
        mark(ctx, name, room, "seen", &work.members.seen, now);
        mark(ctx, name, room, "release", &work.members.away, now);
        count(Counter::Released, work.members.away.len() as u64);
        let drops = settle(room, now);
        if !drops.is_empty() {
            send(ctx, name, "drop", now, &drops, &[]);
        }
    });
}
