//! A tail that was lost is never silent, whoever sent or saw it.

use crate::desk::{Conn, Desk, login_of, refused};
use hub_core::ask::{Answer, Ask, Attached, Joined, Lost, Published, Question};
use hub_core::event::{Event, Login};
use hub_core::rights::Rights;
use hub_core::wire::{ClientEvent, parse};

fn live(desk: &mut Desk) -> Conn {
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    assert_eq!(ann.names(), ["login", "synced"]);
    ann
}

fn publish(desk: &mut Desk, ann: &Conn, id: &str) {
    let text = format!(r#"{{"event":"message","message":"hi","id":"{id}"}}"#);
    match parse(&text) {
        Ok(ClientEvent::Message(message)) => desk.event(1, ann, Event::Publish(message)),
        other => panic!("{other:?}"),
    }
}

/// Answers the only question: the message is stored, and where.
fn stored(desk: &mut Desk) {
    let (request, ask) = desk.one();
    assert!(matches!(ask, Ask::Publish { .. }), "{ask:?}");
    let published = Published {
        seq: desk.head().seq,
        duplicate: false,
        position: Some(desk.head()),
    };
    desk.answer(request, Ok(Answer::Published(published)));
}

/// The link breaks, and the server that is found then has lost what was stored after `left` messages.
fn fail_over(desk: &mut Desk, left: usize) {
    desk.down();
    desk.log.truncate(left);
    desk.at.truncate(left + 1);
    desk.up();
    let (request, _) = desk.one();
    desk.answer(request, Ok(Answer::Done));
}

/// Answers all, and says of positions that are not of this history what the module says; `gone` is no member before it
/// joins. The events that came.
fn settle(desk: &mut Desk, ann: &Conn, gone: &[&str]) -> Vec<String> {
    while !desk.asks.is_empty() {
        let Question { request, ask, .. } = desk.asks.remove(0);
        let answer = match ask {
            Ask::Attach(_) => Answer::Attached(Attached {
                head: Some(desk.head()),
                gone: gone.iter().map(|uid| (*uid).to_owned()).collect(),
                ..Attached::default()
            }),
            Ask::Range { from, .. } if from as usize > desk.at.len() => {
                let Answer::Range(mut range) = desk.range(desk.head().seq + 1, 1) else {
                    panic!("a range");
                };
                range.rows.clear();
                Answer::Range(range)
            }
            Ask::Range { from, count, .. } => desk.range(from, count),
            Ask::Join { since, .. } => {
                let since = since.expect("a position");
                let Answer::Joined(mut joined) = desk.joined(desk.head()) else {
                    panic!("a join");
                };
                joined.reset = !desk.at.contains(&since);
                joined.position = if joined.reset { desk.at[0] } else { since };
                Answer::Joined(joined)
            }
            _ => Answer::Done,
        };
        desk.answer(request, Ok(answer));
    }
    ann.names()
}

#[test]
fn a_newer_message_does_not_hide_that_an_older_one_is_lost() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    publish(&mut desk, &ann, "old");
    desk.say("old");
    stored(&mut desk);
    assert_eq!(ann.names(), ["sent"]);
    // It was not announced yet, and goes with the tail. The next one is stored before the sessions are announced.
    fail_over(&mut desk, 0);
    let attach = desk.asks.remove(0);
    publish(&mut desk, &ann, "new");
    desk.say("another");
    desk.say("new");
    stored(&mut desk);
    desk.asks.insert(0, attach);
    let names = settle(&mut desk, &ann, &[]);
    assert!(names.contains(&"reset".to_owned()), "{names:?}");
}

#[test]
fn who_was_handed_a_lost_tail_and_confirmed_none_of_it_is_told() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    let first = desk.say("of the tail");
    desk.hear(&first);
    assert_eq!(ann.names(), ["of the tail"]);
    // The membership went with the tail; what was confirmed, nothing, is in any history of this room.
    fail_over(&mut desk, 0);
    desk.say("another");
    let names = settle(&mut desk, &ann, &["ann"]);
    let at = |wanted: &str| names.iter().position(|name| name == wanted);
    assert!(
        at("reset").is_some() && at("reset") < at("another"),
        "{names:?}"
    );
}

#[test]
fn who_sent_to_a_history_that_a_failover_undid_is_told() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    let first = desk.say("first");
    desk.hear(&first);
    ann.names();
    // The key is deleted and born again by this message; the server that takes over has heard of neither.
    let (log, at) = (desk.log.clone(), desk.at.clone());
    publish(&mut desk, &ann, "new");
    desk.born_again(9);
    desk.say("new");
    stored(&mut desk);
    assert_eq!(ann.names(), ["sent"]);
    (desk.log, desk.at) = (log, at);
    fail_over(&mut desk, 1);
    let names = settle(&mut desk, &ann, &[]);
    assert!(names.contains(&"reset".to_owned()), "{names:?}");
}

#[test]
fn whose_membership_alone_ended_is_told_of_no_other_history() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    publish(&mut desk, &ann, "own");
    desk.say("own");
    stored(&mut desk);
    assert_eq!(ann.names(), ["sent"]);
    let left = desk.log.len();
    fail_over(&mut desk, left);
    let names = settle(&mut desk, &ann, &["ann"]);
    assert!(!names.contains(&"reset".to_owned()), "{names:?}");
    assert!(names.contains(&"own".to_owned()), "{names:?}");
}

#[test]
fn a_key_that_goes_behind_a_join_is_heard_of_before_its_answer() {
    let mut desk = Desk::new();
    desk.say("old");
    let ann = Conn::default();
    let join = desk.asks_to_join(1, &ann, "ann");
    let (joined, gone) = (desk.joined(desk.head()), desk.control("-", "gone"));
    desk.born_again(9);
    desk.hear(&gone);
    desk.answer(join, Ok(joined));
    let names = settle(&mut desk, &ann, &["ann"]);
    assert!(names.contains(&"reset".to_owned()), "{names:?}");
    let new = desk.say("new");
    desk.hear(&new);
    assert_eq!(ann.names(), ["new"]);
}

#[test]
fn a_connection_that_goes_while_its_seat_joins_again_leaves_nothing_behind() {
    let mut desk = Desk::new();
    let _ann = live(&mut desk);
    let join = desk.deleted();
    desk.hub.gone(desk.now, 1, &["r".into()], &mut desk.asks);
    let joined = desk.joined(desk.head());
    desk.answer(join, Ok(joined));
    for _ in 0..20 {
        desk.pass(600);
        desk.answer_all();
    }
    assert_eq!(desk.hub.figures().rooms, 0);
    assert!(desk.hub.is_idle());
}

/// What was told last waits while something older is asked about, and is not forgotten.
#[test]
fn an_older_message_that_is_there_does_not_hide_that_a_newer_one_is_lost() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    publish(&mut desk, &ann, "old");
    desk.say("old");
    stored(&mut desk);
    fail_over(&mut desk, 1);
    let attach = desk.asks.remove(0);
    publish(&mut desk, &ann, "new");
    desk.say("new");
    stored(&mut desk);
    desk.asks.insert(0, attach);
    desk.answer_first();
    // What was told is found true, but neither message is handed over before the next failover.
    let asks_about = |ask: &Ask| matches!(ask, Ask::Range { count: 1, .. });
    while let Some(at) = desk.asks.iter().position(|asked| asks_about(&asked.ask)) {
        let Question { request, ask, .. } = desk.asks.remove(at);
        let Ask::Range { from, .. } = ask else {
            panic!("{ask:?}");
        };
        let answer = desk.range(from, 1);
        desk.answer(request, Ok(answer));
    }
    assert!(!ann.names().contains(&"reset".to_owned()));
    fail_over(&mut desk, 1);
    let names = settle(&mut desk, &ann, &[]);
    assert!(names.contains(&"reset".to_owned()), "{names:?}");
}

#[test]
fn who_left_is_not_joined_again_for_a_message_that_was_not_announced_yet() {
    let mut desk = Desk::new();
    let ann = live(&mut desk);
    publish(&mut desk, &ann, "old");
    desk.say("old");
    stored(&mut desk);
    assert_eq!(ann.names(), ["sent"]);
    // Another device of the uid left meanwhile; the history is what it was.
    fail_over(&mut desk, 1);
    let names = settle(&mut desk, &ann, &["ann"]);
    assert_eq!(ann.ended(), 1);
    assert!(names.contains(&"logout".to_owned()), "{names:?}");
    assert!(!names.contains(&"reset".to_owned()), "{names:?}");
}

#[test]
fn who_may_have_no_history_gets_none_by_a_membership_that_went_with_a_tail() {
    let mut desk = Desk::new();
    desk.say("old");
    let ann = Conn::default();
    let login = Login {
        rights: Rights::named(["member", "read"].into_iter()),
        ..login_of("ann")
    };
    desk.event(1, &ann, Event::Login(Box::new(login)));
    desk.answer_all();
    let tail = desk.say("of the tail");
    desk.hear(&tail);
    assert_eq!(ann.names(), ["login", "synced", "of the tail"]);
    let join = desk.deleted();
    // Others were there before it.
    for text in ["one", "two"] {
        desk.say(text);
    }
    let (head, start) = (desk.head(), desk.at[0]);
    let Answer::Joined(mut joined) = desk.joined(start) else {
        panic!("a join");
    };
    (joined.new, joined.reset) = (true, true);
    desk.answer(join, Ok(Answer::Joined(joined)));
    let mut asks = desk.answer_all();
    let events = ann.take();
    assert!(
        events.iter().all(|event| event["event"] != "message"),
        "{events:?}"
    );
    let reset = events.iter().find(|event| event["event"] == "reset");
    assert_eq!(reset.unwrap()["position"], head.to_string());
    // Nor does the next device of the uid.
    desk.pass(1_000);
    asks.extend(desk.answer_all());
    assert!(
        asks.contains(&Ask::Ack(head, vec!["ann".into()])),
        "{asks:?}"
    );
    let three = desk.say("three");
    desk.hear(&three);
    assert!(ann.names().contains(&"three".to_owned()));
}

#[test]
fn a_log_that_became_shorter_is_no_other_history_for_who_said_something_further_on() {
    for holds in [true, false] {
        let mut desk = Desk::new();
        for text in ["1", "2", "3", "4", "5"] {
            desk.say(text);
        }
        let ann = Conn::default();
        let since = Some(desk.at[1]);
        desk.login(1, &ann, "ann", since);
        while !matches!(desk.asks[0].ask, Ask::Range { .. }) {
            desk.answer_first();
        }
        // While the page is under way she says something, and what is before it is trimmed.
        publish(&mut desk, &ann, "own");
        desk.say("own");
        let page = desk.asks.remove(0).request;
        stored(&mut desk);
        assert_eq!(ann.names(), ["login", "sent"]);
        let rest = desk.range(4, 64);
        desk.answer(page, Ok(rest));
        if !holds {
            desk.at.truncate(6);
            desk.log.truncate(5);
            desk.say("another");
        }
        while !desk.asks.is_empty() {
            let Question { request, ask, .. } = desk.asks.remove(0);
            let answer = match ask {
                Ask::Attach(_) => desk.attached(),
                Ask::Range { from, count, .. } => desk.range(from.max(4), count),
                Ask::Join { since, .. } => {
                    let Answer::Joined(joined) = desk.joined(desk.at[3]) else {
                        panic!("a join");
                    };
                    let reset = since.is_some_and(|since| !desk.at.contains(&since));
                    let lost = Lost {
                        from: 2,
                        to: 3,
                        reason: "trim".into(),
                    };
                    Answer::Joined(Joined {
                        lost: Some(lost),
                        reset,
                        ..joined
                    })
                }
                _ => Answer::Done,
            };
            desk.answer(request, Ok(answer));
        }
        let names = ann.names();
        match holds {
            true => assert_eq!(names, ["lost", "4", "5", "own", "synced"]),
            false => assert!(names.contains(&"reset".to_owned()), "{names:?}"),
        }
    }
}

#[test]
fn pages_of_a_tail_that_was_lost_are_sent_to_nobody() {
    let mut desk = Desk::new();
    for text in ["one", "two", "three"] {
        desk.say(text);
    }
    let _ann = live(&mut desk);
    let start = desk.at[0];
    let bob = Conn::default();
    desk.login(2, &bob, "bob", Some(start));
    desk.answer_all();
    assert_eq!(bob.names(), ["login", "one", "two", "three", "synced"]);
    // The sessions cannot be announced at first, so nobody knows what is lost.
    fail_over(&mut desk, 1);
    let (attach, _) = desk.one();
    desk.answer(attach, Err(refused("BUSY")));
    desk.pass(500);
    let frame = desk.say("other");
    desk.hear(&frame);
    settle(&mut desk, &bob, &[]);
    let cid = Conn::default();
    desk.login(3, &cid, "cid", Some(start));
    desk.answer_all();
    let mut told = cid.names();
    told.retain(|name| name != "presence");
    assert_eq!(told, ["login", "one", "other", "synced"]);
}
