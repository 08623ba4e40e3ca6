//! Rooms that nothing makes deaf: late answers, lost announcements, kicks that overtake, histories that end.

use crate::desk::{Conn, Desk, refused};
use hub_core::ask::{Answer, Ask, Attached};

fn live(desk: &mut Desk) -> Conn {
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    assert_eq!(ann.names(), ["login", "synced"]);
    ann
}

#[test]
fn a_room_that_reads_the_log_hears_everything_else() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    desk.say("lost");
    let two = desk.say("two");
    desk.hear(&two);
    assert!(matches!(desk.asks[0].ask, Ask::Range { from: 1, .. }));
    let typing = desk.typing("bob");
    desk.hear(&typing);
    assert_eq!(ann.names(), ["typing"]);
    let kicked = desk.control("ann", "kicked spam");
    desk.hear(&kicked);
    assert_eq!(ann.names(), ["kicked"]);
    assert_eq!(ann.ended(), 1);
}

#[test]
fn one_read_at_any_rate() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    desk.say("lost");
    let mut asked = 0;
    for n in 0..500 {
        let frame = desk.say(&n.to_string());
        desk.hear(&frame);
        // An answer is always twenty messages old.
        if n % 20 == 19 {
            asked += desk.asks.len();
            desk.answer_all();
        }
    }
    assert_eq!(asked, 1);
    assert_eq!(ann.names().len(), 501);
}

#[test]
fn counts_that_overtake_the_answer_to_a_login_are_newer() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    let (request, _) = desk.one();
    desk.answer(request, Ok(Answer::Done));
    let (request, _) = desk.one();
    let old = desk.joined(desk.head());
    desk.online = 3;
    let frame = desk.frame(
        room_core::announce::Kind::Presence,
        desk.head(),
        "-",
        b"+ann\n+bob\n+cid",
    );
    desk.hear(&frame);
    desk.answer(request, Ok(old));
    let told = ann.take();
    let last = told.last().expect("synced");
    assert_eq!(
        (&last["event"], &last["num"]),
        (&"synced".into(), &3.into())
    );
}

#[test]
fn who_logs_in_is_not_told_who_was_here_before() {
    let mut desk = Desk::new();
    let _ann = live(&mut desk);
    let start = desk.head();
    let one = desk.say("one");
    desk.hear(&one);
    let who = desk.frame(
        room_core::announce::Kind::Presence,
        desk.head(),
        "-",
        b"=ann",
    );
    desk.hear(&who);
    // It comes back to where the ring still has what followed.
    let bob = Conn::default();
    desk.login(2, &bob, "bob", Some(start));
    desk.answer_all();
    assert_eq!(bob.names(), ["login", "one", "synced"]);
}

#[test]
fn announcements_that_trail_the_answers_are_no_gap() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    let late: Vec<_> = (1..=20).map(|n| desk.say(&n.to_string())).collect();
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    assert_eq!(ann.names(), ["login", "synced"]);
    for frame in &late {
        desk.hear(frame);
    }
    assert_eq!(
        desk.answer_all().len(),
        1,
        "one look at what is before the oldest"
    );
    let next = desk.say("next");
    desk.hear(&next);
    assert!(desk.asks.is_empty());
    assert_eq!(ann.names(), ["next"]);
}

#[test]
fn a_reconnect_in_a_quiet_room_reads_nothing() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    desk.down();
    desk.up();
    let asks = desk.answer_all();
    assert!(
        matches!(asks[..], [Ask::Subscribe, Ask::Attach(_)]),
        "{asks:?}"
    );
    assert_eq!(ann.names(), ["presence"]);
    let next = desk.say("next");
    desk.hear(&next);
    assert_eq!(ann.names(), ["next"]);
}

#[test]
fn a_reconnect_reads_what_was_missed_and_believes_missed_kicks() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    desk.down();
    desk.say("missed");
    desk.up();
    let (request, _) = desk.one();
    desk.answer(request, Ok(Answer::Done));
    let (request, ask) = desk.one();
    assert!(matches!(ask, Ask::Attach(_)));
    let attached = Attached {
        head: Some(desk.head()),
        kicks: vec![("ann".into(), 1)],
        ..Attached::default()
    };
    desk.answer(request, Ok(Answer::Attached(attached)));
    desk.answer_all();
    assert_eq!(ann.names(), ["missed", "kicked"]);
}

#[test]
fn a_room_that_nobody_is_in_knows_nothing_after_a_reconnect() {
    let mut desk = Desk::new();
    live(&mut desk);
    let at = desk.head();
    // It stays for the departure that Redis is to be told of.
    desk.hub.gone(desk.now, 1, &["r".into()], &mut desk.asks);
    desk.down();
    desk.say("missed");
    desk.up();
    let tab = Conn::default();
    desk.login(2, &tab, "ann", Some(at));
    desk.answer_all();
    assert_eq!(tab.names(), ["login", "missed", "synced"]);
}

#[test]
fn an_attach_that_is_refused_is_tried_again() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    desk.down();
    desk.up();
    let (request, _) = desk.one();
    desk.answer(request, Ok(Answer::Done));
    for _ in 0..3 {
        let (request, ask) = desk.one();
        assert!(matches!(ask, Ask::Attach(_)), "{ask:?}");
        desk.answer(request, Err(refused("BUSY")));
        desk.pass(600);
    }
    desk.answer_all();
    let next = desk.say("next");
    desk.hear(&next);
    assert_eq!(ann.names().last().unwrap(), "next");
}

#[test]
fn a_kick_that_overtakes_the_answer_to_a_join_is_asked_about() {
    let mut desk = Desk::new();
    let _ann = live(&mut desk);
    let bob = Conn::default();
    desk.login(2, &bob, "bob", None);
    let (request, _) = desk.one();
    let kicked = desk.control("bob", "kicked");
    desk.hear(&kicked);
    let joined = desk.joined(desk.head());
    desk.answer(request, Ok(joined));
    let (request, ask) = desk.one();
    assert_eq!(ask, Ask::Attach(vec!["bob".into()]));
    let attached = Attached {
        kicks: vec![("bob".into(), 1)],
        ..Attached::default()
    };
    desk.answer(request, Ok(Answer::Attached(attached)));
    assert_eq!(bob.names(), ["login", "synced", "kicked"]);
    assert_eq!(bob.ended(), 1);
}

/// The kick came before the room was joined again, or the room counts kicks anew: no answer shows it.
#[test]
fn a_kick_ends_a_seat_whose_room_is_joined_again() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    let join = desk.deleted();
    let kicked = desk.control("ann", "kicked spam");
    desk.hear(&kicked);
    let joined = desk.joined(desk.head());
    desk.answer(join, Ok(joined));
    assert_eq!((ann.names(), ann.ended()), (vec!["kicked".to_owned()], 1));
    desk.pass(1_000);
    let asks = desk.answer_all();
    assert_eq!(asks, [Ask::Detach(vec!["ann".into()])]);
}

#[test]
fn a_room_that_is_deleted_during_a_catch_up_is_joined_again() {
    let mut desk = Desk::new();
    for n in 1..=10 {
        desk.say(&n.to_string());
    }
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    let (request, _) = desk.one();
    desk.answer(request, Ok(Answer::Done));
    let (request, _) = desk.one();
    let joined = desk.joined(desk.at[5]);
    desk.answer(request, Ok(joined));
    let (page, _) = desk.one();
    let gone = desk.control("-", "gone");
    desk.born_again(9);
    desk.hear(&gone);
    desk.answer(page, Err(refused("NOROOM")));
    let (request, ask) = desk.one();
    assert!(matches!(ask, Ask::Attach(_)), "{ask:?}");
    desk.answer(request, Err(refused("NOROOM")));
    let (request, ask) = desk.one();
    assert!(matches!(ask, Ask::Join { since: Some(_), .. }), "{ask:?}");
    let hub_core::ask::Answer::Joined(mut joined) = desk.joined(desk.head()) else {
        panic!();
    };
    joined.reset = true;
    desk.answer(request, Ok(Answer::Joined(joined)));
    let next = desk.say("new");
    desk.hear(&next);
    assert_eq!(ann.names(), ["login", "reset", "synced", "new"]);
    assert!(desk.asks.is_empty());
    desk.pass(10_000);
    assert_eq!(desk.hub.figures().ranges, 1);
}

/// The word that the key is gone is late; a login is not.
#[test]
fn a_login_to_a_history_that_the_room_has_not_heard_of_asks_once() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    for n in 1..=3 {
        let frame = desk.say(&n.to_string());
        desk.hear(&frame);
    }
    ann.names();
    let bob = Conn::default();
    desk.login(2, &bob, "bob", None);
    let (request, _) = desk.one();
    desk.born_again(9);
    let joined = desk.joined(desk.head());
    desk.answer(request, Ok(joined));
    let (request, ask) = desk.one();
    assert!(matches!(ask, Ask::Range { from: 1, .. }), "{ask:?}");
    let nothing = hub_core::ask::Range {
        head: desk.head(),
        before: desk.head(),
        rows: Vec::new(),
    };
    desk.answer(request, Ok(Answer::Range(nothing)));
    let (_, ask) = desk.one();
    assert!(matches!(ask, Ask::Attach(_)), "{ask:?}");
}

#[test]
fn a_slow_seat_goes_back_to_the_log_and_comes_back_to_the_ring() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    ann.set_full(true);
    for n in 1..=5 {
        let frame = desk.say(&n.to_string());
        desk.hear(&frame);
    }
    assert!(ann.names().is_empty());
    ann.set_full(false);
    desk.low(1);
    assert_eq!(ann.names(), ["1", "2", "3", "4", "5"]);
    assert!(desk.asks.is_empty(), "the ring had it all");
}

#[test]
fn a_login_while_the_room_waits_for_its_turn_is_not_live_before() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    desk.down();
    desk.up();
    let bob = Conn::default();
    desk.login(2, &bob, "bob", None);
    assert!(
        matches!(&desk.asks[..], [question] if question.ask == Ask::Subscribe),
        "{:?}",
        desk.asks
    );
    let asks = desk.answer_all();
    assert!(
        matches!(asks[..], [Ask::Subscribe, Ask::Attach(_), Ask::Join { .. }]),
        "{asks:?}"
    );
    let next = desk.say("next");
    desk.hear(&next);
    assert_eq!(bob.names().last().unwrap(), "next");
    assert_eq!(ann.names().last().unwrap(), "next");
}

#[test]
fn a_login_that_waits_for_the_link_is_refused_when_that_breaks() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    desk.down();
    desk.up();
    let (request, _) = desk.one();
    desk.answer(request, Ok(Answer::Done));
    let bob = Conn::default();
    desk.login(2, &bob, "bob", None);
    assert!(matches!(desk.one().1, Ask::Attach(_)));
    desk.down();
    assert_eq!(bob.names(), ["error"]);
    assert_eq!((bob.done(), bob.ended()), (1, 1));
    assert!(desk.asks.is_empty());
    desk.up();
    desk.answer_all();
    let next = desk.say("next");
    desk.hear(&next);
    assert_eq!(ann.names().last().unwrap(), "next");
}

#[test]
fn rooms_come_back_a_window_at_a_time_and_who_uses_one_is_first() {
    let mut desk = Desk::new();
    let conn = Conn::default();
    let rooms: Vec<std::sync::Arc<str>> = (0..1000).map(|n| format!("room {n}").into()).collect();
    for room in &rooms {
        desk.login_to(room, 1, &conn, "ann");
        desk.answer_all();
    }
    desk.down();
    desk.up();
    let window = hub_core::settings::Settings::default().window;
    let few = desk.asks.len();
    assert!(few < window, "nobody knows yet how fast the server is");
    let bob = Conn::default();
    desk.login_to(&rooms[999], 2, &bob, "bob");
    assert_eq!(desk.asks.len(), few + 1);
    let (mut answered, mut most) = (0, 0);
    while !desk.asks.is_empty() {
        most = most.max(desk.asks.len());
        desk.answer_first();
        answered += 1;
    }
    assert_eq!(
        answered,
        2 * rooms.len() + 1,
        "subscribed and attached each, and one joined"
    );
    assert!((window..=window + 1).contains(&most), "it is: {most}");
}

#[test]
fn rooms_in_which_something_was_said_come_back_first() {
    let mut desk = Desk::new();
    let conn = Conn::default();
    let rooms: Vec<std::sync::Arc<str>> = (0..100).map(|n| format!("room {n}").into()).collect();
    for room in rooms.iter().chain([&"r".into()]) {
        desk.login_to(room, 1, &conn, "ann");
        desk.answer_all();
    }
    desk.pass(60_000);
    desk.answer_all();
    let said = desk.say("hello");
    desk.hear(&said);
    desk.down();
    desk.up();
    let first = &desk.asks[0];
    assert_eq!(&*first.key, "room:r", "{first:?}");
}
