use super::*;
use room_core::position::Tag;

fn at(seq: u64) -> Position {
    Position::new(seq, Tag(seq as u32))
}

fn answered(confirmations: &mut Confirmations) -> Vec<(Slot, u64)> {
    let mut got = Vec::new();
    confirmations.answered(|slot, position| got.push((slot, position.seq)));
    got
}

#[test]
fn an_answer_covers_what_was_sent_before_the_question() {
    let mut c = Confirmations::new(0);
    let slot = 7;
    c.open(slot, at(0), false);
    c.sent(slot, at(3));
    assert!(c.wants_beat(slot, 5000));
    c.beat(5000);
    c.sent(slot, at(5));
    assert!(!c.wants_beat(slot, 9000), "one is outstanding");
    assert_eq!(answered(&mut c), [(slot, 3)]);
    c.beat(5001);
    answered(&mut c);
    c.beat(5002);
    answered(&mut c);
    assert!(
        !c.wants_beat(slot, 5500),
        "three at once, then one a second"
    );
    assert!(c.wants_beat(slot, 6001));
    assert_eq!(answered(&mut c), [], "an answer without a question");
}

#[test]
fn who_acknowledges_itself_is_not_confirmed_by_heartbeats() {
    let mut c = Confirmations::new(0);
    let slot = 7;
    c.open(slot, at(2), true);
    c.sent(slot, at(9));
    assert!(!c.wants_beat(slot, 5000));
    c.beat(5000);
    assert_eq!(answered(&mut c), []);
    assert!(c.acked(slot, at(7)));
    assert!(!c.acked(slot, at(10)), "never sent");
    assert!(
        !c.acked(slot, Position::new(9, Tag(1))),
        "of another history"
    );
    assert!(c.acked(slot, at(3)), "old, and harmless");
}

#[test]
fn a_pong_counts_only_for_those_who_never_answer() {
    let mut c = Confirmations::new(0);
    let slot = 7;
    c.open(slot, at(0), false);
    c.sent(slot, at(1));
    assert_eq!(c.beat(0), Some(1), "a ping goes along");
    c.ponged(1);
    let mut got = Vec::new();
    c.tick(100, 20_000, 60_000, |slot, _| got.push(slot));
    assert!(got.is_empty(), "too early to tell");
    c.tick(3000, 20_000, 60_000, |slot, _| got.push(slot));
    assert_eq!(got, [slot]);
    c.sent(slot, at(2));
    assert_eq!(c.beat(4000), Some(2));
    c.ponged(1);
    c.tick(9000, 20_000, 60_000, |_, _| panic!("an old pong"));
    assert_eq!(answered(&mut c), [], "the answer to the first heartbeat");
    assert_eq!(answered(&mut c), [(slot, 2)]);

    let mut c = Confirmations::new(0);
    let slot = 7;
    c.open(slot, at(0), false);
    c.sent(slot, at(1));
    c.beat(0);
    answered(&mut c);
    c.sent(slot, at(2));
    assert_eq!(c.beat(1000), None, "no ping for one who answers");
    c.ponged(2);
    c.tick(9000, 20_000, 60_000, |_, _| panic!("a pong must not count"));
}

#[test]
fn silence_is_asked_and_then_ended() {
    let mut c = Confirmations::new(0);
    assert_eq!(c.tick(19_999, 20_000, 45_000, |_, _| ()), Tick::Nothing);
    assert_eq!(c.tick(20_000, 20_000, 45_000, |_, _| ()), Tick::Beat);
    c.beat(20_000);
    assert_eq!(c.tick(30_000, 20_000, 45_000, |_, _| ()), Tick::Nothing);
    assert_eq!(c.tick(45_000, 20_000, 45_000, |_, _| ()), Tick::Dead);
    c.heard(44_000);
    assert_eq!(c.tick(45_000, 20_000, 45_000, |_, _| ()), Tick::Beat);
    c.beat(45_000);
    assert_eq!(c.tick(46_000, 20_000, 45_000, |_, _| ()), Tick::Nothing);
    for beat in 3..=MOST_UNANSWERED {
        c.beat(45_000 + beat);
    }
    c.heard(70_000);
    assert_eq!(c.tick(70_000, 20_000, 45_000, |_, _| ()), Tick::Ping);
    assert_eq!(c.ping(70_000), MOST_UNANSWERED);
}

#[test]
fn a_late_answer_covers_only_what_it_was_asked_for() {
    let mut c = Confirmations::new(0);
    let slot = 7;
    c.open(slot, at(0), false);
    c.beat(0);
    answered(&mut c);
    c.sent(slot, at(1));
    c.beat(1000);
    c.sent(slot, at(2));
    c.heard(2500);
    assert_eq!(
        c.tick(3000, 500, 4000, |_, _| ()),
        Tick::Beat,
        "asked again"
    );
    c.beat(3000);
    assert_eq!(answered(&mut c), [(slot, 1)]);
    assert_eq!(answered(&mut c), [(slot, 2)]);
}

#[test]
fn who_leaves_an_answer_out_confirms_later_and_never_too_much() {
    let mut c = Confirmations::new(0);
    let slot = 7;
    c.open(slot, at(0), false);
    c.beat(0);
    answered(&mut c);
    c.sent(slot, at(1));
    // No answer to this one, ever.
    c.beat(1000);
    c.sent(slot, at(2));
    assert!(!c.wants_beat(slot, 9000));
    c.heard(20_000);
    assert_eq!(c.tick(21_000, 20_000, 45_000, |_, _| ()), Tick::Beat);
    c.beat(21_000);
    assert_eq!(answered(&mut c), [(slot, 1)], "it may be the late one");
    assert!(c.wants_beat(slot, 30_000), "the room goes on being asked");
    c.sent(slot, at(3));
    c.beat(30_000);
    assert_eq!(answered(&mut c), [(slot, 2)]);
    assert_eq!(c.tick(31_000, 20_000, 45_000, |_, _| ()), Tick::Beat);
    c.beat(31_000);
    assert_eq!(answered(&mut c), [(slot, 3)]);
}
