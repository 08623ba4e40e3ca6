//! How guests end, and what is left of them: nothing.

use super::{ID, come, knows_nobody, login, said, sits};
use crate::desk::{Conn, Desk};
use hub_core::ask::{Answer, Ask};
use hub_core::event::{Event, Login};

#[test]
fn a_guest_that_is_cut_off_leaves_no_trace_either() {
    let (mut desk, _) = sits(1);
    desk.hub.gone(desk.now, ID, &["r".into()], &mut desk.asks);
    desk.pass(20_000);
    assert_eq!(desk.one().1, Ask::Unsubscribe);
    // Nor does one whose look is under way.
    let eve = Conn::default();
    come(&mut desk, &eve, login(None, 0));
    let (request, _) = desk.one();
    desk.answer(request, Ok(Answer::Done));
    desk.hub.gone(desk.now, ID, &["r".into()], &mut desk.asks);
    knows_nobody(&desk.answer_all());
    desk.pass(20_000);
    assert_eq!(desk.one().1, Ask::Unsubscribe);
}

#[test]
fn a_kick_ends_a_guest_and_the_end_of_a_membership_does_not() {
    let (mut desk, eve) = sits(1);
    let left = desk.control("eve", "left");
    desk.hear(&left);
    assert!(said(&eve).is_empty(), "it was another one's membership");
    let kicked = desk.control("eve", "kicked for noise");
    desk.hear(&kicked);
    let events = eve.take();
    assert_eq!(
        (&events[0]["event"], &events[0]["reason"]),
        (&"kicked".into(), &"for noise".into())
    );
    assert_eq!(eve.ended(), 1);
    desk.pass(3_000);
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
    // It may return; a kick that comes while it does is meant for it.
    come(&mut desk, &eve, login(None, 0));
    let (request, _) = desk.one();
    desk.hear(&kicked);
    assert!(eve.take().is_empty());
    let attached = desk.attached();
    desk.answer(request, Ok(attached));
    assert_eq!(eve.names(), ["login", "synced", "kicked"]);
    assert_eq!((eve.ended(), eve.done()), (2, 2));
    assert!(desk.asks.is_empty());
}

#[test]
fn a_guest_has_no_membership_to_end() {
    let (mut desk, eve) = sits(1);
    desk.event(ID, &eve, Event::Leave);
    let events = eve.take();
    assert_eq!(
        (&events[0]["code"], &events[0]["of"]),
        (&"GUEST".into(), &"leave".into())
    );
    assert!(desk.asks.is_empty());
    let two = desk.say("two");
    desk.hear(&two);
    assert_eq!(eve.names(), ["two"], "it is still here");
}

#[test]
fn a_guest_beside_a_member_of_the_same_uid_is_not_taken_for_it() {
    let mut desk = Desk::new();
    let (eve, own) = (Conn::default(), Conn::default());
    desk.login(1, &own, "eve", None);
    desk.answer_all();
    come(&mut desk, &eve, login(None, 0));
    desk.answer_all();
    let one = desk.say("one");
    desk.hear(&one);
    // Only the member's position is reported, and only the member's session ends.
    let beat = own.beat();
    desk.beat_answered(ID, beat);
    desk.pass(1_000);
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
    desk.beat_answered(1, beat);
    desk.pass(1_000);
    let asks = desk.answer_all();
    assert!(matches!(asks[..], [Ask::Ack(..)]), "{asks:?}");
    desk.event(ID, &eve, Event::Logout);
    desk.pass(1_000);
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
    come(&mut desk, &eve, login(None, 0));
    desk.answer_all();
    desk.event(1, &own, Event::Logout);
    desk.pass(1_000);
    let asks = desk.answer_all();
    assert!(matches!(asks[..], [Ask::Detach(_)]), "{asks:?}");
    // Whoever comes as a guest where it was a member ends that session.
    desk.login(1, &own, "eve", None);
    desk.answer_all();
    let guest = Login {
        number: 2,
        ..login(None, 0)
    };
    desk.event(1, &own, Event::Login(Box::new(guest)));
    desk.answer_all();
    let mut ends = Vec::new();
    for _ in 0..3 {
        desk.pass(1_000);
        ends.append(&mut desk.answer_all());
    }
    assert!(
        matches!(ends[..], [Ask::Away(..), Ask::Detach(_)]),
        "{ends:?}"
    );
    desk.down();
    desk.up();
    let asks = desk.answer_all();
    assert_eq!(asks[1], Ask::Attach(Vec::new()));
}
