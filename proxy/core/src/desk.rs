//! Questions of backends, which belong to no room here: each goes to the server of its key, and comes back with that server's
//! answer. A server that does not do one, as the key is at another, is the only reason for asking a second time. Whatever
//! else happens is the caller's to repeat.

use crate::ask::{Ask, Generation, NOWHERE, Question, Request};
use crate::cx::Asks;
use crate::routes::{Range, Routes};
use std::collections::HashMap;
use std::sync::Arc;

/// Servers that one question may be sent on by.
const MOST_HOPS: u8 = 3;

#[derive(Debug)]
struct Waits {
    key: Arc<str>,
    to: Generation,
    hops: u8,
}

/// See the top of the file.
#[derive(Debug, Default)]
pub struct Desk {
    routes: Routes,
    open: HashMap<Request, Waits>,
    last: Request,
}

impl Desk {
    /// Asks about a key; `None` if nobody is there to be asked.
    pub fn ask(&mut self, key: Arc<str>, ask: Ask, asks: &mut Asks) -> Option<Request> {
        let to = self.route(&key);
        if to == NOWHERE {
            return None;
        }
        self.last += 1;
        let request = self.last;
        self.send(request, key, 0, (to, false), ask, asks);
        Some(request)
    }

    /// The pairs of all servers.
    pub fn pairs(&self) -> Vec<Generation> {
        self.routes.all()
    }

    /// Asks the server of this pair and no other one, about itself: `first` stands where a key would. `None` if the pair is gone.
    pub fn ask_at(
        &mut self,
        to: Generation,
        first: Arc<str>,
        ask: Ask,
        asks: &mut Asks,
    ) -> Option<Request> {
        if !self.routes.all().contains(&to) {
            return None;
        }
        self.last += 1;
        let request = self.last;
        self.send(request, first, MOST_HOPS, (to, false), ask, asks);
        Some(request)
    }

    fn route(&self, key: &str) -> Generation {
        self.routes.of(self.routes.slot(|| key.to_owned()))
    }

    fn send(
        &mut self,
        request: Request,
        key: Arc<str>,
        hops: u8,
        (to, asking): (Generation, bool),
        ask: Ask,
        asks: &mut Asks,
    ) {
        asks.push(Question {
            request,
            to,
            asking,
            key: key.clone(),
            ask,
        });
        self.open.insert(request, Waits { key, to, hops });
    }

    /// A pair answered. Whether somebody waits for that.
    pub fn answered(&mut self, generation: Generation, request: Request) -> bool {
        let of_it = |waits: &Waits| waits.to == generation;
        let waits = self.open.get(&request).is_some_and(of_it);
        waits && self.open.remove(&request).is_some()
    }

    /// A pair did not do what it was asked: the key is at the server of its slot's new pair, to which it was
    /// [routed](Self::routed) before; or at that of the pair `asking`. False: it is not asked again, and was not done.
    pub fn elsewhere(
        &mut self,
        generation: Generation,
        request: Request,
        ask: Ask,
        asking: Option<Generation>,
        asks: &mut Asks,
    ) -> bool {
        if self
            .open
            .get(&request)
            .is_none_or(|waits| waits.to != generation)
        {
            // It is no question any more: there is nobody to be told.
            return true;
        }
        let Some(Waits { key, hops, .. }) = self.open.remove(&request) else {
            return true;
        };
        let to = asking.unwrap_or_else(|| self.route(&key));
        let goes = to != NOWHERE && hops < MOST_HOPS;
        if goes {
            let at = (to, asking.is_some());
            self.send(request, key, hops + 1, at, ask, asks);
        }
        goes
    }

    /// Some slots are on this pair now, or nowhere.
    pub fn routed(&mut self, slots: &[Range], to: Option<Generation>) {
        self.routes.set(slots, to.unwrap_or(NOWHERE));
    }

    /// A pair is gone: nobody knows whether these were done.
    pub fn down(&mut self, generation: Generation) -> Vec<Request> {
        if generation == NOWHERE {
            return Vec::new();
        }
        self.routes.forget(generation);
        let lost = self.open.extract_if(|_, waits| waits.to == generation);
        lost.map(|(request, _)| request).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::ALL;
    use room_core::slots::slot_of;

    const KEY: &str = "room:lobby";

    fn ask(desk: &mut Desk, asks: &mut Asks) -> Option<Request> {
        desk.ask(KEY.into(), Ask::Members(0), asks)
    }

    fn at(asks: &Asks) -> (Generation, bool) {
        asks.last().map(|asked| (asked.to, asked.asking)).unwrap()
    }

    #[test]
    fn a_question_goes_where_its_key_is_and_its_answer_comes_back_once() {
        let (mut desk, mut asks) = (Desk::default(), Asks::new());
        assert_eq!(ask(&mut desk, &mut asks), None);
        desk.routed(&[ALL], Some(1));
        let first = ask(&mut desk, &mut asks).unwrap();
        let second = ask(&mut desk, &mut asks).unwrap();
        assert!(first != second && at(&asks) == (1, false));
        assert!(!desk.answered(2, first), "of another pair");
        assert!(desk.answered(1, first) && !desk.answered(1, first));
        assert_eq!(desk.down(2), [0_u64; 0]);
        assert_eq!(desk.down(1), [second]);
        assert_eq!(ask(&mut desk, &mut asks), None, "nobody is there");
        assert!(!desk.answered(1, second));
    }

    #[test]
    fn a_question_about_a_server_goes_to_that_one_only() {
        let (mut desk, mut asks) = (Desk::default(), Asks::new());
        desk.routed(&[0..=99], Some(1));
        desk.routed(&[100..=16_383], Some(2));
        assert_eq!(desk.pairs(), [1, 2]);
        let ask = || Ask::Members(0);
        assert_eq!(desk.ask_at(3, KEY.into(), ask(), &mut asks), None);
        let request = desk.ask_at(1, KEY.into(), ask(), &mut asks).unwrap();
        assert_eq!(at(&asks), (1, false));
        assert!(
            !desk.elsewhere(1, request, ask(), None, &mut asks),
            "nowhere else"
        );
        let request = desk.ask_at(2, KEY.into(), ask(), &mut asks).unwrap();
        assert!(desk.answered(2, request));
        assert_eq!(desk.down(2), [0_u64; 0]);
    }

    #[test]
    fn a_question_is_sent_on_by_those_who_did_not_do_it_only() {
        let (mut desk, mut asks) = (Desk::default(), Asks::new());
        let slot = slot_of(KEY.as_bytes());
        desk.routed(&[0..=slot], Some(1));
        desk.routed(&[slot + 1..=16_383], Some(2));
        let request = ask(&mut desk, &mut asks).unwrap();
        assert_eq!(at(&asks), (1, false));
        // MOVED: workers hear of the route before.
        desk.routed(&[slot..=slot], Some(2));
        assert!(desk.elsewhere(1, request, Ask::Members(0), None, &mut asks));
        assert_eq!(at(&asks), (2, false));
        assert!(!desk.answered(1, request), "its word counts no more");
        // ASK: for this question only.
        assert!(desk.elsewhere(2, request, Ask::Members(0), Some(3), &mut asks));
        assert_eq!(at(&asks), (3, true));
        // Servers that point at each other do not do so for ever.
        assert!(desk.elsewhere(3, request, Ask::Members(0), None, &mut asks));
        assert!(!desk.elsewhere(2, request, Ask::Members(0), None, &mut asks));
        assert_eq!(desk.down(2), [0_u64; 0]);
        desk.routed(&[slot..=slot], Some(2));
        let request = ask(&mut desk, &mut asks).unwrap();
        desk.routed(&[slot..=slot], None);
        assert!(!desk.elsewhere(2, request, Ask::Members(0), None, &mut asks));
        // One that is answered is no question.
        desk.routed(&[slot..=slot], Some(4));
        let request = ask(&mut desk, &mut asks).unwrap();
        assert!(desk.answered(4, request));
        let many = asks.len();
        assert!(desk.elsewhere(4, request, Ask::Members(0), Some(5), &mut asks));
        assert_eq!(asks.len(), many);
    }
}
