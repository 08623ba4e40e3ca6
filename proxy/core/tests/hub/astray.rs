//! Rooms whose servers point elsewhere and back, go, or say it too late.

use crate::desk::{Conn, Desk};
use crate::moves::{FIRST, SECOND, published, seated, told};
use hub_core::ask::{Answer, Ask, Question};
use hub_core::event::Event;

#[test]
fn a_room_that_was_asked_for_elsewhere_comes_back_when_that_server_goes() {
    let (mut desk, ann) = seated();
    desk.moves_to(Some(FIRST));
    let moved = desk.control("-", "moved");
    desk.hear(&moved);
    let attach = desk.only(FIRST);
    desk.is_elsewhere(attach, Some(SECOND));
    desk.begins(SECOND, true);
    // Its slot is the first one's still, and nothing new is known of that.
    desk.hub.down(desk.now, SECOND, &mut desk.asks);
    desk.serve();
    desk.pass(200);
    desk.begins(FIRST, false);
    desk.says(&ann, "a");
    assert_eq!(desk.only(FIRST).to, FIRST);
}

#[test]
fn a_key_that_went_while_its_room_was_announced_is_looked_for_again() {
    let (mut desk, ann) = seated();
    desk.hub.announce(desk.now, FIRST, &mut desk.asks);
    let attach = desk.only(FIRST);
    // It was done before the key went, but its answer comes later.
    let moved = desk.control("-", "moved");
    desk.hear(&moved);
    let attached = desk.attached();
    desk.answers(&attach, Ok(attached));
    let attach = desk.only(FIRST);
    assert_eq!(attach.ask, Ask::Attach(vec!["ann".into()]));
    assert!(ann.names().iter().all(|name| name != "reset"));
}

#[test]
fn a_login_that_was_answered_before_the_key_went_is_announced_again() {
    let (mut desk, ann) = (Desk::new(), Conn::default());
    let join = desk.asks_to_join(1, &ann, "ann");
    let moved = desk.control("-", "moved");
    desk.hear(&moved);
    // The key is here again by now: nobody says that it is elsewhere.
    let joined = desk.joined(desk.head());
    desk.answer(join, Ok(joined));
    let attach = desk.only(FIRST);
    assert_eq!(attach.ask, Ask::Attach(vec!["ann".into()]));
}

#[test]
fn nor_is_it_forgotten_while_the_others_are_announced() {
    let (mut desk, _ann) = seated();
    let bob = Conn::default();
    desk.login(2, &bob, "bob", None);
    let join = desk.only(FIRST);
    let moved = desk.control("-", "moved");
    desk.hear(&moved);
    let attach = desk.only(FIRST);
    let joined = desk.joined(desk.head());
    desk.answers(&join, Ok(joined));
    let attached = desk.attached();
    desk.answers(&attach, Ok(attached));
    let attach = desk.only(FIRST);
    assert_eq!(attach.ask, Ask::Attach(vec!["ann".into(), "bob".into()]));
}

#[test]
fn who_entered_while_the_others_were_announced_is_announced_with_them_again() {
    let (mut desk, _ann) = seated();
    let bob = Conn::default();
    desk.login(2, &bob, "bob", None);
    let join = desk.only(FIRST);
    desk.hub.announce(desk.now, FIRST, &mut desk.asks);
    let attach = desk.only(FIRST);
    let joined = desk.joined(desk.head());
    desk.answers(&join, Ok(joined));
    // The sessions had ended once more.
    desk.hub.announce(desk.now, FIRST, &mut desk.asks);
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
    let attached = desk.attached();
    desk.answers(&attach, Ok(attached));
    let attach = desk.only(FIRST);
    assert_eq!(attach.ask, Ask::Attach(vec!["ann".into(), "bob".into()]));
}

#[test]
fn servers_that_point_at_each_other_are_not_asked_without_end() {
    let (mut desk, ann) = seated();
    desk.moves_to(Some(SECOND));
    let mut asked = 0;
    for _ in 0..1_000 {
        let place = desk.asks.iter().position(|q| q.ask == Ask::Subscribe);
        match place.map(|place| desk.asks.remove(place)) {
            Some(subscribe) => {
                asked += 1;
                let other = FIRST + SECOND - subscribe.to;
                desk.moves_to(Some(other));
                desk.is_elsewhere(subscribe, None);
            }
            None => desk.pass(1),
        }
    }
    assert!((5..=30).contains(&asked), "{asked}");
    let to = desk.asks.first().map_or(FIRST, |question| question.to);
    desk.pass(200);
    desk.asks.clear();
    desk.moves_to(Some(FIRST + SECOND - to));
    desk.pass(200);
    desk.begins(FIRST + SECOND - to, false);
    assert!(ann.names().iter().all(|name| name != "reset"));
}

#[test]
fn what_came_back_is_not_asked_behind_what_was_done_meanwhile() {
    let (mut desk, ann) = seated();
    desk.says(&ann, "a");
    let a = desk.only(FIRST);
    desk.says(&ann, "b");
    let b = desk.only(FIRST);
    // The key was away for a moment, between the two.
    desk.is_elsewhere(a, Some(SECOND));
    desk.moves_to(Some(FIRST));
    desk.answers(&b, published(1));
    assert_eq!(told(&ann), ["sent", "error"]);
    let again = |question: &Question| matches!(question.ask, Ask::Publish { .. });
    assert!(!desk.asks.iter().any(again), "{:?}", desk.asks);
}

#[test]
fn an_end_that_was_not_reported_when_its_room_went_is_reported_where_the_room_is() {
    let (mut desk, _ann) = seated();
    let bob = Conn::default();
    desk.login(2, &bob, "bob", None);
    desk.answer_all();
    desk.event(2, &bob, Event::Logout);
    // The server stays, and so may the session: it ended the subscription only.
    desk.hub.unsubscribed(FIRST, "room:r");
    desk.serve();
    desk.begins(FIRST, false);
    desk.pass(1_000);
    let detach = desk
        .asks
        .iter()
        .position(|q| matches!(q.ask, Ask::Detach(_)));
    let detach = desk.asks.remove(detach.expect("it is reported"));
    assert_eq!(detach.ask, Ask::Detach(vec!["bob".into()]));
    // Nor is it lost with a question that has no answer.
    desk.moves_to(Some(SECOND));
    desk.begins(SECOND, false);
    desk.pass(1_000);
    let detach = desk.asks.iter().find(|q| matches!(q.ask, Ask::Detach(_)));
    assert_eq!(detach.map(|q| q.to), Some(SECOND));
}

#[test]
fn a_key_that_went_is_followed_at_once_on_a_new_pair_too() {
    let (mut desk, ann) = seated();
    desk.moves_to(None);
    desk.moves_to(Some(FIRST));
    let subscribe = desk.only(FIRST);
    desk.answers(&subscribe, Ok(Answer::Done));
    let attach = desk.only(FIRST);
    desk.is_elsewhere(attach, Some(SECOND));
    desk.begins(SECOND, true);
    assert!(ann.names().iter().all(|name| name != "reset"));
}
