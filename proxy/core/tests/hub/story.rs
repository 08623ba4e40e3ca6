//! What a room does when nothing goes wrong.

use crate::desk::{Conn, Desk, refused};
use hub_core::ask::{Answer, Ask, Fault, Published, Question};
use hub_core::event::Event;

#[test]
fn a_login_is_subscribed_then_joined_then_live() {
    let mut desk = Desk::new();
    desk.say("one");
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    let (request, ask) = desk.one();
    assert_eq!(ask, Ask::Subscribe);
    assert!(ann.names().is_empty());
    desk.answer(request, Ok(Answer::Done));
    let (request, ask) = desk.one();
    assert!(matches!(ask, Ask::Join { .. }));
    let joined = desk.joined(desk.head());
    desk.answer(request, Ok(joined));
    assert_eq!(ann.names(), ["login", "synced"]);
    assert_eq!(ann.done(), 1);
    let two = desk.say("two");
    desk.hear(&two);
    assert_eq!(ann.names(), ["two"]);
}

#[test]
fn what_was_missed_is_read_and_the_rest_comes_from_the_ring() {
    let mut desk = Desk::new();
    for n in 1..=100 {
        desk.say(&n.to_string());
    }
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    let (request, _) = desk.one();
    desk.answer(request, Ok(Answer::Done));
    let (request, _) = desk.one();
    let joined = desk.joined(desk.at[90]);
    desk.answer(request, Ok(joined));
    // Others talk while the page is under way.
    let (page, ask) = desk.one();
    assert!(
        matches!(
            ask,
            Ask::Range {
                from: 65,
                count: 64,
                ..
            }
        ),
        "{ask:?}"
    );
    let before = desk.range(65, 64);
    let live: Vec<_> = (101..=110).map(|n| desk.say(&n.to_string())).collect();
    live.iter().for_each(|frame| desk.hear(frame));
    desk.answer(page, Ok(before));
    assert!(desk.asks.is_empty());
    let wanted: Vec<String> = (91..=110).map(|n| n.to_string()).collect();
    let names = ann.names();
    assert_eq!(names.first().unwrap(), "login");
    assert_eq!(names.last().unwrap(), "synced");
    assert_eq!(names[1..names.len() - 1], wanted);
}

#[test]
fn what_follows_a_login_waits_for_it_and_no_more_than_one_login_is_lost() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    desk.event(1, &ann, Event::Members(0));
    desk.event(1, &ann, Event::Logout);
    assert_eq!(desk.asks.len(), 1, "only the subscription");
    let (request, _) = desk.one();
    desk.answer(request, Ok(Answer::Done));
    let (request, _) = desk.one();
    desk.answer(request, Err(refused("LIMIT")));
    assert_eq!(ann.names(), ["error", "error", "error"]);
    assert_eq!((ann.done(), ann.ended()), (3, 1));
}

#[test]
fn a_second_login_that_fails_leaves_the_first_as_it_was() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    ann.names();
    desk.login(1, &ann, "ann", None);
    let frame = desk.say("meanwhile");
    desk.hear(&frame);
    let (request, _) = desk.one();
    desk.answer(request, Err(refused("LIMIT")));
    assert_eq!(ann.names(), ["error", "meanwhile"]);
    assert_eq!(ann.ended(), 0);
}

#[test]
fn a_second_login_as_somebody_else_that_fails_ends_the_first() {
    for away in [false, true] {
        let mut desk = Desk::new();
        let ann = Conn::default();
        desk.login(1, &ann, "ann", None);
        desk.answer_all();
        ann.names();
        if away {
            desk.down();
        }
        desk.login(1, &ann, "bob", None);
        if !away {
            let (request, _) = desk.one();
            desk.answer(request, Err(refused("LIMIT")));
        }
        let events = ann.take();
        assert_eq!(events.len(), 2, "{events:?}");
        assert_eq!(
            (&events[0]["event"], &events[1]["event"], &events[1]["uid"]),
            (&"error".into(), &"logout".into(), &"ann".into())
        );
        assert_eq!(ann.ended(), 1);
        if away {
            desk.up();
        }
        desk.pass(1_000);
        desk.answer_all();
        let frame = desk.say("meanwhile");
        desk.hear(&frame);
        assert!(ann.names().is_empty());
    }
}

#[test]
fn who_is_sent_the_log_pays_for_it_and_who_is_sent_what_is_said_does_not() {
    let mut desk = Desk::new();
    for _ in 0..40 {
        desk.say(&"x".repeat(1_000));
    }
    let ann = Conn::default();
    desk.login(1, &ann, "ann", Some(desk.at[0]));
    while !desk.asks.is_empty() {
        desk.answer_first();
    }
    let messages = ann.names().into_iter().filter(|name| name.len() == 1_000);
    assert_eq!(messages.count(), 40);
    let paid = ann.spent();
    assert!((40_000 / 256..100_000 / 256).contains(&paid), "{paid}");
    let live = desk.say("live");
    desk.hear(&live);
    assert_eq!((ann.names().len(), ann.spent()), (1, paid));
}

#[test]
fn messages_are_pipelined_and_confirmed_in_their_order() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    ann.take();
    for id in ["a", "b"] {
        let text = format!(r#"{{"event":"message","message":"hi","id":"{id}"}}"#);
        let Ok(hub_core::wire::ClientEvent::Message(message)) = hub_core::wire::parse(&text) else {
            panic!("a message");
        };
        desk.event(1, &ann, Event::Publish(message));
    }
    let asks = std::mem::take(&mut desk.asks);
    assert_eq!(asks.len(), 2);
    for (seq, Question { request, .. }) in (1..).zip(asks) {
        let published = Published {
            seq,
            duplicate: false,
            position: Some(desk.head()),
        };
        desk.answer(request, Ok(Answer::Published(published)));
    }
    let ids: Vec<_> = ann
        .take()
        .iter()
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, ["a", "b"]);
    desk.down();
    desk.event(1, &ann, Event::Leave);
    let events = ann.take();
    assert_eq!(events[0]["code"], "UNAVAILABLE", "{events:?}");
    assert_eq!(refused("X").to_string(), "X no");
    assert!(Fault::Down.passes());
}

#[test]
fn a_room_that_nobody_is_in_goes_after_a_pause() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    desk.hub.gone(desk.now, 1, &["r".into()], &mut desk.asks);
    desk.pass(600);
    let asks = desk.answer_all();
    assert!(matches!(asks[0], Ask::Away(..)), "{asks:?}");
    desk.pass(600);
    let asks = desk.answer_all();
    assert!(matches!(asks[..], [Ask::Detach(_)]), "{asks:?}");
    desk.pass(6_000);
    assert_eq!(desk.one().1, Ask::Unsubscribe);
    assert_eq!(desk.hub.figures().rooms, 0);
    assert_eq!(desk.hub.next(), None, "nothing is to be done for it");
}
