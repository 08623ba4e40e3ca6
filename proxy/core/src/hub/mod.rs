//! The rooms of one thread, by name: who is told what, and what becomes of those that nobody is in any more.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | what clients and the clock want of the rooms |
//! | `links` | what comes over links, and what becomes of rooms whose link comes or goes |
//! | `strays` | rooms that are not where they belong, of which there may be many at once |
//! | `elsewhere` | rooms whose server says that they are on another one |

mod elsewhere;
mod links;
mod strays;

use crate::ask::{Ask, NOWHERE};
use crate::cx::{Asks, Cx, Open, Purpose};
use crate::event::Event;
use crate::figures::Figures;
use crate::handle::{Beat, ConnId, Handle};
use crate::lines::Lines;
use crate::pace::Pace;
use crate::places::Places;
use crate::room::{Link, NEVER, Room};
use crate::routes::Routes;
use crate::served::Served;
use crate::settings::Settings;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// See the top of the file. What a room does is in `room`.
#[derive(Debug)]
pub struct Hub<H> {
    settings: Settings,
    figures: Figures,
    served: Served,
    pace: Pace,
    rooms: Places<H>,
    open: Open<H>,
    routes: Routes,
    lines: Lines,
    /// Rooms with something to write.
    behind: VecDeque<u32>,
    /// Rooms that are not where they belong, with some that are by now.
    strays: VecDeque<u32>,
    /// When rooms want to be looked at.
    times: BTreeSet<(u64, u32)>,
}

impl<H: Handle> Hub<H> {
    /// One without rooms and without a link.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            figures: Figures::default(),
            served: Served::default(),
            pace: Pace::default(),
            rooms: Places::default(),
            open: Open::default(),
            routes: Routes::default(),
            lines: Lines::default(),
            behind: VecDeque::new(),
            strays: VecDeque::new(),
            times: BTreeSet::new(),
        }
    }

    /// What was counted.
    pub fn figures(&self) -> Figures {
        Figures {
            rooms: self.rooms.len() as u64,
            ..self.figures
        }
    }

    fn room(&mut self, roomid: &Arc<str>) -> u32 {
        if let Some(place) = self.rooms.find(roomid) {
            return place;
        }
        let hash_slot = self.hash_slot(roomid);
        let on = self.routes.of(hash_slot);
        self.rooms.add(Room::new(roomid.clone()), hash_slot, on)
    }

    fn hash_slot(&self, roomid: &str) -> u16 {
        let key = || [&self.settings.key_prefix, roomid].concat();
        self.routes.slot(key)
    }

    /// Lets a room handle something, and sees what it wants then.
    fn with(
        &mut self,
        now: u64,
        place: u32,
        asks: &mut Asks,
        what: impl FnOnce(&mut Room<H>, &mut Cx<'_, H>),
    ) {
        let Some(slot) = self.rooms.get_mut(place) else {
            return;
        };
        let mut cx = Cx {
            now,
            settings: &self.settings,
            figures: &mut self.figures,
            served: &mut self.served,
            pace: &mut self.pace,
            asks,
            open: &mut self.open,
            place,
            on: slot.on,
            asking: slot.asking,
        };
        let was_linking = slot.room.link.is_under_way();
        what(&mut slot.room, &mut cx);
        let is_linking = slot.room.link.is_under_way();
        match (was_linking, is_linking) {
            (false, true) => self.lines.begin(slot.on, place, now),
            (true, false) => self.lines.end(slot.on, place, now, self.settings.window),
            _ => {}
        }
        if slot.room.is_behind() && !slot.behind {
            slot.behind = true;
            self.behind.push_back(place);
        }
        let is_empty = slot.room.is_empty();
        slot.empty_since = if is_empty {
            slot.empty_since.min(now)
        } else {
            NEVER
        };
        let pause = self.settings.room_pause;
        let due = slot.room.due().min(slot.empty_since.saturating_add(pause));
        let before = std::mem::replace(&mut slot.due, due);
        if due != before {
            self.times.remove(&(before, place));
        }
        if due != before && due != NEVER {
            self.times.insert((due, place));
        }
    }

    /// An event of a client, for one room. When it has had its effect, its `bytes` are given back by [`Handle::done`].
    #[expect(
        clippy::too_many_arguments,
        reason = "a room's name and all of a client's event"
    )]
    pub fn client(
        &mut self,
        now: u64,
        conn: ConnId,
        handle: &H,
        roomid: &Arc<str>,
        event: Event,
        bytes: usize,
        asks: &mut Asks,
    ) {
        let place = self.room(roomid);
        self.settle_stray(now, place, asks);
        self.with(now, place, asks, |room, cx| {
            room.client(conn, handle, event, bytes, cx);
        });
        self.link_more(now, asks);
    }

    /// A connection is gone.
    pub fn gone(&mut self, now: u64, conn: ConnId, roomids: &[Arc<str>], asks: &mut Asks) {
        self.each(now, roomids, asks, |room, cx| room.gone(conn, cx));
    }

    /// Little waits for a connection again that was full.
    pub fn low(&mut self, now: u64, conn: ConnId, roomids: &[Arc<str>], asks: &mut Asks) {
        self.each(now, roomids, asks, |room, cx| room.low(conn, cx));
    }

    /// A connection's client answered a heartbeat, and those before it.
    pub fn answered(
        &mut self,
        now: u64,
        conn: ConnId,
        roomids: &[Arc<str>],
        beat: Beat,
        asks: &mut Asks,
    ) {
        self.each(now, roomids, asks, |room, cx| {
            room.answered_beat(conn, beat, cx)
        });
    }

    fn each(
        &mut self,
        now: u64,
        roomids: &[Arc<str>],
        asks: &mut Asks,
        mut what: impl FnMut(&mut Room<H>, &mut Cx<'_, H>),
    ) {
        for roomid in roomids {
            if let Some(place) = self.rooms.find(roomid) {
                self.touch(now, place, asks);
                self.with(now, place, asks, &mut what);
            }
        }
    }

    /// Writes to seats while there is time, one slice of one room after the other. True if something is left.
    pub fn serve(&mut self, now: u64, more: &mut dyn FnMut() -> bool, asks: &mut Asks) -> bool {
        let strays = self.settle_strays(now, asks);
        let Some(place) = self.behind.pop_front() else {
            return strays;
        };
        if let Some(slot) = self.rooms.get_mut(place) {
            slot.behind = false;
        }
        self.touch(now, place, asks);
        self.with(now, place, asks, |room, cx| {
            room.serve(more, cx);
        });
        strays || !self.behind.is_empty()
    }

    /// Whether messages were handed to all who are here since [`handed_out`](Self::handed_out).
    pub const fn has_served(&self) -> bool {
        !self.served.is_empty()
    }

    /// Counts how long that took. `unix` is the time by the clock that messages are stamped by: Unix time in milliseconds.
    pub fn handed_out(&mut self, unix: u64) {
        for ms in self.served.take() {
            self.figures.handed_out.took(unix.saturating_sub(ms));
        }
    }

    /// When [`tick`](Self::tick) is wanted.
    pub fn next(&self) -> Option<u64> {
        self.times.first().map(|time| time.0)
    }

    /// Looks at the clock.
    pub fn tick(&mut self, now: u64, asks: &mut Asks) {
        while let Some(&(due, place)) = self.times.first() {
            if due > now {
                return;
            }
            self.times.pop_first();
            if let Some(slot) = self.rooms.get_mut(place) {
                slot.due = NEVER;
            }
            self.touch(now, place, asks);
            self.with(now, place, asks, |room, cx| room.tick(cx));
            self.end_empty(now, place, asks);
        }
    }

    /// A room that nobody was in for a while goes.
    fn end_empty(&mut self, now: u64, place: u32, asks: &mut Asks) {
        let Some(slot) = self.rooms.get(place) else {
            return;
        };
        let pause = self.settings.room_pause;
        if now < slot.empty_since.saturating_add(pause) {
            return;
        }
        let Some(slot) = self.rooms.remove(place) else {
            return;
        };
        if slot.room.link != Link::None && slot.on != NOWHERE {
            // Nobody waits for the answer.
            let mut cx = Cx {
                now,
                settings: &self.settings,
                figures: &mut self.figures,
                served: &mut self.served,
                pace: &mut self.pace,
                asks,
                open: &mut self.open,
                place: u32::MAX,
                on: slot.on,
                asking: slot.asking,
            };
            cx.ask(&slot.room.roomid, Ask::Unsubscribe, Purpose::Unsubscribed);
        }
        self.times.remove(&(slot.due, place));
        self.lines.leave(place);
        self.behind.retain(|known| *known != place);
    }

    /// The proxy stops: everybody is away, and everything is reported.
    pub fn stop(&mut self, now: u64, asks: &mut Asks) {
        for place in self.rooms.all() {
            self.touch(now, place, asks);
            self.with(now, place, asks, |room, cx| room.stop(cx));
        }
    }

    /// Whether nothing is left to report, and no question is open.
    pub fn is_idle(&self) -> bool {
        self.open.list.is_empty() && self.rooms.slots().all(|slot| slot.room.is_empty())
    }
}
