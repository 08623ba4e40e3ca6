use super::*;
use room_core::position::Tag;

fn at(seq: u64) -> Position {
    Position::new(seq, Tag(1))
}

fn acks(due: &Due) -> Vec<(u64, Vec<&str>)> {
    shown(&due.acks)
}

fn shown(groups: &Groups) -> Vec<(u64, Vec<&str>)> {
    groups
        .iter()
        .map(|(at, uids)| (at.seq, uids.iter().map(String::as_str).collect()))
        .collect()
}

#[test]
fn the_lowest_tab_is_reported() {
    let mut book = Acks::default();
    for (seat, start) in [(1, 0), (2, 0)] {
        assert!(book.begin("a").is_empty());
        book.enter("a", seat, at(start), 0);
    }
    assert!(!book.confirm("a", 1, at(5)), "the other tab is at 0");
    assert!(book.confirm("a", 2, at(3)));
    assert_eq!(acks(&book.take()), [(3, vec!["a"])]);
    assert!(book.confirm("a", 2, at(9)));
    assert_eq!(acks(&book.take()), [(5, vec!["a"])]);
    assert_eq!(book.take(), Due::default());
}

#[test]
fn who_goes_is_acknowledged_then_detached_unless_it_comes_back() {
    let mut book = Acks::default();
    book.begin("a");
    book.enter("a", 1, at(0), 0);
    book.confirm("a", 1, at(4));
    assert!(book.exit("a", 1, Leave::Told));
    assert_eq!(
        book.begin("a"),
        [(at(4), vec!["a".to_owned()])],
        "before the next join"
    );
    assert!(book.take().detach.is_empty(), "a join is under way");
    book.enter("a", 2, at(4), 0);
    assert!(!book.exit("a", 1, Leave::Told), "it is gone already");
    assert!(book.exit("a", 2, Leave::Told));
    assert_eq!(book.take().detach, ["a"]);
    assert!(book.uids().is_empty());
}

#[test]
fn a_tab_that_starts_ahead_hides_nothing_of_the_lower_one() {
    let mut book = Acks::default();
    book.begin("a");
    book.enter("a", 1, at(2), 0);
    book.begin("a");
    assert!(!book.confirm("a", 3, at(9)), "no such seat");
    book.confirm("a", 1, at(4));
    assert_eq!(book.take(), Due::default(), "a join is under way");
    book.enter("a", 2, at(9), 0);
    assert_eq!(acks(&book.take()), [(4, vec!["a"])]);
    book.exit("a", 2, Leave::Told);
    book.confirm("a", 1, at(6));
    assert_eq!(acks(&book.take()), [(6, vec!["a"])]);
    // The session is still there when the next tab comes: Redis has it at 6.
    book.exit("a", 1, Leave::Told);
    book.begin("a");
    book.enter("a", 3, at(8), 0);
    assert_eq!(acks(&book.take()), [(8, vec!["a"])]);
}

#[test]
fn what_the_slowest_tab_held_back_is_reported_when_it_goes() {
    let mut book = Acks::default();
    for (seat, start) in [(1, 0), (2, 0), (3, 0)] {
        book.begin("a");
        book.enter("a", seat, at(start), 0);
    }
    book.confirm("a", 1, at(5));
    book.confirm("a", 2, at(5));
    assert_eq!(book.take(), Due::default());
    book.exit("a", 3, Leave::Told);
    assert_eq!(acks(&book.take()), [(5, vec!["a"])]);
    book.exit("a", 2, Leave::Told);
    assert_eq!(book.take(), Due::default(), "nothing new");
}

#[test]
fn a_device_that_goes_without_a_word_is_told_at_what_it_had_confirmed() {
    let mut book = Acks::default();
    for (uid, seat, start) in [("a", 1, 2), ("a", 2, 2), ("b", 3, 7), ("c", 4, 7)] {
        book.begin(uid);
        book.enter(uid, seat, at(start), 0);
    }
    book.confirm("a", 1, at(7));
    book.confirm("a", 2, at(4));
    for (uid, seat) in [("a", 2), ("b", 3)] {
        assert!(book.exit(uid, seat, Leave::Away));
    }
    book.exit("c", 4, Leave::Told);
    book.exit("a", 1, Leave::Away);
    let away = book.take_away();
    let expected = [(4, vec!["a"]), (7, vec!["b", "a"])];
    assert_eq!(
        shown(&away),
        expected,
        "b confirmed nothing: where it began"
    );
    assert!(book.take_away().is_empty());
    book.keep_away(away);
    assert!(book.is_due());
    assert_eq!(shown(&book.take_away()), expected, "sent again");
    assert_eq!(book.take().detach.len(), 3);
    assert!(!book.is_due());
}

#[test]
fn a_new_link_is_told_again() {
    let mut book = Acks::default();
    for (uid, start) in [("a", 0), ("b", 3), ("c", 3)] {
        book.begin(uid);
        book.enter(uid, 1, at(start), 0);
    }
    book.report_again();
    let due = book.take();
    assert_eq!(due.acks.len(), 1);
    assert_eq!(
        due.acks[0].1.len(),
        2,
        "who confirmed nothing has nothing to say"
    );
    assert_eq!(book.take(), Due::default());
}

#[test]
fn a_missed_kick_is_known_by_its_count() {
    let mut book = Acks::default();
    book.begin("a");
    book.enter("a", 1, at(0), 3);
    book.begin("a");
    book.enter("a", 2, at(0), 4);
    assert_eq!(
        book.kicks("a"),
        3,
        "the first seat has not heard of the fourth"
    );
    book.recount("a", 0);
    assert_eq!(book.kicks("a"), 0);
    book.exit("a", 1, Leave::Told);
    book.exit("a", 2, Leave::Told);
    book.begin("a");
    book.enter("a", 3, at(0), 4);
    assert_eq!((book.kicks("a"), book.kicks("b")), (4, 0));
}

#[test]
fn a_failed_join_leaves_nothing() {
    let mut book = Acks::default();
    book.begin("a");
    book.abort("a");
    assert_eq!(book.take().detach, ["a"], "whatever Redis has of it");
    assert!(book.uids.is_empty());
}
