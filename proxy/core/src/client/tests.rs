use super::*;
use crate::bans::Bans;

pub(super) fn client() -> Client {
    let limits = ClientLimits {
        max_rooms: 3,
        unanswered: 4,
        held_bytes: 1000,
        tokens: false,
    };
    Client::new(limits)
}

/// An act in short: the room, the event with what matters of it, or the error's code.
pub(super) fn short(act: &Act) -> String {
    match act {
        Act::Room(roomid, event, _) => match event {
            Event::Login(login) => format!("{roomid}: login {}", login.number),
            Event::Publish(out) => format!("{roomid}: {}", out.event),
            Event::Signal(out) => format!("{roomid}: signal {}", out.event),
            Event::Ack(position) => format!("{roomid}: ack {position}"),
            Event::Logout => format!("{roomid}: logout"),
            Event::Leave => format!("{roomid}: leave"),
            Event::Members(cursor) => format!("{roomid}: members {cursor}"),
            Event::History(until, limit) => format!("{roomid}: history {limit} until {until:?}"),
            Event::Renewed(..) => format!("{roomid}: renewed"),
            Event::Revoked => format!("{roomid}: revoked"),
            Event::Banned(ban) => format!("{roomid}: banned {}", ban.reason),
        },
        Act::Say(frame) | Act::Tell(frame) => {
            let text = String::from_utf8_lossy(frame.get(4..).unwrap_or_default());
            let code = text
                .split("\"code\":\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            code.unwrap_or("said").to_owned()
        }
        Act::Answered => "answered".to_owned(),
        Act::Look(_) => "look".to_owned(),
        Act::Close(close) => format!("{close:?}"),
    }
}

/// Runs `client` over lines of `event > acts`.
fn run(client: &mut Client, script: &[(&str, &str)]) {
    for (i, (text, wanted)) in script.iter().enumerate() {
        let acts = client.text(i as u64 * 1000, text, Sight::default());
        let got: Vec<_> = acts.iter().map(short).collect();
        assert_eq!(got.join("; "), *wanted, "{i}: {text}");
        for act in acts {
            if let Act::Room(_, _, bytes) = act {
                client.done(bytes);
            }
        }
    }
}

pub(super) const LOGIN_A: &str = r#"{"event":"login","uid":"u","roomid":"a"}"#;
pub(super) const LOGIN_B: &str = r#"{"event":"login","uid":"u","roomid":"b"}"#;
pub(super) const MESSAGE: &str = r#"{"event":"message","message":1}"#;

#[test]
fn events_go_to_the_room_they_name_else_to_the_first_one() {
    let script = [
        (MESSAGE, "NOLOGIN"),
        (LOGIN_A, "a: login 1"),
        (LOGIN_B, "b: login 2"),
        (MESSAGE, "a: message"),
        (r#"{"event":"typing","roomid":"b"}"#, "b: signal typing"),
        (
            r#"{"event":"ack","position":"3-00000001","roomid":"b"}"#,
            "b: ack 3-00000001",
        ),
        (r#"{"event":"members","cursor":"7"}"#, "a: members 7"),
        (r#"{"event":"typing","roomid":"c"}"#, "NOLOGIN"),
        (r#"{"event":"heartbeat","message":"pong"}"#, "answered"),
        (r#"{"event":"heartbeat","message":"ping"}"#, ""),
        (r#"{"event":"kicked"}"#, "BADEVENT"),
        ("{", "BADJSON"),
        (r#"{"event":"logout"}"#, "a: logout"),
        (MESSAGE, "b: message"),
    ];
    run(&mut client(), &script);
}

#[test]
fn a_login_of_many_rooms_is_one_event_for_each() {
    let mut client = client();
    let script = [
        (
            r#"{"event":"login","uid":"u","name":"U","ack":"client","rooms":[{"roomid":"a"},{"roomid":"b"}]}"#,
            "a: login 1; b: login 2",
        ),
        (
            r#"{"event":"login","uid":"u","rooms":[{"roomid":"c"},{"roomid":"d"},{"roomid":"a"}]}"#,
            "c: login 3; LIMIT; a: login 4",
        ),
        (MESSAGE, "b: message"),
        (r#"{"event":"login","uid":"u","roomid":"e"}"#, "LIMIT"),
    ];
    run(&mut client, &script);
    let rooms: Vec<&str> = client.rooms().iter().map(|roomid| &**roomid).collect();
    assert_eq!(rooms, ["b", "c", "a"]);
}

#[test]
fn a_login_carries_all_that_was_said() {
    let mut client = client();
    let acts = client.text(
        0,
        r#"{"event":"login","uid":"u","name":"U","ack":"client",
            "rooms":[{"roomid":"a","since":"3-00000001"},{"roomid":"b","history":5}]}"#,
        Sight::default(),
    );
    let logins: Vec<_> = acts
        .into_iter()
        .map(|act| match act {
            Act::Room(_, Event::Login(login), _) => login,
            other => panic!("{other:?}"),
        })
        .collect();
    let [a, b] = logins.as_slice() else {
        panic!("two logins: {logins:?}");
    };
    assert_eq!((a.number, b.number), (1, 2));
    assert_eq!((&*a.uid, &*b.uid, a.acks, b.acks), ("u", "u", true, true));
    assert_eq!(a.since.map(|since| since.seq), Some(3));
    assert_eq!((b.since, a.history, b.history), (None, 0, 5));
    let name = |login: &event::Login| login.name.as_ref().map(|name| name.get().to_owned());
    assert_eq!((name(a), name(b)), (Some("\"U\"".into()), name(a)));
}

#[test]
fn a_room_that_ended_the_session_is_forgotten_unless_there_is_a_newer_one() {
    let mut client = client();
    run(
        &mut client,
        &[(LOGIN_A, "a: login 1"), (LOGIN_A, "a: login 2")],
    );
    client.ended("a", 1);
    assert_eq!(client.rooms().len(), 1, "the end of the first one");
    client.ended("b", 2);
    client.ended("a", 2);
    assert_eq!(client.rooms().len(), 0);
    run(&mut client, &[(MESSAGE, "NOLOGIN")]);
    client.ended("a", 2);
}

#[test]
fn who_goes_is_in_the_room_until_it_says_so() {
    for go in ["logout", "leave"] {
        let mut client = client();
        let of = |roomid: &str| format!(r#"{{"event":"{go}","roomid":"{roomid}"}}"#);
        let script = [
            (LOGIN_A, "a: login 1"),
            (LOGIN_B, "b: login 2"),
            (&of("a"), &*format!("a: {go}")),
            (MESSAGE, "b: message"),
            // The room refuses these, in their order, unless it refused to let the client go.
            (
                r#"{"event":"message","message":1,"roomid":"a"}"#,
                "a: message",
            ),
            (&of("b"), &*format!("b: {go}")),
            (MESSAGE, "a: message"),
        ];
        run(&mut client, &script);
        assert_eq!(client.rooms().len(), 2, "both must hear of the end");
        client.ended("a", 1);
        run(&mut client, &[(MESSAGE, "b: message")]);
        client.ended("b", 2);
        run(
            &mut client,
            &[(MESSAGE, "NOLOGIN"), (LOGIN_A, "a: login 3")],
        );
        client.ended("a", 1);
        run(&mut client, &[(MESSAGE, "a: message")]);
    }
}

#[test]
fn rooms_that_are_being_left_make_place_for_others_but_not_for_ever() {
    let mut client = client();
    let enter = |roomid| format!(r#"{{"event":"login","uid":"u","roomid":"r{roomid}"}}"#);
    for room in 0..6 {
        let done = format!("r{room}: login {}", room + 1);
        let logout = format!(r#"{{"event":"logout","roomid":"r{room}"}}"#);
        let gone = format!("r{room}: logout");
        run(&mut client, &[(&enter(room), &done), (&logout, &gone)]);
    }
    run(&mut client, &[(&enter(6), "LIMIT")]);
    client.ended("r3", 4);
    run(&mut client, &[(&enter(6), "r6: login 7")]);
}

/// The bytes of an event that went to a room.
fn bytes(acts: &[Act]) -> usize {
    match acts {
        [Act::Room(_, _, bytes)] => *bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reading_pauses_while_too_much_is_under_way() {
    let mut client = client();
    let mut open = vec![bytes(&client.text(0, LOGIN_A, Sight::default()))];
    for _ in 0..2 {
        open.push(bytes(&client.text(0, MESSAGE, Sight::default())));
    }
    assert!(!client.is_full());
    client.text(0, "{", Sight::default());
    client.text(
        0,
        r#"{"event":"message","message":1,"roomid":"nowhere"}"#,
        Sight::default(),
    );
    assert!(!client.is_full(), "what was refused is not under way");
    open.push(bytes(&client.text(0, MESSAGE, Sight::default())));
    assert!(client.is_full(), "four events");
    client.done(open.remove(0));
    assert!(!client.is_full());

    let long = format!(r#"{{"event":"message","message":"{}"}}"#, "x".repeat(900));
    let long = bytes(&client.text(0, &long, Sight::default()));
    open.into_iter().for_each(|bytes| client.done(bytes));
    assert!(!client.is_full(), "{long} bytes of 1000");
    let more = bytes(&client.text(0, MESSAGE, Sight::default()));
    assert!(client.is_full(), "{long} and {more} bytes of 1000");
    client.done(long);
    client.done(more);
    assert!(!client.is_full());
}

#[test]
fn a_login_of_many_rooms_is_held_once_in_bytes() {
    let mut client = Client::new(ClientLimits::default());
    let rooms: Vec<String> = (0..50).map(|i| format!(r#"{{"roomid":{i}}}"#)).collect();
    let text = format!(
        r#"{{"event":"login","uid":"u","rooms":[{}]}}"#,
        rooms.join(",")
    );
    let acts = client.text(0, &text, Sight::default());
    let held: usize = acts
        .iter()
        .map(|act| bytes(std::slice::from_ref(act)))
        .sum();
    assert!(
        (text.len()..text.len() + 50 * EACH + 1).contains(&held),
        "{held}"
    );
    assert!(!client.is_full());
}

#[test]
fn a_ping_is_answered_where_an_answer_confirms_nothing() {
    const PING: &str = r#"{"event":"heartbeat","message":"ping"}"#;
    let bans = Bans::new(1);
    let mut client = client();
    let mut say = |text: &str| client.text(0, text, bans.at(77));
    assert!(say(PING).is_empty(), "nobody logged in");
    say(LOGIN_A);
    assert!(say(PING).is_empty(), "it confirms by heartbeats");
    say(r#"{"event":"login","uid":"u","roomid":"b","ack":"client"}"#);
    let acts = say(PING);
    let [Act::Tell(frame)] = &acts[..] else {
        panic!("{acts:?}");
    };
    assert_eq!(&frame[2..], br#"{"event":"pong","ts":77}"#);
    for other in [
        r#"{"event":"heartbeat"}"#,
        r#"{"event":"heartbeat","message":"?"}"#,
    ] {
        assert!(say(other).is_empty(), "{other}");
    }
    client.take_work();
    client.text(0, PING, bans.at(77));
    assert!(client.take_work() > work::ANSWERED, "it has its price");
}

#[test]
fn events_have_their_price_whatever_becomes_of_them() {
    let mut client = client();
    let mut cost = |text: &str| {
        let acts = client.text(0, text, Sight::default());
        client.take_work() + acts.iter().map(Act::work).sum::<u64>()
    };
    let login = cost(LOGIN_A);
    assert!(cost(MESSAGE) < login);
    assert_eq!(cost("{"), work::REFUSED);
    assert!(cost(r#"{"event":"message","message":1,"roomid":"nowhere"}"#) > 0);
    let two = cost(r#"{"event":"login","uid":"u","rooms":[{"roomid":"a"},{"roomid":"b"}]}"#);
    let back = cost(r#"{"event":"login","uid":"u","roomid":"a","since":"3-00000001"}"#);
    assert_eq!((two, 4 * back), (2 * login, login));
    assert_eq!(client.take_work(), 0);
}
