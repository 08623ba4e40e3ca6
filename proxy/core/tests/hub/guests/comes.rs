//! How guests come.

use super::{ID, come, knows_nobody, login, refresh, said, sits};
use crate::desk::{Conn, Desk, refused};
use hub_core::ask::{Answer, Ask, Attached, Fault};
use hub_core::event::{Event, Login};
use hub_core::rights::Rights;
use room_core::announce::Kind;
use room_core::position::Position;

#[test]
fn a_guest_begins_at_the_head_and_joins_nothing() {
    let mut desk = Desk::new();
    desk.say("one");
    let eve = Conn::default();
    come(&mut desk, &eve, login(None, 0));
    let (request, ask) = desk.one();
    assert_eq!(ask, Ask::Subscribe);
    desk.answer(request, Ok(Answer::Done));
    let (request, ask) = desk.one();
    assert_eq!(
        ask,
        Ask::Attach(Vec::new()),
        "as many round trips as a join"
    );
    let attached = desk.attached();
    desk.answer(request, Ok(attached));
    let events = eve.take();
    assert_eq!(
        (&events[0]["event"], &events[0]["as"]),
        (&"login".into(), &"guest".into())
    );
    assert_eq!(
        (&events[0]["total"], &events[0]["num"]),
        (&9.into(), &1.into())
    );
    assert_eq!(
        (&events[0]["pending"], &events[0]["new"]),
        (&0.into(), &false.into())
    );
    assert_eq!(events[1]["event"], "synced");
    assert_eq!(eve.done(), 1);
    let two = desk.say("two");
    desk.hear(&two);
    assert_eq!(eve.names(), ["two"]);
    // What it confirms, and how it goes, Redis does not hear.
    let beat = eve.beat();
    desk.beat_answered(ID, beat);
    desk.event(ID, &eve, Event::Ack(desk.head()));
    assert!(eve.names().is_empty());
    desk.event(ID, &eve, Event::Ack(Position::new(9, desk.head().tag)));
    assert_eq!(eve.take()[0]["code"], "BADPOS");
    desk.pass(3_000);
    desk.event(ID, &eve, Event::Logout);
    assert_eq!(eve.names(), ["logout"]);
    desk.pass(4_000);
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
    // The last one who leaves takes the subscription along.
    desk.pass(3_000);
    assert_eq!(desk.one().1, Ask::Unsubscribe);
    assert_eq!(desk.hub.figures().rooms, 0);
}

#[test]
fn who_wants_more_reads_it_and_is_told_what_is_not_kept() {
    for (since, history, wanted) in [
        (None, 2, &["login", "9", "10", "synced"][..]),
        (Some(8), 0, &["login", "9", "10", "synced"]),
        (Some(10), 0, &["login", "synced"]),
    ] {
        let mut desk = Desk::new();
        for n in 1..=10 {
            desk.say(&n.to_string());
        }
        let since = since.map(|seq: usize| desk.at[seq]);
        let eve = Conn::default();
        come(&mut desk, &eve, login(since, history));
        knows_nobody(&desk.answer_all());
        assert_eq!(eve.names(), wanted, "{since:?} {history}");
    }
    // The log begins with 9.
    let mut desk = Desk::new();
    for n in 1..=10 {
        desk.say(&n.to_string());
    }
    let eve = Conn::default();
    let third = login(Some(desk.at[3]), 0);
    come(&mut desk, &eve, third);
    for _ in 0..2 {
        desk.answer_first();
    }
    let (request, ask) = desk.one();
    assert!(matches!(ask, Ask::Range { from: 4, .. }), "{ask:?}");
    let range = desk.range(9, 1);
    desk.answer(request, Ok(range));
    let told = eve.take();
    let lost = told.iter().find(|event| event["event"] == "lost").unwrap();
    assert_eq!(
        (&lost["from"], &lost["to"], &lost["reason"]),
        (&4.into(), &8.into(), &"not-kept".into())
    );
    desk.answer_all();
    assert_eq!(said(&eve), ["9", "10", "synced"]);
}

#[test]
fn who_may_not_have_what_was_said_is_told_that_it_is_not() {
    let mut desk = Desk::new();
    for n in 1..=10 {
        desk.say(&n.to_string());
    }
    let eve = Conn::default();
    let few = Login {
        rights: Rights::named(["guest", "read"].into_iter()),
        ..login(Some(desk.at[3]), 0)
    };
    come(&mut desk, &eve, few);
    desk.answer_all();
    let events = eve.take();
    let names: Vec<_> = events.iter().map(|event| event["event"].clone()).collect();
    assert_eq!(names, ["login", "lost", "synced"]);
    assert_eq!(
        (&events[1]["from"], &events[1]["to"]),
        (&4.into(), &10.into())
    );
    assert_eq!(events[1]["reason"], "no-history");
    // But what was said while it was here it gets, also after a time in which it could not be heard.
    desk.down();
    desk.say("eleven");
    desk.up();
    desk.answer_all();
    assert_eq!(said(&eve), ["eleven"]);
}

#[test]
fn a_room_that_is_not_there_yet_is_waited_for() {
    let mut desk = Desk::new();
    let eve = Conn::default();
    come(&mut desk, &eve, login(None, 50));
    desk.answer_first();
    let (request, _) = desk.one();
    desk.answer(request, Err(refused("NOROOM")));
    let events = eve.take();
    assert_eq!(
        (&events[0]["event"], &events[0]["total"]),
        (&"login".into(), &0.into())
    );
    assert_eq!(events[1]["event"], "synced");
    assert!(desk.asks.is_empty());
    // Somebody is the first to say something there.
    let one = desk.say("one");
    desk.hear(&one);
    knows_nobody(&refresh(&mut desk));
    let two = desk.say("two");
    desk.hear(&two);
    assert_eq!(said(&eve), ["one", "two"], "and nothing of another history");
    // Or comes.
    let (mut desk, eve) = (Desk::new(), Conn::default());
    come(&mut desk, &eve, login(None, 0));
    desk.answer_first();
    let (request, _) = desk.one();
    desk.answer(request, Err(refused("NOROOM")));
    eve.take();
    let came = desk.frame(Kind::Presence, desk.head(), "-", b"+cid");
    desk.hear(&came);
    knows_nobody(&refresh(&mut desk));
    let one = desk.say("one");
    desk.hear(&one);
    assert!(!eve.take().iter().any(|event| event["event"] == "reset"));
}

#[test]
fn a_look_that_fails_refuses_the_login_or_is_made_again() {
    let mut desk = Desk::new();
    let eve = Conn::default();
    come(&mut desk, &eve, login(None, 3));
    desk.answer_first();
    let (request, _) = desk.one();
    desk.answer(request, Err(refused("ERR")));
    assert_eq!(eve.take()[0]["code"], "ERR");
    assert_eq!((eve.ended(), eve.done()), (1, 1));
    come(&mut desk, &eve, login(None, 0));
    let (request, _) = desk.one();
    let unreadable = Answer::Attached(Attached::default());
    desk.answer(request, Ok(unreadable));
    assert_eq!(eve.take()[0]["code"], "ERR");
    come(&mut desk, &eve, login(None, 0));
    desk.down();
    assert_eq!(eve.take()[0]["code"], "UNAVAILABLE");
    assert_eq!((eve.ended(), eve.done()), (3, 3));
    desk.up();
    // One that is here goes on when it can.
    let (mut desk, eve) = sits(2);
    let gone = desk.control("-", "gone");
    desk.born_again(9);
    desk.hear(&gone);
    let (request, _) = desk.one();
    desk.answer(request, Err(refused("NOROOM")));
    let (request, _) = desk.one();
    desk.answer(request, Err(refused("LOADING")));
    desk.say("new");
    refresh(&mut desk);
    assert_eq!(said(&eve), ["reset", "new"]);
    // A later login on the connection that fails leaves it as it was.
    come(&mut desk, &eve, login(None, 0));
    let (request, _) = desk.one();
    desk.answer(request, Err(refused("BUSY")));
    assert_eq!(eve.names(), ["error"]);
    let next = desk.say("next");
    desk.hear(&next);
    assert_eq!(said(&eve), ["next"]);
    assert!(Fault::Down.passes());
}

#[test]
fn an_answer_to_a_login_that_has_ended_is_not_the_next_ones() {
    let mut desk = Desk::new();
    desk.say("one");
    let eve = Conn::default();
    desk.login(9, &Conn::default(), "ann", None);
    desk.answer_all();
    come(&mut desk, &eve, login(None, 0));
    desk.event(ID, &eve, Event::Revoked);
    assert_eq!(eve.done(), 1);
    assert_eq!(eve.names(), ["error"]);
    let second = Login {
        number: 2,
        ..login(Some(desk.at[0]), 0)
    };
    come(&mut desk, &eve, second);
    desk.answer_first();
    assert!(eve.take().is_empty(), "that was the first one's");
    desk.answer_all();
    assert_eq!(eve.names(), ["login", "one", "synced"]);
}

#[test]
fn a_join_that_was_given_up_is_not_taken_for_a_look() {
    let mut desk = Desk::new();
    desk.say("one");
    let eve = Conn::default();
    desk.login(9, &Conn::default(), "ann", None);
    desk.answer_all();
    let beginning = Some(desk.at[0]);
    desk.login(ID, &eve, "eve", beginning);
    desk.event(ID, &eve, Event::Revoked);
    eve.take();
    let second = Login {
        number: 2,
        ..login(None, 0)
    };
    come(&mut desk, &eve, second);
    let join = desk.answer_first();
    assert!(matches!(join, Ask::Join { .. }), "{join:?}");
    assert!(eve.take().is_empty(), "that was a member's");
    desk.answer_all();
    assert_eq!(eve.names(), ["login", "synced"]);
    // The session that the join began is ended.
    desk.pass(1_000);
    let asks = desk.answer_all();
    assert!(matches!(asks[..], [Ask::Detach(_)]), "{asks:?}");
}
