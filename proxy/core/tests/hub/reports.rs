//! Nothing counts as reported before Redis answered.

use crate::desk::{Conn, Desk, refused};
use hub_core::ask::{Answer, Ask};
use hub_core::event::Event;

fn confirmed(desk: &mut Desk, ann: &Conn) {
    let frame = desk.say("one");
    desk.hear(&frame);
    let beat = ann.beat();
    desk.beat_answered(1, beat);
    desk.pass(60);
}

fn live(desk: &mut Desk) -> Conn {
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    ann
}

#[test]
fn an_acknowledgement_that_is_refused_in_passing_is_asked_again() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    confirmed(&mut desk, &ann);
    for code in ["NOREPLICAS", "OOM", "BUSY"] {
        let (request, ask) = desk.one();
        assert_eq!(ask, Ask::Ack(desk.head(), vec!["ann".into()]));
        desk.answer(request, Err(refused(code)));
        assert!(desk.asks.is_empty(), "not at once");
        desk.pass(600);
    }
    let (request, _) = desk.one();
    desk.answer(request, Ok(Answer::Done));
    desk.pass(5_000);
    assert!(desk.asks.is_empty());
}

#[test]
fn an_acknowledgement_that_is_refused_for_good_is_not() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    confirmed(&mut desk, &ann);
    let (request, _) = desk.one();
    desk.answer(request, Err(refused("BADPOS")));
    desk.pass(5_000);
    assert!(desk.asks.is_empty());
}

#[test]
fn an_acknowledgement_without_an_answer_is_asked_again_on_the_next_link() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    confirmed(&mut desk, &ann);
    assert!(matches!(desk.one().1, Ask::Ack(..)));
    desk.down();
    desk.up();
    desk.answer_all();
    desk.pass(60);
    assert_eq!(desk.one().1, Ask::Ack(desk.head(), vec!["ann".into()]));
}

#[test]
fn no_acknowledgement_of_a_uid_while_a_join_of_it_is_unanswered() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    let frame = desk.say("one");
    desk.hear(&frame);
    let tab = Conn::default();
    desk.login(2, &tab, "ann", None);
    let (request, ask) = desk.one();
    assert!(matches!(ask, Ask::Join { .. }));
    let beat = ann.beat();
    desk.beat_answered(1, beat);
    desk.pass(1_000);
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
    // The second tab starts before what the first has confirmed.
    let joined = desk.joined(desk.at[0]);
    desk.answer(request, Ok(joined));
    let asks = desk.answer_all();
    assert!(
        asks.iter().all(|ask| matches!(ask, Ask::Range { .. })),
        "{asks:?}"
    );
    desk.pass(1_000);
    assert!(
        desk.asks.is_empty(),
        "the lowest of the two: {:?}",
        desk.asks
    );
    let beat = tab.beat();
    desk.beat_answered(2, beat);
    desk.pass(1_000);
    assert_eq!(desk.one().1, Ask::Ack(desk.head(), vec!["ann".into()]));
}

#[test]
fn a_departure_goes_before_the_acknowledgement_that_passes_it() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    let tab = Conn::default();
    desk.login(2, &tab, "ann", None);
    desk.answer_all();
    let frame = desk.say("one");
    desk.hear(&frame);
    desk.hub.gone(desk.now, 2, &["r".into()], &mut desk.asks);
    let beat = ann.beat();
    desk.beat_answered(1, beat);
    desk.pass(60);
    let (request, ask) = desk.one();
    assert_eq!(ask, Ask::Away(desk.at[0], vec!["ann".into()]));
    desk.answer(request, Ok(Answer::Done));
    desk.pass(60);
    assert_eq!(desk.one().1, Ask::Ack(desk.head(), vec!["ann".into()]));
}

/// The answer to the DETACH says nothing of a session that a later JOIN began.
#[test]
fn a_join_that_was_given_up_is_ended_also_while_an_older_end_is_unanswered() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    desk.event(1, &ann, Event::Logout);
    desk.pass(60);
    let (detach, ask) = desk.one();
    assert_eq!(ask, Ask::Detach(vec!["ann".into()]));
    let tab = Conn::default();
    desk.login(2, &tab, "ann", None);
    let (join, _) = desk.one();
    desk.hub.gone(desk.now, 2, &["r".into()], &mut desk.asks);
    desk.pass(60);
    assert!(desk.asks.is_empty());
    desk.answer(detach, Ok(Answer::Done));
    desk.answer(join, Ok(desk.joined(desk.head())));
    desk.pass(60);
    assert_eq!(desk.one().1, Ask::Detach(vec!["ann".into()]));
}
