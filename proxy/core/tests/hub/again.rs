//! Sessions that are announced again, and rooms that are joined again: what came meanwhile is neither missed nor undone.

use crate::desk::{Conn, Desk, login_of};
use hub_core::ask::{Answer, Ask};
use hub_core::event::{Event, Login};
use room_core::announce::Kind;

fn live(desk: &mut Desk) -> Conn {
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    assert_eq!(ann.names(), ["login", "synced"]);
    ann
}

/// Nobody heard of the kick: only the count in the answer tells it.
#[test]
fn a_kick_that_was_missed_ends_a_seat_whose_room_is_joined_again() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    let join = desk.deleted();
    let Answer::Joined(mut joined) = desk.joined(desk.head()) else {
        panic!("a join");
    };
    joined.kicks = 1;
    desk.answer(join, Ok(Answer::Joined(joined)));
    assert_eq!((ann.names(), ann.ended()), (vec!["kicked".to_owned()], 1));
    desk.pass(1_000);
    let asks = desk.answer_all();
    assert_eq!(asks.last(), Some(&Ask::Detach(vec!["ann".into()])));
}

/// What Redis ended may have begun anew before it said so: by an ATTACH that was on its way.
#[test]
fn an_end_that_is_to_be_reported_is_also_after_an_announcement() {
    let mut desk = Desk::new();
    live(&mut desk);
    desk.hub.gone(desk.now, 1, &["r".into()], &mut desk.asks);
    desk.hub.announce(desk.now, desk.generation, &mut desk.asks);
    let mut asks = desk.answer_all();
    for _ in 0..5 {
        desk.pass(600);
        asks.extend(desk.answer_all());
    }
    assert!(asks.contains(&Ask::Detach(vec!["ann".into()])), "{asks:?}");
}

#[test]
fn a_message_that_was_kept_counts_who_is_online_now() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    desk.say("lost");
    let two = desk.say("two");
    desk.hear(&two);
    let (request, ask) = desk.one();
    assert!(matches!(ask, Ask::Range { .. }), "{ask:?}");
    let lost = desk.range(1, 2);
    let kept = desk.say("kept");
    desk.hear(&kept);
    desk.online = 3;
    let came = desk.frame(Kind::Presence, desk.head(), "-", b"+bob\n+cid");
    desk.hear(&came);
    desk.answer(request, Ok(lost));
    let told = ann.take();
    let last = told.last().expect("a message");
    assert_eq!(
        (&last["message"], &last["num"]),
        (&"kept".into(), &3.into())
    );
}

/// It came before the log was asked, which has nothing of it: it is of a life of the key that is over.
#[test]
fn a_message_of_a_life_that_was_over_at_once_is_not_looked_for_for_ever() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    let join = desk.deleted();
    let dead = desk.say("dead");
    desk.hear(&dead);
    desk.born_again(11);
    let joined = desk.joined(desk.head());
    desk.answer(join, Ok(joined));
    for _ in 0..5 {
        if !desk.asks.is_empty() {
            desk.answer_first();
        }
    }
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
    let next = desk.say("next");
    desk.hear(&next);
    assert_eq!(ann.names().last().map(String::as_str), Some("next"));
}

#[test]
fn nothing_is_said_of_a_uid_while_a_join_is_unanswered_though_its_seat_has_ended() {
    for by_a_word in [false, true] {
        let mut desk = Desk::new();
        let ann = Conn::default();
        let join = desk.asks_to_join(1, &ann, "ann");
        if by_a_word {
            desk.event(1, &ann, Event::Revoked);
        } else {
            desk.hub.gone(desk.now, 1, &["r".into()], &mut desk.asks);
        }
        desk.pass(5_000);
        assert!(desk.asks.is_empty(), "{:?}", desk.asks);
        let joined = desk.joined(desk.head());
        desk.answer(join, Ok(joined));
        desk.pass(5_000);
        assert_eq!(desk.one().1, Ask::Detach(vec!["ann".into()]));
    }
}

#[test]
fn the_answer_to_a_login_that_has_ended_is_not_that_to_the_next_one() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    desk.say("one");
    let first = desk.asks_to_join(1, &ann, "ann");
    desk.event(1, &ann, Event::Revoked);
    let second = Login {
        number: 2,
        ..login_of("bob")
    };
    desk.event(1, &ann, Event::Login(Box::new(second)));
    let (join, _) = desk.one();
    ann.take();
    let joined = desk.joined(desk.at[0]);
    desk.answer(first, Ok(joined));
    assert!(ann.names().is_empty(), "it still waits for its own");
    let joined = desk.joined(desk.head());
    desk.answer(join, Ok(joined));
    assert_eq!(ann.names(), ["login", "synced"]);
}

#[test]
fn a_kick_of_who_a_second_login_is_about_to_be_is_asked_about() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    let second = Login {
        number: 2,
        ..login_of("bob")
    };
    desk.event(1, &ann, Event::Login(Box::new(second)));
    let (join, _) = desk.one();
    let kicked = desk.control("bob", "kicked spam");
    desk.hear(&kicked);
    let joined = desk.joined(desk.head());
    desk.answer(join, Ok(joined));
    let asked = |ask: &Ask| *ask == Ask::Attach(vec!["bob".into()]);
    assert!(
        desk.asks.iter().any(|question| asked(&question.ask)),
        "{:?}",
        desk.asks
    );
}
