//! Rooms that are not where they belong: their pair is gone, their slot went to another server, or their server ended their
//! subscription. There may be tens of thousands of them at once, so they are only noted when that is heard, and go a few at a time,
//! between what other rooms have to do. Whoever does something in one of them does not wait for its turn.

use super::Hub;
use crate::ask::NOWHERE;
use crate::cx::Asks;
use crate::handle::Handle;
use crate::stray::Stray;

/// So many at a time: about as long as to write to one room's seats.
const SOME: usize = 32;

impl<H: Handle> Hub<H> {
    /// A room is to go when its turn comes.
    pub(super) fn strays(&mut self, place: u32, why: Stray) {
        let Some(slot) = self.rooms.get_mut(place) else {
            return;
        };
        let waits = slot.stray.goes();
        slot.stray.add(why);
        // Where something is said people wait; elsewhere nobody notices.
        match (waits, slot.talked_in || slot.room.is_talked_in()) {
            (true, _) => {}
            (false, true) => self.strays.push_front(place),
            (false, false) => self.strays.push_back(place),
        }
    }

    /// Lets some go. True if there are more.
    pub(super) fn settle_strays(&mut self, now: u64, asks: &mut Asks) -> bool {
        for _ in 0..SOME {
            let Some(place) = self.strays.pop_front() else {
                // All came at once: it does not keep the memory.
                self.strays.shrink_to(SOME);
                return false;
            };
            self.settle_stray(now, place, asks);
        }
        !self.strays.is_empty()
    }

    /// Something is to happen in a room: if its pair is gone, it knows before.
    pub(super) fn touch(&mut self, now: u64, place: u32, asks: &mut Asks) {
        if self
            .rooms
            .get(place)
            .is_some_and(|slot| slot.stray.is(Stray::DOWN))
        {
            self.settle_stray(now, place, asks);
        }
    }

    /// Lets a room go, if it is to.
    pub(super) fn settle_stray(&mut self, now: u64, place: u32, asks: &mut Asks) {
        let Some(slot) = self.rooms.get_mut(place) else {
            return;
        };
        let why = std::mem::take(&mut slot.stray);
        let route = self.routes.of(slot.hash_slot);
        if why.is(Stray::DOWN) {
            // One that was only asked for there is on the pair of its slot again, which may be there still.
            self.with(now, place, asks, |room, cx| room.down(route != NOWHERE, cx));
            self.settle_on(now, place, (route, false), asks);
            return self.link_more(now, asks);
        }
        let (to, asking) = if why.is(Stray::ROUTED) && slot.on != route {
            (route, false)
        } else if why.is(Stray::UNSUBSCRIBED) {
            (slot.on, slot.asking)
        } else {
            return;
        };
        self.go(now, place, (to, asking), asks);
    }
}
