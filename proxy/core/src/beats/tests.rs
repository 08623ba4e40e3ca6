use super::*;

const IDLE: u64 = 20_000;
const DEAD: u64 = 45_000;

#[test]
fn an_answer_covers_what_was_sent_before_the_question() {
    let mut beats = Beats::new(0);
    assert!(!beats.waits());
    assert_eq!(beats.note(), 1, "what is sent now is covered by the first");
    assert!(beats.waits() && beats.may_beat(5000));
    assert_eq!(beats.beat(5000).0, 1);
    assert_eq!(beats.note(), 2, "what is sent now is not");
    assert!(!beats.may_beat(9000), "one is outstanding");
    assert_eq!(beats.answered(), Some(1));
    assert!(beats.waits());
    beats.beat(5001);
    assert_eq!(beats.answered(), Some(2));
    assert!(!beats.waits());
    beats.beat(5002);
    assert_eq!(beats.answered(), Some(3));
    assert!(!beats.may_beat(5500), "three at once, then one a second");
    assert!(beats.may_beat(6001));
    assert_eq!(beats.answered(), None, "an answer without a question");
}

#[test]
fn what_waits_is_asked_about_once_a_second() {
    let mut beats = Beats::new(0);
    for now in [0, 0, 0] {
        assert_eq!(beats.tick(now, IDLE, DEAD, true), Tick::Beat);
        beats.beat(now);
        beats.answered();
    }
    assert_eq!(beats.tick(999, IDLE, DEAD, true), Tick::Nothing);
    assert_eq!(beats.tick(1000, IDLE, DEAD, false), Tick::Nothing);
    assert_eq!(beats.tick(1000, IDLE, DEAD, true), Tick::Beat);
}

#[test]
fn a_pong_counts_only_for_those_who_never_answer() {
    let mut beats = Beats::new(0);
    beats.note();
    assert_eq!(beats.beat(0), (1, Some(1)), "a ping goes along");
    beats.ponged(1);
    assert_eq!(
        beats.tick(2999, IDLE, DEAD, true),
        Tick::Nothing,
        "too early to tell"
    );
    assert_eq!(beats.tick(3000, IDLE, DEAD, true), Tick::Confirmed(1));
    assert!(!beats.waits());
    assert_eq!(beats.note(), 2);
    assert_eq!(beats.beat(4000), (2, Some(2)));
    beats.ponged(1);
    beats.ponged(99);
    assert_eq!(
        beats.tick(9000, IDLE, DEAD, true),
        Tick::Nothing,
        "an old pong, and one that was never asked for"
    );
    assert_eq!(
        beats.answered(),
        Some(1),
        "the answer to the first heartbeat"
    );
    assert!(beats.waits());
    assert_eq!(beats.answered(), Some(2));
    assert!(!beats.waits());

    let mut beats = Beats::new(0);
    beats.beat(0);
    beats.answered();
    assert_eq!(beats.beat(1000), (2, None), "no ping for one who answers");
    beats.ponged(2);
    assert_eq!(
        beats.tick(9000, IDLE, DEAD, true),
        Tick::Nothing,
        "a pong must not count"
    );
}

#[test]
fn silence_is_asked_and_then_ended() {
    let mut beats = Beats::new(0);
    assert_eq!(beats.tick(19_999, IDLE, DEAD, false), Tick::Nothing);
    assert_eq!(beats.tick(20_000, IDLE, DEAD, false), Tick::Beat);
    beats.beat(20_000);
    assert_eq!(beats.tick(30_000, IDLE, DEAD, false), Tick::Nothing);
    assert_eq!(beats.tick(45_000, IDLE, DEAD, false), Tick::Dead);
    beats.heard(44_000);
    assert_eq!(beats.tick(45_000, IDLE, DEAD, false), Tick::Beat);
    beats.beat(45_000);
    assert_eq!(beats.tick(46_000, IDLE, DEAD, false), Tick::Nothing);
    for beat in 3..=MOST_UNANSWERED {
        beats.beat(45_000 + beat);
    }
    beats.heard(70_000);
    assert_eq!(beats.tick(70_000, IDLE, DEAD, false), Tick::Ping);
    assert_eq!(beats.ping(70_000), MOST_UNANSWERED);
    assert_eq!(beats.tick(70_001, IDLE, DEAD, false), Tick::Nothing);
}

#[test]
fn a_late_answer_covers_only_what_it_was_asked_for() {
    let mut beats = Beats::new(0);
    beats.beat(0);
    beats.answered();
    assert_eq!(beats.note(), 2);
    beats.beat(1000);
    assert_eq!(beats.note(), 3);
    beats.heard(2500);
    assert_eq!(beats.tick(3000, 500, 4000, true), Tick::Beat, "asked again");
    beats.beat(3000);
    assert_eq!((beats.answered(), beats.answered()), (Some(2), Some(3)));
}

#[test]
fn who_leaves_an_answer_out_confirms_later_and_never_too_much() {
    let mut beats = Beats::new(0);
    beats.beat(0);
    beats.answered();
    assert_eq!(beats.note(), 2);
    // No answer to this one, ever.
    beats.beat(1000);
    assert_eq!(beats.note(), 3);
    assert!(!beats.may_beat(9000));
    beats.heard(20_000);
    assert_eq!(beats.tick(21_000, IDLE, DEAD, true), Tick::Beat);
    beats.beat(21_000);
    assert_eq!(beats.answered(), Some(2), "it may be the late one");
    assert!(beats.may_beat(30_000), "the client goes on being asked");
    assert_eq!(beats.note(), 4);
    beats.beat(30_000);
    assert_eq!(beats.answered(), Some(3));
    assert!(beats.waits());
    assert_eq!(beats.tick(31_000, IDLE, DEAD, true), Tick::Beat);
    beats.beat(31_000);
    assert_eq!(beats.answered(), Some(4));
    assert!(!beats.waits());
}

#[test]
fn our_own_pause_is_not_the_clients_silence() {
    let mut beats = Beats::new(0);
    beats.heard(10_000);
    // The clock of a process that was stopped for a minute.
    let now = 75_000;
    assert_eq!(beats.clone().tick(now, IDLE, DEAD, false), Tick::Dead);
    beats.paused(now, 60_000);
    assert_eq!(beats.tick(now, IDLE, DEAD, false), Tick::Nothing);
    assert_eq!(
        beats.tick(90_000, IDLE, DEAD, false),
        Tick::Beat,
        "20 s of silence"
    );
    assert_eq!(beats.tick(115_000, IDLE, DEAD, false), Tick::Dead);

    // An answer that is waited for is not given up either.
    let mut beats = Beats::new(0);
    beats.beat(0);
    beats.ponged(1);
    beats.paused(60_000, 59_000);
    assert_eq!(beats.tick(60_000, IDLE, DEAD, true), Tick::Nothing);

    // Whoever was heard meanwhile gains nothing beyond now.
    let mut beats = Beats::new(0);
    beats.heard(60_000);
    beats.paused(60_000, 59_000);
    assert_eq!(beats.tick(60_000 + DEAD, IDLE, DEAD, true), Tick::Dead);
}
