//! What a fuzzer of the hub found, each as the few steps that it takes.

use crate::desk::{Conn, Desk, refused};
use hub_core::ask::{Answer, Ask};
use hub_core::event::Event;
use room_core::announce::Kind;
use room_core::position::{Position, Tag};

#[test]
fn a_login_that_another_token_ends_is_given_back() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    // Before its channel is heard, and while the join is under way.
    desk.login(1, &ann, "ann", None);
    desk.event(1, &ann, Event::Revoked);
    assert_eq!(ann.done(), 1);
    desk.answer_all();
    desk.login(1, &ann, "ann", None);
    desk.event(1, &ann, Event::Revoked);
    assert_eq!(ann.done(), 2);
    desk.answer_all();
    assert_eq!((ann.done(), ann.ended()), (2, 2));
}

#[test]
fn a_room_that_cannot_be_heard_is_forgotten() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    let (request, ask) = desk.one();
    assert_eq!(ask, Ask::Subscribe);
    desk.answer(request, Err(refused("NOPERM")));
    assert_eq!(ann.names(), ["error"]);
    // Also where its client did not wait for that.
    desk.login(1, &ann, "ann", None);
    let (request, _) = desk.one();
    desk.hub.gone(desk.now, 1, &["r".into()], &mut desk.asks);
    desk.answer(request, Err(refused("NOPERM")));
    desk.pass(60_000);
    assert!(desk.asks.is_empty(), "nobody is here: {:?}", desk.asks);
    assert_eq!(desk.hub.figures().rooms, 0);
}

#[test]
fn who_went_is_reported_when_the_room_is_heard_again() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    desk.down();
    desk.hub.gone(desk.now, 1, &["r".into()], &mut desk.asks);
    desk.up();
    let (request, _) = desk.one();
    desk.answer(request, Err(refused("BUSY")));
    desk.pass(1_000);
    let asks = desk.answer_all();
    assert_eq!(asks, [Ask::Subscribe]);
    desk.pass(1_000);
    let asks = desk.answer_all();
    assert!(matches!(asks[..], [Ask::Away(..)]), "{asks:?}");
    desk.pass(1_000);
    let asks = desk.answer_all();
    assert!(matches!(asks[..], [Ask::Detach(..)]), "{asks:?}");
    desk.pass(60_000);
    assert_eq!(desk.hub.figures().rooms, 0);
}

#[test]
fn a_message_without_a_number_is_no_message() {
    let (mut desk, ann) = (Desk::new(), Conn::default());
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    ann.take();
    let forged = desk.frame(Kind::Message, Position::new(0, Tag(9)), "bob", b"{}");
    desk.hear(&forged);
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
    assert!(ann.take().is_empty());
}

#[test]
fn nothing_is_acknowledged_while_another_device_joins() {
    let mut desk = Desk::new();
    let (first, slow, third) = (Conn::default(), Conn::default(), Conn::default());
    desk.login(1, &first, "ann", None);
    desk.answer_all();
    let start = desk.head();
    desk.login(2, &slow, "ann", Some(start));
    let (join, _) = desk.one();
    let one = desk.say("one");
    desk.hear(&one);
    desk.beat_answered(1, first.beat());
    desk.pass(1_000);
    // What the first one has the slow one may not have.
    desk.login(3, &third, "ann", None);
    let (another, ask) = desk.one();
    assert!(matches!(ask, Ask::Join { .. }), "{ask:?}");
    let (of_slow, of_third) = (desk.joined(desk.head()), desk.joined(desk.head()));
    desk.answer(another, Ok(of_third));
    desk.pass(1_000);
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
    desk.answer(join, Ok(of_slow));
    desk.pass(1_000);
    let (_, ask) = desk.one();
    assert_eq!(ask, Ask::Ack(desk.head(), vec!["ann".into()]));
}

#[test]
fn a_list_from_before_the_relink_takes_nobody_off_it_who_is_here() {
    for overtaken in [false, true] {
        let mut desk = Desk::new();
        let ann = Conn::default();
        desk.login(1, &ann, "ann", None);
        desk.answer_all();
        desk.down();
        desk.up();
        let (subscribe, _) = desk.one();
        desk.answer(subscribe, Ok(Answer::Done));
        let (attach, _) = desk.one();
        ann.take();
        // Redis made this list when the sessions of the last link had ended, and those of this one had not begun.
        let list = desk.frame(Kind::Presence, desk.head(), "-", b"=bob");
        if overtaken {
            desk.hear(&list);
        }
        let attached = desk.attached();
        desk.answer(attach, Ok(attached));
        desk.answer_all();
        if !overtaken {
            desk.hear(&list);
        }
        let events = ann.take();
        let mut lists = events.iter().filter(|event| event["event"] == "presence");
        let last = lists.next_back().unwrap_or_else(|| panic!("{events:?}"));
        let names = last["online"].as_array().unwrap();
        assert!(names.contains(&"ann".into()), "{last}");
        assert!(
            last["num"].as_u64().unwrap() >= names.len() as u64,
            "{last}"
        );
    }
}
