//! What guests are told of what was said, whatever becomes of the link and the history.

use super::{ID, come, knows_nobody, login, refresh, said, sits};
use crate::desk::{Conn, Desk, refused};
use hub_core::ask::{Answer, Ask};
use hub_core::event::{Event, Login};
use hub_core::rights::Rights;
use serde_json::Value;

#[test]
fn a_room_of_guests_comes_back_with_the_link() {
    let (mut desk, eve) = sits(3);
    desk.down();
    desk.event(ID, &eve, Event::Members(0));
    assert_eq!(eve.take()[0]["code"], "UNAVAILABLE");
    desk.say("4");
    desk.up();
    let asks = desk.answer_all();
    assert_eq!(asks[..2], [Ask::Subscribe, Ask::Attach(Vec::new())]);
    knows_nobody(&asks);
    let events = eve.take();
    let presence = events
        .iter()
        .find(|event| event["event"] == "presence")
        .unwrap();
    assert_eq!(presence["online"], serde_json::json!(["ann"]));
    assert!(events.iter().any(|event| event["message"] == "4"));
    let five = desk.say("5");
    desk.hear(&five);
    assert_eq!(eve.names(), ["5"]);
    // Redis says that it ended all sessions.
    desk.hub.announce(desk.now, desk.generation, &mut desk.asks);
    knows_nobody(&refresh(&mut desk));
    let six = desk.say("6");
    desk.hear(&six);
    assert_eq!(said(&eve), ["6"]);
}

#[test]
fn a_deleted_room_is_another_history() {
    let (mut desk, eve) = sits(3);
    let gone = desk.control("-", "gone");
    desk.born_again(9);
    desk.hear(&gone);
    // Nobody made it anew.
    for _ in 0..2 {
        let (request, ask) = desk.one();
        assert_eq!(ask, Ask::Attach(Vec::new()));
        desk.answer(request, Err(refused("NOROOM")));
    }
    assert_eq!(said(&eve), ["reset"]);
    let new = desk.say("new");
    desk.hear(&new);
    refresh(&mut desk);
    assert_eq!(said(&eve), ["new"]);
}

#[test]
fn a_room_that_went_unsaid_is_noticed_by_what_is_said_next() {
    // Where nobody has a session Redis does not say that the key went.
    let (mut desk, eve) = sits(3);
    desk.born_again(9);
    let new = desk.say("new");
    desk.hear(&new);
    knows_nobody(&refresh(&mut desk));
    assert_eq!(said(&eve), ["reset", "new"]);
    let next = desk.say("next");
    desk.hear(&next);
    assert_eq!(said(&eve), ["next"]);
}

#[test]
fn a_tail_that_is_lost_is_told_and_nothing_is_skipped() {
    let (mut desk, eve) = sits(3);
    let four = desk.say("4");
    desk.hear(&four);
    assert_eq!(eve.names(), ["4"]);
    desk.down();
    desk.log.truncate(2);
    desk.at.truncate(3);
    for text in ["other 3", "other 4", "other 5"] {
        desk.say(text);
    }
    desk.up();
    let asks = refresh(&mut desk);
    knows_nobody(&asks);
    let events = eve.take();
    let reset = events
        .iter()
        .find(|event| event["event"] == "reset")
        .unwrap();
    assert_eq!(reset["position"], desk.at[0].to_string());
    let texts: Vec<_> = events
        .iter()
        .filter_map(|event| event["message"].as_str())
        .collect();
    assert_eq!(texts, ["1", "2", "other 3", "other 4", "other 5"]);
    let six = desk.say("6");
    desk.hear(&six);
    assert_eq!(said(&eve), ["6"]);
}

#[test]
fn a_guest_that_may_have_no_history_gets_none_by_a_tail_that_is_lost() {
    let mut desk = Desk::new();
    for text in ["1", "2", "3"] {
        desk.say(text);
    }
    let eve = Conn::default();
    let rights = Rights::named(["guest", "read"].into_iter());
    let login = Login {
        rights,
        ..login(None, 0)
    };
    come(&mut desk, &eve, login);
    desk.answer_all();
    let four = desk.say("4");
    desk.hear(&four);
    assert_eq!(eve.names(), ["login", "synced", "4"]);
    desk.down();
    desk.log.truncate(2);
    desk.at.truncate(3);
    desk.say("other");
    desk.up();
    refresh(&mut desk);
    let events = eve.take();
    let reset = events.iter().find(|event| event["event"] == "reset");
    let reset = reset.unwrap_or_else(|| panic!("{events:?}"));
    assert_eq!(reset["position"], desk.head().to_string());
    let old = events.iter().filter(|event| event["event"] == "message");
    assert_eq!(old.count(), 0, "{events:?}");
    let next = desk.say("next");
    desk.hear(&next);
    assert_eq!(said(&eve), ["next"]);
}

#[test]
fn what_a_guest_says_is_stored_and_it_is_told() {
    let (mut desk, eve) = sits(1);
    let text = r#"{"event":"message","message":"hi","id":"a"}"#;
    let Ok(hub_core::wire::ClientEvent::Message(message)) = hub_core::wire::parse(text) else {
        panic!("a message");
    };
    desk.event(ID, &eve, Event::Publish(message));
    let (request, ask) = desk.one();
    assert!(
        matches!(&ask, Ask::Publish { uid, .. } if &**uid == "eve"),
        "{ask:?}"
    );
    let hi = desk.say("hi");
    let published = hub_core::ask::Published {
        seq: 2,
        duplicate: false,
        position: Some(desk.head()),
    };
    desk.answer(request, Ok(Answer::Published(published)));
    desk.hear(&hi);
    assert_eq!(eve.names(), ["sent", "hi"]);
    let typing = desk.typing("ann");
    desk.hear(&typing);
    assert_eq!(eve.names(), ["typing"]);
}

#[test]
fn a_message_of_a_guest_that_a_lost_tail_took_is_told() {
    let (mut desk, eve) = sits(1);
    let text = r#"{"event":"message","message":"hi","id":"a"}"#;
    let Ok(hub_core::wire::ClientEvent::Message(message)) = hub_core::wire::parse(text) else {
        panic!("a message");
    };
    desk.event(ID, &eve, Event::Publish(message));
    let (request, _) = desk.one();
    desk.say("hi");
    let published = hub_core::ask::Published {
        seq: 2,
        duplicate: false,
        position: Some(desk.head()),
    };
    desk.answer(request, Ok(Answer::Published(published)));
    desk.down();
    desk.log.truncate(1);
    desk.at.truncate(2);
    desk.say("other");
    desk.up();
    knows_nobody(&refresh(&mut desk));
    let events: Vec<Value> = eve.take();
    assert!(
        events.iter().any(|event| event["event"] == "reset"),
        "{events:?}"
    );
    assert!(
        events.iter().any(|event| event["message"] == "other"),
        "{events:?}"
    );
}

#[test]
fn what_a_guest_says_first_of_all_makes_the_room() {
    let mut desk = Desk::new();
    let eve = Conn::default();
    come(&mut desk, &eve, login(None, 0));
    desk.answer_first();
    let (request, _) = desk.one();
    desk.answer(request, Err(refused("NOROOM")));
    eve.take();
    let text = r#"{"event":"message","message":"hi","id":"a"}"#;
    let Ok(hub_core::wire::ClientEvent::Message(message)) = hub_core::wire::parse(text) else {
        panic!("a message");
    };
    desk.event(ID, &eve, Event::Publish(message));
    let (request, _) = desk.one();
    let hi = desk.say("hi");
    let published = hub_core::ask::Published {
        seq: 1,
        duplicate: false,
        position: Some(desk.head()),
    };
    // Its answer comes before the announcement.
    desk.answer(request, Ok(Answer::Published(published)));
    desk.hear(&hi);
    let mut asked = 0;
    while !desk.asks.is_empty() && asked < 50 {
        knows_nobody(&[desk.answer_first()]);
        asked += 1;
    }
    assert!(asked < 50, "it asks without end");
    assert_eq!(said(&eve), ["sent", "hi"]);
}
