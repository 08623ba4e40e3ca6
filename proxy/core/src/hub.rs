//! The rooms of one thread, by name: who is told what, which of them are attached again when, and what becomes of those that
//! nobody is in any more.

use crate::ask::{Answer, Ask, Fault, Request};
use crate::cx::{Asks, Cx, Open, Purpose, Reads};
use crate::event::Event;
use crate::figures::Figures;
use crate::handle::{Beat, ConnId, Handle};
use crate::places::Places;
use crate::room::{Link, Room};
use crate::settings::Settings;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// See the top of the file. What a room does is in `room`.
#[derive(Debug)]
pub struct Hub<H> {
    settings: Settings,
    figures: Figures,
    rooms: Places<H>,
    open: Open<H>,
    /// The generation of the link that is up.
    up: Option<u64>,
    /// Rooms that are to be attached again, and how many are being attached.
    queue: VecDeque<u32>,
    linking: usize,
    /// Rooms with something to write.
    behind: VecDeque<u32>,
    /// When rooms want to be looked at.
    times: BTreeSet<(u64, u32)>,
}

impl<H: Handle> Hub<H> {
    /// One without rooms and without a link.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            figures: Figures::default(),
            rooms: Places::default(),
            open: Open::default(),
            up: None,
            queue: VecDeque::new(),
            linking: 0,
            behind: VecDeque::new(),
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
        self.rooms.add(Room::new(roomid.clone()))
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
            asks,
            open: &mut self.open,
            place,
            up: self.up.is_some(),
        };
        let was_linking = slot.room.link.is_under_way();
        what(&mut slot.room, &mut cx);
        let is_linking = slot.room.link.is_under_way();
        self.linking =
            (self.linking + usize::from(is_linking)).saturating_sub(usize::from(was_linking));
        if slot.room.is_behind() && !slot.behind {
            slot.behind = true;
            self.behind.push_back(place);
        }
        let empty = slot.room.is_empty();
        slot.empty_since = match (empty, slot.empty_since) {
            (false, _) => None,
            (true, since) => Some(since.unwrap_or(now)),
        };
        let pause = slot
            .empty_since
            .map(|since| since + self.settings.room_pause);
        let due = match (slot.room.due(), pause) {
            (Some(due), Some(pause)) => Some(due.min(pause)),
            (due, pause) => due.or(pause),
        };
        if due != slot.due {
            if let Some(before) = slot.due {
                self.times.remove(&(before, place));
            }
            if let Some(due) = due {
                self.times.insert((due, place));
            }
            slot.due = due;
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
                self.with(now, place, asks, &mut what);
            }
        }
    }

    /// An announcement came on a room's channel, which is its key.
    pub fn announced(
        &mut self,
        now: u64,
        generation: u64,
        channel: &str,
        frame: &[u8],
        asks: &mut Asks,
    ) {
        if self.up != Some(generation) {
            return;
        }
        self.figures.frames += 1;
        let roomid = channel.strip_prefix(self.settings.key_prefix.as_str());
        if let Some(place) = roomid.and_then(|roomid| self.rooms.find(roomid)) {
            self.with(now, place, asks, |room, cx| room.announced(frame, cx));
        }
    }

    /// Redis answered a question.
    pub fn answer(
        &mut self,
        now: u64,
        generation: u64,
        request: Request,
        answer: Result<Answer, Fault>,
        asks: &mut Asks,
    ) {
        if self.up != Some(generation) {
            return;
        }
        if let Some((place, purpose)) = self.open.take(request, asks) {
            self.with(now, place, asks, |room, cx| {
                room.answer(purpose, answer, cx)
            });
            self.link_more(now, asks);
        }
    }

    /// There is a link: nothing is subscribed on it yet.
    pub fn up(&mut self, now: u64, generation: u64, asks: &mut Asks) {
        if self.up.is_some() {
            self.down_now(now, asks);
        }
        self.up = Some(generation);
        self.queue = self.rooms.all().into();
        self.link_more(now, asks);
    }

    /// The link is gone, and nothing of it follows.
    pub fn down(&mut self, now: u64, generation: u64, asks: &mut Asks) {
        if self.up == Some(generation) {
            self.down_now(now, asks);
        }
    }

    fn down_now(&mut self, now: u64, asks: &mut Asks) {
        self.up = None;
        asks.clear();
        for slot in self.rooms.slots_mut() {
            slot.room.unlink();
        }
        self.linking = 0;
        self.open.reads = Reads::default();
        let mut open: Vec<_> = std::mem::take(&mut self.open.list).into_iter().collect();
        // In the order in which they were asked.
        open.sort_by_key(|(request, _)| *request);
        for (_, (place, purpose)) in open {
            self.with(now, place, asks, |room, cx| {
                room.answer(purpose, Err(Fault::Down), cx)
            });
        }
        for place in self.rooms.all() {
            self.with(now, place, asks, |room, cx| room.down(cx));
        }
        self.queue.clear();
    }

    /// Redis had ended the sessions of this link: all are announced again.
    pub fn announce(&mut self, now: u64, asks: &mut Asks) {
        for place in self.rooms.all() {
            self.with(now, place, asks, |room, cx| room.announce(cx));
        }
    }

    /// Begins with as many rooms as may be attached at the same time.
    fn link_more(&mut self, now: u64, asks: &mut Asks) {
        while self.up.is_some() && self.linking < self.settings.window {
            let Some(place) = self.queue.pop_front() else {
                return;
            };
            self.with(now, place, asks, |room, cx| {
                if !room.is_empty() {
                    room.want_link(cx);
                }
            });
        }
    }

    /// Writes to seats while there is time, one slice of one room after the other. True if something is left.
    pub fn serve(&mut self, now: u64, more: &mut dyn FnMut() -> bool, asks: &mut Asks) -> bool {
        let Some(place) = self.behind.pop_front() else {
            return false;
        };
        if let Some(slot) = self.rooms.get_mut(place) {
            slot.behind = false;
        }
        self.with(now, place, asks, |room, cx| {
            room.serve(more, cx);
        });
        !self.behind.is_empty()
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
                slot.due = None;
            }
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
        if slot.empty_since.is_none_or(|since| now < since + pause) {
            return;
        }
        let Some(slot) = self.rooms.remove(place) else {
            return;
        };
        if slot.room.link != Link::None && self.up.is_some() {
            // Nobody waits for the answer.
            let mut cx = Cx {
                now,
                settings: &self.settings,
                figures: &mut self.figures,
                asks,
                open: &mut self.open,
                place: u32::MAX,
                up: true,
            };
            cx.ask(&slot.room.roomid, Ask::Unsubscribe, Purpose::Unsubscribed);
        }
        if let Some(due) = slot.due {
            self.times.remove(&(due, place));
        }
        self.queue.retain(|known| *known != place);
        self.behind.retain(|known| *known != place);
    }

    /// The proxy stops: everybody is away, and everything is reported.
    pub fn stop(&mut self, now: u64, asks: &mut Asks) {
        for place in self.rooms.all() {
            self.with(now, place, asks, |room, cx| room.stop(cx));
        }
    }

    /// Whether nothing is left to report, and no question is open.
    pub fn is_idle(&self) -> bool {
        self.open.list.is_empty() && self.rooms.slots().all(|slot| slot.room.is_empty())
    }
}
