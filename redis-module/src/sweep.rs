//! Limits that time alone reaches: `maxage` in rooms where nobody speaks, `member-ttl` of those who are away.
//!
//! A walk over the keys, a little at each tick, so that no list of rooms has to be kept right through renames, restores
//! and swaps. It begins anew a second after it began.

use crate::config;
use crate::effects::{Drops, see, send, settle};
use crate::events::settled;
use crate::ffi::{Ctx, Piece, Scan, now_ms};
use crate::info::{Counter, count};
use crate::presence::sessions;
use room_core::limits::{Limit, Limits};
use room_core::room::Room;
use room_core::sessions::RoomKey;
use std::cell::RefCell;

/// Steps of the walk in one tick (each looks at one slot of Redis' key table), and rooms that one tick may change.
const STEPS: usize = 200;
const MOST_ROOMS: usize = 50;
/// Members that one visit may release or mark as seen.
const MOST_MEMBERS: usize = 1000;
const ROUND_MS: u64 = 1000;

struct Round {
    scan: Scan,
    db: i32,
    began: u64,
    over: bool,
}

thread_local! {
    static ROUND: RefCell<Option<Round>> = const { RefCell::new(None) };
}

/// Looks at some keys and brings the rooms among them that are due in order.
pub(crate) fn step(ctx: Ctx<'_>, now: u64) {
    if crate::data_type::rooms() == 0 {
        return;
    }
    let mut due: Vec<RoomKey> = Vec::new();
    ROUND.with_borrow_mut(|round| {
        let round = round.get_or_insert_with(|| Round {
            scan: Scan::new(),
            db: 0,
            began: now,
            over: false,
        });
        if round.over && now < round.began + ROUND_MS {
            return;
        }
        if round.over {
            *round = Round {
                db: 0,
                began: now,
                over: false,
                scan: std::mem::replace(&mut round.scan, Scan::new()),
            };
            round.scan.restart();
        }
        round.walk(ctx, now, &mut due);
    });
    for key in due {
        visit(ctx, &key, now);
    }
}

impl Round {
    fn walk(&mut self, ctx: Ctx<'_>, now: u64, due: &mut Vec<RoomKey>) {
        let defaults = config::limits();
        for _ in 0..STEPS {
            if due.len() >= MOST_ROOMS {
                return;
            }
            if !ctx.select(self.db) {
                self.over = true;
                return;
            }
            let db = self.db;
            let more = self.scan.step(ctx, &mut |name, room| {
                if is_due(room, now, &room.limits(&defaults)) {
                    due.push(RoomKey::new(db, name));
                }
            });
            if !more {
                self.db += 1;
                self.scan.restart();
            }
        }
    }
}

fn is_due(room: &Room, now: u64, limits: &Limits) -> bool {
    if room.due(now, limits).iter().any(Option::is_some) {
        return true;
    }
    // A room that holds no more than it would keep anyway has nothing to win from releasing members.
    limits.get(Limit::MemberTtl) > 0 && room.log().len() > limits.get(Limit::Keep) && settled(now)
}

fn visit(ctx: Ctx<'_>, key: &RoomKey, now: u64) {
    if !ctx.select(key.db) {
        return;
    }
    ctx.with_name(&key.name, |name| {
        let mut open = ctx.open(name, true);
        let Some(room) = open.room_mut() else { return };
        let limits = room.limits(&config::limits());
        let ttl = limits.get(Limit::MemberTtl);
        if ttl > 0 && settled(now) {
            let (absent, present) = overdue(
                room,
                key,
                now.saturating_sub(ttl),
                now.saturating_sub(ttl / 2),
            );
            mark(ctx, name, room, "seen", &present, now);
            mark(ctx, name, room, "release", &absent, now);
            count(Counter::Released, absent.len() as u64);
        }
        let drops = settle(room, now_ms());
        if !drops.is_empty() {
            send(ctx, name, "drop", now, &drops, &[]);
        }
    });
}

/// Who is to be released, and who is to be marked as seen.
type Overdue = (Vec<Box<[u8]>>, Vec<Box<[u8]>>);

/// Members who are away since before `horizon` and still hold the log, and members online who did not act since `stale`
/// (their time must not look old when they go).
fn overdue(room: &Room, key: &RoomKey, horizon: u64, stale: u64) -> Overdue {
    let (mut absent, mut present) = (Vec::new(), Vec::new());
    for member in room.members() {
        if absent.len() + present.len() >= MOST_MEMBERS {
            break;
        }
        let old = member.acted_ms < stale || member.released;
        if !old {
            continue;
        }
        if sessions(|sessions| sessions.sessions_of(key, member.uid)) > 0 {
            present.push(member.uid.into());
        } else if member.acted_ms < horizon && !member.released {
            absent.push(member.uid.into());
        }
    }
    (absent, present)
}

fn mark(
    ctx: Ctx<'_>,
    name: crate::ffi::RStr<'_>,
    room: &mut Room,
    what: &str,
    uids: &[Box<[u8]>],
    now: u64,
) {
    if uids.is_empty() {
        return;
    }
    let mut rest = vec![Piece::Bytes(what.as_bytes())];
    for uid in uids {
        if what == "release" {
            room.set_released(uid, true);
        } else {
            see(room, uid, now);
        }
        rest.push(Piece::Bytes(uid));
    }
    send(ctx, name, "mark", now, &Drops::default(), &rest);
}
