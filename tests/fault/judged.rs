//! What the checker must notice and what it must let pass, in small histories.

use crate::checker::judge;
use crate::history::{Allowed, Diary, Event, History, Kind, Moment};
use crate::place::Place;
use room_core::position::{Position, Seq, Tag};

fn at(seq: Seq) -> Position {
    Position::new(seq, Tag(seq as u32))
}

fn login(seq: Seq) -> Event {
    Event::Login {
        position: at(seq),
        new: false,
    }
}

/// Somebody's message is confirmed, and a failover loses it: what is wrong if this comes `then`.
fn wrong_if(kind: Kind, then: &[Event]) -> bool {
    let begun = [
        login(0),
        Event::Sent("one-1".into()),
        Event::Confirmed("one-1".into()),
    ];
    let moments = begun.iter().chain(then).cloned();
    let moments: Vec<Moment> = (0..).zip(moments).collect();
    let history = History {
        allowed: Allowed {
            other_history: true,
            drops: false,
        },
        diaries: vec![Diary {
            moments,
            ..Diary::empty("one", "one", kind, false)
        }],
        before: Position::default(),
        log: Vec::new(),
        cursors: Vec::new(),
        restless: Vec::new(),
    };
    let broken = judge(&history);
    let told = |what: &String| what.contains("is gone without a word");
    assert!(broken.iter().all(told), "{broken:?}");
    !broken.is_empty()
}

#[test]
fn that_a_confirmed_message_is_gone_must_be_told_to_whoever_can_be_told() {
    let reset = Event::Reset(at(0));
    for kind in [Kind::Package, Kind::Careful, Kind::Plain] {
        assert!(wrong_if(kind, &[]), "{kind:?}");
        assert!(!wrong_if(kind, std::slice::from_ref(&reset)), "{kind:?}");
    }
    // A page that was loaded anew still knows; only who keeps nothing can be told nothing when it comes back.
    let again = [Event::Reloaded, login(0)];
    assert!(wrong_if(Kind::Package, &again));
    assert!(!wrong_if(
        Kind::Package,
        &[&again[..], &[reset][..]].concat()
    ));
    let back = [Event::Ended, login(0)];
    assert!(wrong_if(Kind::Careful, &back));
    assert!(!wrong_if(Kind::Plain, &back));
    // It is gone for good: there is nobody to be told.
    assert!(!wrong_if(Kind::Package, &[Event::Gone]));
}

#[test]
fn a_login_that_leaves_something_out_is_judged_unless_its_connection_ended_at_once() {
    let wrong = |kind: Kind, told: Option<Event>| {
        let mut place = Place {
            last: Some(at(1)),
            ..Place::default()
        };
        place.login(at(3), false, told.as_ref(), kind).is_some()
    };
    for kind in [Kind::Package, Kind::Careful, Kind::Plain] {
        // At the end of a run everybody had the time to be told.
        assert!(wrong(kind, None), "{kind:?}");
        assert!(!wrong(kind, Some(Event::Reset(at(3)))), "{kind:?}");
    }
    assert!(!wrong(Kind::Package, Some(Event::Reloaded)));
    for kind in [Kind::Careful, Kind::Plain] {
        assert!(!wrong(kind, Some(Event::Ended)), "{kind:?}");
        // The next one is judged by what it had before both.
        let mut place = Place {
            last: Some(at(1)),
            ..Place::default()
        };
        let first = place.login(at(3), false, Some(&Event::Ended), kind);
        let second = place.login(at(3), false, None, kind);
        assert!(first.is_none() && second.is_some(), "{kind:?}");
    }
}

#[test]
fn a_handler_that_gets_its_message_again_hides_nothing_of_what_a_login_is_told() {
    let saw = |seq| Event::Saw {
        position: at(seq),
        uid: "one".into(),
        text: seq.to_string(),
    };
    let begun = [login(0), saw(1), Event::Failed(at(2)), login(9), saw(2)];
    let jumps = |then: &[Event]| {
        let moments = begun.iter().chain(then).cloned();
        let history = History {
            allowed: Allowed {
                other_history: true,
                drops: true,
            },
            diaries: vec![Diary {
                moments: (0..).zip(moments).collect(),
                ..Diary::empty("one", "one", Kind::Package, false)
            }],
            before: Position::default(),
            log: Vec::new(),
            cursors: Vec::new(),
            restless: Vec::new(),
        };
        let broken = judge(&history);
        broken.iter().any(|what| what.contains("was started at"))
    };
    let lost = Event::Lost {
        from: 2,
        to: 9,
        reason: "maxlen".into(),
    };
    assert!(!jumps(&[lost, saw(10)]));
    assert!(jumps(&[saw(10)]), "it was told of nothing");
}
