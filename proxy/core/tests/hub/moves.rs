//! A room goes from one server to another.

use crate::desk::{Conn, Desk};
use hub_core::ask::{Answer, Ask, Fault, Generation, NOWHERE, Published, Question};
use hub_core::event::Event;
use hub_core::routes::{ALL, Range};
use hub_core::wire::{ClientEvent, parse};
use room_core::slots::slot_of;

/// Two servers: the first has all slots.
pub(crate) const FIRST: Generation = 1;
pub(crate) const SECOND: Generation = 2;

fn slot() -> Range {
    let slot = slot_of(b"room:r");
    slot..=slot
}

/// Somebody is in the room at the first server.
pub(crate) fn seated() -> (Desk, Conn) {
    let (mut desk, ann) = (Desk::new(), Conn::default());
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    ann.take();
    (desk, ann)
}

impl Desk {
    pub(crate) fn moves_to(&mut self, to: Option<Generation>) {
        self.hub.routed(&[slot()], to);
        self.serve();
    }

    pub(crate) fn says(&mut self, conn: &Conn, id: &str) {
        let text = format!(r#"{{"event":"message","roomid":"r","id":"{id}","message":"{id}"}}"#);
        let Ok(ClientEvent::Message(out)) = parse(&text) else {
            panic!("a message");
        };
        self.event(1, conn, Event::Publish(out));
    }

    /// Takes the only open question, which is for this server.
    pub(crate) fn only(&mut self, to: Generation) -> Question {
        assert_eq!(self.asks.len(), 1, "{:?}", self.asks);
        let question = self.asks.remove(0);
        assert_eq!(question.to, to, "{question:?}");
        question
    }

    pub(crate) fn answers(&mut self, question: &Question, answer: Result<Answer, Fault>) {
        let (now, to) = (self.now, question.to);
        self.hub
            .answer(now, to, question.request, answer, &mut self.asks);
        self.serve();
    }

    pub(crate) fn is_elsewhere(&mut self, question: Question, asking: Option<Generation>) {
        let Question {
            request, to, ask, ..
        } = question;
        self.hub
            .elsewhere(self.now, to, request, ask, asking, &mut self.asks);
        self.serve();
    }

    /// The room begins anew on a server: subscribed and announced.
    pub(crate) fn begins(&mut self, to: Generation, asking: bool) {
        for wanted in [Ask::Subscribe, Ask::Attach(vec!["ann".into()])] {
            let place = self.asks.iter().position(|question| question.ask == wanted);
            let place = place.unwrap_or_else(|| panic!("no {wanted:?} in {:?}", self.asks));
            let question = self.asks.remove(place);
            assert_eq!((question.to, question.asking), (to, asking));
            let answer = match wanted {
                Ask::Subscribe => Answer::Done,
                _ => self.attached(),
            };
            self.answers(&question, Ok(answer));
        }
    }
}

pub(crate) fn published(seq: u64) -> Result<Answer, Fault> {
    Ok(Answer::Published(Published {
        seq,
        duplicate: false,
        position: None,
    }))
}

/// What somebody was told, but for who is there.
pub(crate) fn told(conn: &Conn) -> Vec<String> {
    let mut names = conn.names();
    names.retain(|name| name != "presence");
    names
}

pub(crate) fn id_of(question: &Question) -> &str {
    match &question.ask {
        Ask::Publish { id: Some(id), .. } => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_keep_their_order_over_a_move() {
    let (mut desk, ann) = seated();
    desk.says(&ann, "a");
    let a = desk.only(FIRST);
    desk.says(&ann, "b");
    let b = desk.only(FIRST);
    desk.moves_to(Some(SECOND));
    desk.begins(SECOND, false);
    desk.says(&ann, "c");
    assert!(desk.asks.is_empty(), "what was asked before is not settled");
    // The first was stored before the slot went, the second was not.
    desk.answers(&a, published(1));
    assert!(desk.asks.is_empty());
    desk.is_elsewhere(b, None);
    let sent: Vec<_> = desk.asks.iter().map(|q| (id_of(q), q.to)).collect();
    assert_eq!(sent, [("b", SECOND), ("c", SECOND)]);
    for (seq, question) in std::mem::take(&mut desk.asks).iter().enumerate() {
        desk.answers(question, published(seq as u64 + 2));
    }
    assert_eq!(ann.names().iter().filter(|name| *name == "sent").count(), 3);
    assert_eq!(desk.hub.figures().redirected, 1);
}

#[test]
fn a_server_that_goes_meanwhile_fails_what_was_left_there_only() {
    let (mut desk, ann) = seated();
    desk.says(&ann, "a");
    desk.only(FIRST);
    desk.moves_to(Some(SECOND));
    desk.begins(SECOND, false);
    desk.says(&ann, "b");
    desk.hub.down(desk.now, FIRST, &mut desk.asks);
    desk.serve();
    let b = desk.only(SECOND);
    assert_eq!(id_of(&b), "b");
    desk.answers(&b, published(1));
    assert_eq!(told(&ann), ["error", "sent"]);
}

#[test]
fn a_key_that_goes_before_its_slot_is_followed_by_asking() {
    let (mut desk, ann) = seated();
    // The other server is there, and has none of the slots yet.
    desk.hub.routed(&[ALL], Some(FIRST));
    let moved = desk.control("-", "moved");
    desk.hear(&moved);
    let attach = desk.only(FIRST);
    desk.is_elsewhere(attach, Some(SECOND));
    desk.begins(SECOND, true);
    desk.says(&ann, "a");
    let a = desk.only(SECOND);
    assert!(a.asking);
    desk.answers(&a, published(1));
    // The slot follows: nothing is to be done, but to ask no longer.
    desk.moves_to(Some(SECOND));
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
    desk.says(&ann, "b");
    assert!(!desk.only(SECOND).asking);
    // Some servers end what was subscribed by asking.
    desk.hub.unsubscribed(SECOND, "room:r");
    desk.serve();
    desk.begins(SECOND, false);
    assert!(ann.names().iter().all(|name| name != "reset"));
}

#[test]
fn a_subscription_that_ends_before_its_answer_is_known_is_begun_again() {
    let (mut desk, ann) = seated();
    desk.hub.routed(&[ALL], Some(FIRST));
    let moved = desk.control("-", "moved");
    desk.hear(&moved);
    let attach = desk.only(FIRST);
    desk.is_elsewhere(attach, Some(SECOND));
    let subscribe = desk.only(SECOND);
    assert_eq!(subscribe.ask, Ask::Subscribe);
    // The slot follows, and with that the server ends what was subscribed by asking: that is heard before its answer is read.
    desk.moves_to(Some(SECOND));
    desk.hub.unsubscribed(SECOND, "room:r");
    desk.serve();
    desk.answers(&subscribe, Ok(Answer::Done));
    desk.begins(SECOND, false);
    let frame = desk.say("hello");
    desk.generation = SECOND;
    desk.hear(&frame);
    assert_eq!(told(&ann), ["hello"]);
}

#[test]
fn a_server_that_goes_before_it_has_the_slot_sends_its_rooms_back() {
    let (mut desk, ann) = seated();
    desk.hub.routed(&[ALL], Some(FIRST));
    desk.moves_to(Some(FIRST));
    let moved = desk.control("-", "moved");
    desk.hear(&moved);
    let attach = desk.only(FIRST);
    desk.is_elsewhere(attach, Some(SECOND));
    desk.begins(SECOND, true);
    desk.hub.down(desk.now, SECOND, &mut desk.asks);
    desk.serve();
    desk.begins(FIRST, false);
    desk.says(&ann, "a");
    let a = desk.only(FIRST);
    desk.answers(&a, published(1));
    assert_eq!(told(&ann), ["sent"]);
}

#[test]
fn a_slot_that_stays_after_all_takes_its_room_back() {
    let (mut desk, ann) = seated();
    desk.moves_to(Some(FIRST));
    desk.says(&ann, "a");
    let a = desk.only(FIRST);
    desk.is_elsewhere(a, Some(SECOND));
    let place = desk
        .asks
        .iter()
        .position(|q| matches!(q.ask, Ask::Publish { .. }));
    let a = desk.asks.remove(place.expect("it is asked there"));
    assert_eq!((a.to, a.asking), (SECOND, true));
    // The other one does not take it either: that is told, and not tried for ever.
    desk.is_elsewhere(a, None);
    assert_eq!(told(&ann), ["error"]);
    desk.begins(FIRST, false);
    // It is pointed there again at once: not before a while.
    desk.says(&ann, "b");
    let b = desk.only(FIRST);
    desk.is_elsewhere(b, Some(SECOND));
    assert!(desk.asks.is_empty());
    assert_eq!(told(&ann), ["error"]);
    desk.pass(200);
    desk.says(&ann, "c");
    let c = desk.only(FIRST);
    desk.is_elsewhere(c, Some(SECOND));
    desk.begins(SECOND, true);
}

#[test]
fn a_login_goes_on_where_the_room_is() {
    let (mut desk, ann) = (Desk::new(), Conn::default());
    let join = desk.asks_to_join(1, &ann, "ann");
    desk.moves_to(Some(SECOND));
    let subscribe = desk.only(SECOND);
    assert_eq!(subscribe.ask, Ask::Subscribe);
    // What the server before says of it is of no meaning any more.
    let late = desk.joined(desk.head());
    desk.answer(join, Ok(late));
    assert!(ann.take().is_empty() && desk.asks.is_empty());
    desk.answers(&subscribe, Ok(Answer::Done));
    let join = desk.only(SECOND);
    assert!(matches!(join.ask, Ask::Join { .. }));
    let joined = desk.joined(desk.head());
    desk.answers(&join, Ok(joined));
    assert_eq!(ann.names(), ["login", "synced"]);
}

#[test]
fn a_slot_that_is_nowhere_is_like_a_server_that_is_away() {
    let (mut desk, ann) = seated();
    desk.moves_to(None);
    desk.says(&ann, "a");
    assert_eq!(told(&ann), ["error"]);
    desk.moves_to(Some(SECOND));
    desk.begins(SECOND, false);
    assert!(ann.names().iter().all(|name| name != "reset"));
}

#[test]
fn what_one_server_loses_does_not_concern_the_rooms_of_another() {
    let (mut desk, ann) = seated();
    desk.moves_to(Some(SECOND));
    desk.begins(SECOND, false);
    desk.hub.down(desk.now, FIRST, &mut desk.asks);
    desk.serve();
    desk.hub.announce(desk.now, FIRST, &mut desk.asks);
    desk.hub.unsubscribed(FIRST, "room:r");
    desk.serve();
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
    let frame = desk.say("hello");
    desk.generation = SECOND;
    desk.hear(&frame);
    assert_eq!(told(&ann), ["hello"]);
    assert_ne!(desk.generation, NOWHERE);
}
