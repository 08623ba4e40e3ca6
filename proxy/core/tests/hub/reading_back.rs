//! Clients that read back what was said before.

use crate::desk::{Conn, Desk, login_of, refused};
use hub_core::ask::{Answer, Ask, Fault};
use hub_core::event::{Event, Login};
use hub_core::rights::Rights;
use hub_core::settings::Settings;
use room_core::position::{Position, Tag};
use serde_json::{Value, json};

fn without_history() -> Rights {
    let all = "read publish signal members leave member guest";
    Rights::named(all.split(' '))
}

/// Ten messages, and Ann, who came behind them.
fn ann_in(login: Login) -> (Desk, Conn) {
    let (mut desk, ann) = (Desk::new(), Conn::default());
    for n in 1..=10 {
        desk.say(&format!("m{n}"));
    }
    desk.event(1, &ann, Event::Login(Box::new(login)));
    desk.answer_all();
    ann.take();
    (desk, ann)
}

fn asks(desk: &mut Desk, ann: &Conn, until: Option<Position>, limit: u64) -> Vec<Value> {
    desk.event(1, ann, Event::History(until, limit));
    desk.answer_all();
    ann.take()
}

fn code(events: &[Value]) -> &str {
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["of"], "history", "{events:?}");
    events[0]["code"].as_str().unwrap_or("no code")
}

#[test]
fn pages_follow_one_another_back_to_the_beginning() {
    let (mut desk, ann) = ann_in(login_of("ann"));
    let later = desk.say("m11");
    desk.hear(&later);
    let live = ann.take().remove(0);
    let mut until = None;
    let mut read = Vec::new();
    let mut more = true;
    while more {
        let (spent, done) = (ann.spent(), ann.done());
        let page = asks(&mut desk, &ann, until, 4).remove(0);
        assert!(ann.spent() > spent, "it has its price");
        assert_eq!(ann.done(), done + 1);
        let messages = page["messages"].as_array().unwrap();
        let texts = messages.iter().map(|event| event["message"].clone());
        read.splice(0..0, texts);
        assert_eq!(page["gone"], 0);
        more = page["more"] == true;
        until = Some(page["after"].as_str().unwrap().parse().unwrap());
        if let Some(first) = messages.first() {
            assert_eq!(first["seq"], json!(until.unwrap().seq + 1), "{first}");
        }
    }
    let wanted: Vec<Value> = (1..=10).map(|n| json!(format!("m{n}"))).collect();
    assert_eq!(read, wanted, "up to where the login began");
    assert_eq!(until, Some(desk.at[0]));
    // A message looks as it did on the wire.
    let until = desk.head();
    let page = asks(&mut desk, &ann, Some(until), 1).remove(0);
    assert_eq!(page["messages"], json!([live]));
    assert_eq!(page["more"], true);
    assert_eq!(desk.hub.figures().histories, 4);
}

#[test]
fn before_the_beginning_there_is_nothing() {
    let (mut desk, ann) = (Desk::new(), Conn::default());
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    ann.take();
    let nothing = json!({"event": "history", "roomid": "r", "messages": [], "after": "0-00000007",
        "more": false, "gone": 0});
    desk.event(1, &ann, Event::History(None, 100));
    assert_eq!((ann.take(), desk.asks.len()), (vec![nothing], 0));
}

#[test]
fn a_seat_asks_one_question_at_a_time_and_rooms_take_turns() {
    let (mut desk, ann) = ann_in(login_of("ann"));
    desk.event(1, &ann, Event::History(None, 5));
    assert_eq!(code(&asks_twice(&mut desk, &ann)), "TOOFAST");
    let (request, ask) = desk.one();
    let Ask::Back { from, to, .. } = ask else {
        panic!("{ask:?}");
    };
    desk.answer(request, Ok(desk.back(from, to, 5)));
    assert_eq!(ann.names(), ["history"]);
    assert_eq!(ann.done(), 3, "a login and two questions");
    // Others wait for their turn.
    let many = Settings::default().histories as u64 + 2;
    let conns: Vec<Conn> = (0..many).map(|_| Conn::default()).collect();
    for (id, conn) in (10..).zip(&conns) {
        desk.login(id, conn, "bob", None);
    }
    desk.answer_all();
    for (id, conn) in (10..).zip(&conns) {
        desk.event(id, conn, Event::History(None, 5));
    }
    assert_eq!(desk.asks.len() as u64, many - 2);
    assert_eq!(desk.hub.figures().waited, 2);
    desk.answer_all();
    for conn in &conns {
        assert_eq!(conn.names().last().map(String::as_str), Some("history"));
    }
}

fn asks_twice(desk: &mut Desk, ann: &Conn) -> Vec<Value> {
    desk.event(1, ann, Event::History(None, 5));
    ann.take()
}

#[test]
fn who_has_no_right_to_it_reads_its_own_time_only() {
    let member = Login {
        rights: without_history(),
        ..login_of("ann")
    };
    let (mut desk, ann) = ann_in(member);
    desk.event(1, &ann, Event::History(None, 5));
    let (_, ask) = desk.one();
    let Ask::Back { from: 1, own, .. } = ask else {
        panic!("{ask:?}");
    };
    assert_eq!(own.as_deref(), Some("ann"), "Redis knows where that began");

    let guest = Login {
        rights: without_history(),
        guest: true,
        ..login_of("ann")
    };
    let (mut desk, ann) = ann_in(guest);
    desk.say("m11");
    let until = desk.head();
    desk.event(1, &ann, Event::History(Some(until), 5));
    let (request, ask) = desk.one();
    let Ask::Back { from, to, own, .. } = ask else {
        panic!("{ask:?}");
    };
    assert_eq!((from, to, own), (11, 11, None));
    desk.answer(request, Ok(desk.back(11, 11, 5)));
    let page = ann.take().remove(0);
    assert_eq!(
        (&page["messages"][0]["message"], &page["more"]),
        (&json!("m11"), &json!(false))
    );
}

#[test]
fn a_position_of_another_history_is_told_to_be_one() {
    let (mut desk, ann) = ann_in(login_of("ann"));
    for until in [Position::new(10, Tag(1)), Position::new(99, Tag(1))] {
        assert_eq!(
            code(&asks(&mut desk, &ann, Some(until), 5)),
            "BADPOS",
            "{until}"
        );
    }
    for (answer, wanted) in [
        (refused("NOROOM"), "BADPOS"),
        (refused("NOPERM"), "NOPERM"),
        (Fault::Down, "UNAVAILABLE"),
        (
            Fault::Refused {
                code: "ERR".into(),
                message: "syntax error near 'REV'".into(),
            },
            "UNSUPPORTED",
        ),
    ] {
        desk.event(1, &ann, Event::History(None, 5));
        let (request, _) = desk.one();
        desk.answer(request, Err(answer));
        assert_eq!(code(&ann.take()), wanted);
    }
    desk.event(1, &ann, Event::History(None, 5));
    let (request, _) = desk.one();
    desk.answer(request, Ok(Answer::Done));
    assert_eq!(code(&ann.take()), "ERR");
    assert_eq!(
        asks(&mut desk, &ann, None, 5)[0]["event"],
        "history",
        "it goes on"
    );
}

#[test]
fn a_full_connection_gets_its_page_when_it_has_room() {
    let (mut desk, ann) = ann_in(login_of("ann"));
    let done = ann.done();
    ann.set_full(true);
    assert!(asks(&mut desk, &ann, None, 5).is_empty());
    assert_eq!((desk.asks.len(), ann.done()), (0, done), "it is not kept");
    ann.set_full(false);
    desk.low(1);
    assert_eq!(desk.asks.len(), 1);
    desk.low(1);
    assert_eq!(desk.asks.len(), 1, "it is asked once");
    desk.answer_all();
    assert_eq!(
        (ann.names(), ann.done()),
        (vec!["history".to_owned()], done + 1)
    );
    // And not at all if it went meanwhile.
    ann.set_full(true);
    asks(&mut desk, &ann, None, 5);
    desk.event(1, &ann, Event::Logout);
    assert_eq!(ann.done(), done + 3);
    desk.low(1);
    desk.asks
        .retain(|question| matches!(question.ask, Ask::Back { .. }));
    assert!(desk.asks.is_empty());
    let events = ann.take();
    assert_eq!(
        (&events[0]["event"], &events[1]["code"]),
        (&json!("logout"), &json!("NOLOGIN"))
    );
}

#[test]
fn an_answer_is_for_the_login_that_asked_and_for_what_it_may_have_now() {
    let (mut desk, ann) = ann_in(login_of("ann"));
    desk.event(1, &ann, Event::History(None, 5));
    let (request, _) = desk.one();
    let again = Login {
        number: 2,
        ..login_of("ann")
    };
    desk.event(1, &ann, Event::Login(Box::new(again)));
    desk.answer_all();
    ann.take();
    desk.event(1, &ann, Event::History(None, 5));
    let done = ann.done();
    desk.answer(request, Ok(desk.back(1, 10, 5)));
    assert_eq!(code(&ann.take()), "NOLOGIN");
    desk.answer_all();
    assert_eq!(
        (ann.names(), ann.done()),
        (vec!["history".to_owned()], done + 2)
    );

    for rights in [
        without_history(),
        Rights::named(["history", "member"].into_iter()),
    ] {
        let (mut desk, ann) = ann_in(login_of("ann"));
        desk.event(1, &ann, Event::History(None, 5));
        let (request, _) = desk.one();
        desk.event(1, &ann, Event::Renewed(rights, None));
        ann.take();
        desk.answer(request, Ok(desk.back(1, 10, 5)));
        assert_eq!(code(&ann.take()), "NORIGHT");
    }
}

#[test]
fn it_moves_nothing_and_the_link_may_go_meanwhile() {
    let (mut desk, ann) = ann_in(login_of("ann"));
    desk.pass(5_000);
    desk.answer_all();
    assert_eq!(asks(&mut desk, &ann, None, 5)[0]["event"], "history");
    desk.pass(5_000);
    assert!(
        desk.asks.is_empty(),
        "nothing is confirmed: {:?}",
        desk.asks
    );
    desk.event(1, &ann, Event::History(None, 5));
    desk.asks.clear();
    desk.down();
    assert_eq!(code(&ann.take()), "UNAVAILABLE");
    let refused = asks(&mut desk, &ann, None, 5);
    assert_eq!(code(&refused), "UNAVAILABLE", "there is none");
    desk.up();
    desk.answer_all();
    ann.take();
    assert_eq!(asks(&mut desk, &ann, None, 5)[0]["event"], "history");
}
