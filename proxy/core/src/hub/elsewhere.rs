//! Rooms whose server says that they are on another one. It did not do what it was asked, so that may be asked there once:
//! what clients asked goes on in its order, and the room begins anew there. Source: the Redis Cluster specification,
//! "MOVED Redirection" and "ASK redirection".

use super::Hub;
use super::links::{MOST_HOPS, PAUSE_MS};
use crate::ask::{Ask, Fault, Generation, NOWHERE, Request};
use crate::cx::Asks;
use crate::handle::Handle;

impl<H: Handle> Hub<H> {
    /// A pair did not do what it was asked: the slot is another server's, to which it was [routed](Hub::routed) before; or the
    /// key is at the server of the pair `asking`, which does not own the slot yet.
    pub fn elsewhere(
        &mut self,
        now: u64,
        generation: Generation,
        request: Request,
        ask: Ask,
        asking: Option<Generation>,
        asks: &mut Asks,
    ) {
        if !self.is_asked(generation, request) {
            return;
        }
        let Some(waits) = self.open.list.get(&request) else {
            return;
        };
        let (place, returned) = (waits.place, waits.returned);
        let is_of_client = waits.purpose.is_of_client();
        self.touch(now, place, asks);
        let Some(slot) = self.rooms.get(place) else {
            // A room that is gone ends its subscription: there is none.
            self.open.list.remove(&request);
            return;
        };
        let to = asking.unwrap_or_else(|| self.routes.of(slot.hash_slot));
        let is_there = (slot.on, slot.asking) == (to, asking.is_some());
        let to_and_fro = now < slot.moved + PAUSE_MS && slot.hops >= MOST_HOPS;
        let too_soon = asking.is_some() && to_and_fro;
        let goes = !is_there && !too_soon;
        if goes {
            self.go(now, place, (to, asking.is_some()), asks);
        }
        if is_of_client {
            // It was asked where the room was before.
            let was_before = goes || is_there && to != generation;
            if was_before && !returned {
                self.give_back(now, request, ask, asks);
            } else {
                self.refuse(now, generation, request, asks);
            }
        } else if !goes {
            self.refuse(now, generation, request, asks);
        }
        self.link_more(now, asks);
    }

    /// A client's question waits until it can be asked where the room is now.
    fn give_back(&mut self, now: u64, request: Request, ask: Ask, asks: &mut Asks) {
        let Some(mut waits) = self.open.take(request, asks) else {
            return;
        };
        let place = waits.place;
        self.figures.redirected += 1;
        waits.to = NOWHERE;
        waits.returned = true;
        self.open.list.insert(request, waits);
        self.open.moves.hold(place, request, ask);
        let held = self.open.moves.settled(place, request);
        self.send_held(now, place, held, asks);
    }

    /// For now nobody does it.
    pub(super) fn refuse(
        &mut self,
        now: u64,
        generation: Generation,
        request: Request,
        asks: &mut Asks,
    ) {
        self.answer(now, generation, request, Err(Fault::try_again()), asks);
    }
}
