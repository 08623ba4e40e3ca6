//! A word that messages are gone counts as read when its client confirms it, as a message does: until then the client has what
//! lies before them, and is told again where its connection dies.

use crate::desk::{Conn, Desk, login_of};
use hub_core::ask::{Answer, Ask, Joined, Lost, Question};
use hub_core::event::{Event, Login};
use room_core::position::{Position, Tag};

/// A desk with five messages, of which a log that begins behind the third has the last two.
fn desk() -> Desk {
    let mut desk = Desk::new();
    for text in ["one", "two", "three", "four", "five"] {
        desk.say(text);
    }
    desk
}

/// What a join answers to whoever has everything up to `has`, of a log that begins behind `start`.
fn joined(desk: &Desk, has: u64, start: u64) -> Answer {
    let Answer::Joined(joined) = desk.joined(desk.at[start as usize]) else {
        unreachable!("it is a join");
    };
    let lost = (has < start).then(|| Lost {
        from: has + 1,
        to: start,
        reason: "maxlen".into(),
    });
    Answer::Joined(Joined { lost, ..joined })
}

/// Answers all as a server whose log begins behind `start`; a uid without a position has acknowledged `cursor`. What was asked.
fn answer_all(desk: &mut Desk, cursor: u64, start: u64) -> Vec<Ask> {
    let mut all = Vec::new();
    while !desk.asks.is_empty() {
        let Question { request, ask, .. } = desk.asks.remove(0);
        let answer = match &ask {
            Ask::Join { since, .. } => {
                let has = since.map_or(cursor, |since| since.seq);
                joined(desk, has, start.max(has))
            }
            Ask::Attach(_) => desk.attached(),
            Ask::Range { from, count, .. } => desk.range((*from).max(start + 1), *count),
            _ => Answer::Done,
        };
        desk.answer(request, Ok(answer));
        all.push(ask);
    }
    all
}

fn logs_in(desk: &mut Desk, conn: u64, login: Login) -> Conn {
    let ann = Conn::default();
    desk.event(conn, &ann, Event::Login(Box::new(login)));
    ann
}

/// What is reported of her when her connection dies: first that she is away.
fn dies(desk: &mut Desk, conn: u64) -> Position {
    desk.hub.gone(desk.now, conn, &["r".into()], &mut desk.asks);
    desk.pass(60);
    let asks = desk.answer_all();
    let away = asks.iter().find_map(|ask| match ask {
        Ask::Away(at, uids) if **uids == ["ann".into()] => Some(*at),
        _ => None,
    });
    assert!(
        !asks.iter().any(|ask| matches!(ask, Ask::Ack(..))),
        "{asks:?}"
    );
    away.unwrap_or_else(|| panic!("not away: {asks:?}"))
}

fn acks(asks: &[Ask]) -> Vec<Position> {
    let acks = asks.iter().filter_map(|ask| match ask {
        Ask::Ack(at, _) => Some(*at),
        _ => None,
    });
    acks.collect()
}

#[test]
fn who_dies_before_a_loss_is_confirmed_has_what_was_before_it() {
    // Whether she brings her position, and whether she acknowledges by herself.
    for (since, by_herself) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut desk = desk();
        let login = Login {
            since: since.then_some(desk.at[1]),
            acks: by_herself,
            ..login_of("ann")
        };
        let ann = logs_in(&mut desk, 1, login);
        answer_all(&mut desk, 1, 3);
        assert_eq!(ann.names(), ["login", "lost", "four", "five", "synced"]);
        desk.pass(5_000);
        assert!(
            desk.asks.is_empty(),
            "nothing is confirmed: {:?}",
            desk.asks
        );
        let away = dies(&mut desk, 1);
        assert_eq!(away.seq, 1, "{since} {by_herself}");
        assert!(!since || away == desk.at[1]);
    }
}

#[test]
fn a_loss_is_confirmed_by_the_next_heartbeat_though_nothing_follows() {
    let mut desk = desk();
    let ann = logs_in(&mut desk, 1, login_of("ann"));
    answer_all(&mut desk, 1, 5);
    assert_eq!(ann.names(), ["login", "lost", "synced"]);
    let beat = ann.beat();
    desk.beat_answered(1, beat);
    desk.pass(60);
    assert_eq!(acks(&desk.answer_all()), [desk.head()]);
    assert_eq!(dies(&mut desk, 1), desk.head());
}

#[test]
fn who_acknowledges_by_herself_confirms_a_loss_by_its_position() {
    let mut desk = desk();
    let login = Login {
        acks: true,
        ..login_of("ann")
    };
    let ann = logs_in(&mut desk, 1, login);
    answer_all(&mut desk, 1, 3);
    let beat = ann.beat();
    desk.beat_answered(1, beat);
    desk.pass(60);
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
    let lost = ann.take().remove(1);
    let told = desk.at[3];
    assert_eq!(lost["position"], told.to_string());
    desk.event(1, &ann, Event::Ack(told));
    desk.pass(60);
    assert_eq!(acks(&desk.answer_all()), [told]);
    assert_eq!(dies(&mut desk, 1), told);
}

/// She has two messages in her socket when the link goes; meanwhile the log is cut behind them.
fn cut_while_away(desk: &mut Desk) -> Conn {
    let ann = logs_in(desk, 1, login_of("ann"));
    answer_all(desk, 0, 0);
    for text in ["one", "two"] {
        let frame = desk.say(text);
        desk.hear(&frame);
    }
    ann.take();
    desk.down();
    for text in ["three", "four", "five"] {
        desk.say(text);
    }
    desk.up();
    ann
}

#[test]
fn a_gap_in_a_running_session_confirms_nothing_of_what_was_before_it() {
    let mut desk = Desk::new();
    let ann = cut_while_away(&mut desk);
    let asks = answer_all(&mut desk, 0, 4);
    let since = Some(desk.at[2]);
    let again = |ask: &Ask| matches!(ask, Ask::Join { since: at, .. } if *at == since);
    assert!(asks.iter().any(again), "{asks:?}");
    let told = ann.take();
    let lost = told.iter().find(|event| event["event"] == "lost");
    let lost = lost.expect("a loss");
    assert_eq!((&lost["from"], &lost["to"]), (&3.into(), &4.into()));
    desk.pass(5_000);
    assert_eq!(acks(&desk.answer_all()), []);
    assert_eq!(dies(&mut desk, 1), desk.at[0]);
}

#[test]
fn what_was_handed_before_a_gap_is_confirmed_as_ever() {
    let mut desk = Desk::new();
    let ann = cut_while_away(&mut desk);
    let beat = ann.beat();
    answer_all(&mut desk, 0, 4);
    desk.beat_answered(1, beat);
    desk.pass(60);
    assert_eq!(acks(&desk.answer_all()), [desk.at[2]]);
    let beat = ann.beat();
    desk.beat_answered(1, beat);
    desk.pass(60);
    assert_eq!(acks(&desk.answer_all()), [desk.head()]);
}

#[test]
fn one_tab_behind_a_loss_holds_back_the_others() {
    let mut desk = desk();
    let first = logs_in(&mut desk, 1, login_of("ann"));
    answer_all(&mut desk, 5, 3);
    let second = logs_in(&mut desk, 2, login_of("ann"));
    answer_all(&mut desk, 1, 3);
    assert!(second.names().contains(&"lost".to_owned()));
    let frame = desk.say("six");
    desk.hear(&frame);
    let beat = first.beat();
    desk.beat_answered(1, beat);
    desk.pass(1_000);
    assert_eq!(acks(&desk.answer_all()), []);
    let beat = second.beat();
    desk.beat_answered(2, beat);
    desk.pass(1_000);
    assert_eq!(acks(&desk.answer_all()), [desk.head()]);
}

/// What she brings is of another history, so of her place only the number is known.
#[test]
fn a_position_of_another_history_is_no_place_before_a_loss() {
    let mut desk = desk();
    let other = Position::new(1, Tag(99));
    let login = Login {
        since: Some(other),
        ..login_of("ann")
    };
    let ann = logs_in(&mut desk, 1, login);
    let (subscribe, _) = desk.one();
    desk.answer(subscribe, Ok(Answer::Done));
    let (request, _) = desk.one();
    let Answer::Joined(answer) = joined(&desk, 1, 3) else {
        unreachable!("it is a join");
    };
    let reset = Joined {
        reset: true,
        ..answer
    };
    desk.answer(request, Ok(Answer::Joined(reset)));
    answer_all(&mut desk, 1, 3);
    assert_eq!(ann.names()[..3], ["login", "reset", "lost"]);
    let away = dies(&mut desk, 1);
    assert_eq!(away.seq, 1);
    assert_ne!(away, other);
}
