//! What comes over links, and what becomes of rooms whose link comes or goes. A link is a pair of connections to one server;
//! in a cluster there are several, each with the rooms of its slots.

use super::Hub;
use crate::ask::{Answer, Ask, Fault, Generation, NOWHERE, Request};
use crate::cx::{Asks, Waits};
use crate::handle::Handle;
use crate::room::Link;
use crate::routes::Range;
use crate::stray::Stray;

/// Servers that point at each other are asked again after so long …
pub(super) const PAUSE_MS: u64 = 100;
/// … when a room went so often in less than that.
pub(super) const MOST_HOPS: u8 = 2;

impl<H: Handle> Hub<H> {
    /// An announcement came on a room's channel, which is its key.
    pub fn announced(
        &mut self,
        now: u64,
        generation: Generation,
        channel: &str,
        frame: &[u8],
        asks: &mut Asks,
    ) {
        self.figures.frames += 1;
        if let Some(place) = self.on(generation, channel) {
            self.with(now, place, asks, |room, cx| room.announced(frame, cx));
        }
    }

    /// The room of a channel, if it is on this pair.
    fn on(&self, generation: Generation, channel: &str) -> Option<u32> {
        let roomid = channel.strip_prefix(self.settings.key_prefix.as_str())?;
        let place = self.rooms.find(roomid)?;
        let slot = self.rooms.get(place)?;
        (slot.on == generation).then_some(place)
    }

    /// The server ended the subscription to a room's channel, which nobody asked for: its slot went, or is about to.
    pub fn unsubscribed(&mut self, generation: Generation, channel: &str) {
        let Some(place) = self.on(generation, channel) else {
            return;
        };
        let Some(slot) = self.rooms.get(place) else {
            return;
        };
        // One whose subscription is under way may hear of the end of an earlier one; or of this one's, before its answer is read.
        // To subscribe once more does no harm.
        if slot.room.link != Link::None {
            self.strays(place, Stray::UNSUBSCRIBED);
        }
    }

    /// Redis answered a question.
    pub fn answer(
        &mut self,
        now: u64,
        generation: Generation,
        request: Request,
        answer: Result<Answer, Fault>,
        asks: &mut Asks,
    ) {
        let place = self.open.list.get(&request).map(|waits| waits.place);
        place.inspect(|place| self.touch(now, *place, asks));
        if self.is_asked(generation, request)
            && let Some(waits) = self.open.take(request, asks)
        {
            self.settle(now, request, waits, answer, asks);
            self.link_more(now, asks);
        }
    }

    /// Whether this pair owes an answer to a question.
    pub(super) fn is_asked(&self, generation: Generation, request: Request) -> bool {
        let waits = self.open.list.get(&request);
        waits.is_some_and(|waits| waits.to == generation)
    }

    fn settle(
        &mut self,
        now: u64,
        request: Request,
        waits: Waits<H>,
        answer: Result<Answer, Fault>,
        asks: &mut Asks,
    ) {
        let (place, purpose) = (waits.place, waits.purpose);
        let done = answer.is_ok();
        self.with(now, place, asks, |room, cx| {
            room.answer(purpose, answer, cx);
        });
        if done {
            // What came back was asked before that: it would take effect behind it.
            for late in self.open.moves.passed(place, request) {
                self.refuse(now, NOWHERE, late, asks);
            }
        }
        let held = self.open.moves.settled(place, request);
        self.send_held(now, place, held, asks);
    }

    /// What waited for questions that a room left behind is asked now.
    pub(super) fn send_held(
        &mut self,
        now: u64,
        place: u32,
        held: Vec<(Request, Ask)>,
        asks: &mut Asks,
    ) {
        for (request, ask) in held {
            let Some(mut waits) = self.open.list.remove(&request) else {
                continue;
            };
            self.with(now, place, asks, |room, cx| {
                if cx.is_up() {
                    cx.send(&room.roomid, request, ask, &waits.purpose);
                    waits.to = cx.on;
                    cx.open.list.insert(request, waits);
                } else {
                    room.answer(waits.purpose, Err(Fault::Down), cx);
                }
            });
        }
    }

    /// Some slots are on this pair now, where nothing is subscribed yet; or nowhere. Their rooms follow when they are
    /// [served](Hub::serve).
    pub fn routed(&mut self, slots: &[Range], to: Option<Generation>) {
        let to = to.unwrap_or(NOWHERE);
        if self.routes.set(slots, to) {
            let (routes, prefix) = (&self.routes, &self.settings.key_prefix);
            self.rooms
                .by_slots(|roomid| routes.slot(|| [prefix, roomid].concat()));
        }
        for place in self.rooms.within(slots) {
            let Some(slot) = self.rooms.get_mut(place) else {
                continue;
            };
            if slot.on == to {
                // It went before its slot did.
                slot.asking = false;
                slot.stray.take(Stray::ROUTED);
            } else {
                self.strays(place, Stray::ROUTED);
            }
        }
    }

    /// A pair is gone, and nothing of it follows.
    pub fn down(&mut self, now: u64, generation: Generation, asks: &mut Asks) {
        if generation == NOWHERE {
            return;
        }
        self.routes.forget(generation);
        asks.retain(|question| question.to != generation);
        let mut places = self.rooms.all();
        places.retain(|place| self.leave(now, *place, generation));
        let failed = self.open.withdraw(|waits| waits.to == generation, asks);
        for (request, waits) in failed {
            self.settle(now, request, waits, Err(Fault::Down), asks);
        }
        self.lines.forget(generation);
        for place in places {
            self.strays(place, Stray::DOWN);
        }
    }

    /// A room leaves its pair, if it is on this one.
    fn leave(&mut self, now: u64, place: u32, generation: Generation) -> bool {
        let Some(slot) = self.rooms.get_mut(place) else {
            return false;
        };
        if slot.on != generation {
            return false;
        }
        if slot.room.link.is_under_way() {
            self.lines.end(generation, place, now, self.settings.window);
        }
        slot.talked_in = slot.room.is_talked_in();
        slot.room.unlink();
        slot.on = NOWHERE;
        slot.asking = false;
        true
    }

    /// A room goes to another pair. What clients asked is answered by the one before, or comes back from it; everything else is
    /// asked anew.
    pub(super) fn go(
        &mut self,
        now: u64,
        place: u32,
        (to, asking): (Generation, bool),
        asks: &mut Asks,
    ) {
        let Some(slot) = self.rooms.get(place) else {
            return;
        };
        let (on, waits) = (slot.on, slot.room.waits());
        let goes = on != NOWHERE && self.leave(now, place, on);
        if goes {
            if waits {
                self.leave_questions(now, place, asks);
            }
            self.figures.moved += 1;
            let goes_on = to != NOWHERE;
            self.with(now, place, asks, |room, cx| room.leaves(goes_on, cx));
        }
        if let Some(slot) = self.rooms.get_mut(place) {
            let soon = slot.moved > 0 && now < slot.moved + PAUSE_MS;
            let before = if soon { slot.hops } else { 0 };
            slot.hops = before.saturating_add(u8::from(goes));
        }
        self.settle_on(now, place, (to, asking), asks);
        self.link_more(now, asks);
    }

    /// A room is on another pair, where it begins when its turn comes; or later, if servers send it to and fro.
    pub(super) fn settle_on(
        &mut self,
        now: u64,
        place: u32,
        (to, asking): (Generation, bool),
        asks: &mut Asks,
    ) {
        let Some(slot) = self.rooms.get_mut(place) else {
            return;
        };
        (slot.on, slot.asking, slot.moved) = (to, asking, now);
        slot.stray = Stray::default();
        if to == NOWHERE {
            return;
        }
        if slot.hops > MOST_HOPS {
            return self.with(now, place, asks, |room, cx| room.wait(PAUSE_MS, cx));
        }
        self.lines.push(to, place, slot.talked_in);
    }

    fn leave_questions(&mut self, now: u64, place: u32, asks: &mut Asks) {
        let of_it = |waits: &Waits<H>| waits.place == place;
        let left = self.open.list.iter().filter(|(_, waits)| {
            of_it(waits) && waits.purpose.is_of_client() && waits.to != NOWHERE
        });
        let left = left.map(|(request, _)| *request).collect();
        self.open.moves.begin(place, left);
        let anew = |waits: &Waits<H>| of_it(waits) && !waits.purpose.is_of_client();
        for (_, waits) in self.open.withdraw(anew, asks) {
            self.with(now, place, asks, |room, cx| {
                room.left_behind(waits.purpose, cx);
            });
        }
    }

    /// Redis had ended the sessions of this pair: all are announced again.
    pub fn announce(&mut self, now: u64, generation: Generation, asks: &mut Asks) {
        for place in self.rooms.all() {
            self.with(now, place, asks, |room, cx| {
                if cx.on == generation {
                    room.announce(cx);
                }
            });
        }
    }

    /// Begins with as many rooms as may be attached at the same time.
    pub(super) fn link_more(&mut self, now: u64, asks: &mut Asks) {
        while let Some((on, place)) = self.lines.next(self.settings.window) {
            let is_there = self.rooms.get(place).is_some_and(|slot| slot.on == on);
            if is_there {
                self.with(now, place, asks, |room, cx| {
                    if !room.is_empty() {
                        room.want_link(cx);
                    }
                });
            }
        }
    }
}
