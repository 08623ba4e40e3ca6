use super::super::ClientLimits;
use super::super::tests::{LOGIN_A, LOGIN_B, MESSAGE, client, short};
use super::*;
use crate::rights::Grants;
use std::sync::Arc;

fn keyed() -> Client {
    let limits = ClientLimits {
        tokens: true,
        ..ClientLimits::default()
    };
    Client::new(limits)
}

/// Bob's token, which is good for so many milliseconds.
fn pass(uid: &str, rooms: &str, lives: u64) -> Pass {
    Pass {
        uid: uid.into(),
        name: None,
        grants: Grants::read(rooms).unwrap(),
        ts: 1_000_000,
        expires: 1_000_000 + lives,
        lives,
    }
}

/// What comes of an event with a token, once that was looked at.
fn looked(client: &mut Client, now: u64, text: &str, found: Result<Pass, Refused>) -> String {
    let mut acts = client.text(now, text, Sight::default());
    let look = match acts.pop() {
        Some(Act::Look(look)) => look,
        other => panic!("{text}: {other:?}"),
    };
    let acts = client.looked(now, look, found, Sight::default());
    let short: Vec<_> = acts.iter().map(short).collect();
    short.join("; ")
}

const TOKEN_LOGIN: &str = r#"{"event":"login","roomid":"a","token":"t"}"#;
const REFRESH: &str = r#"{"event":"refresh","token":"t"}"#;
const ALL: &str = r#"["member","read","publish","signal","history","members","leave"]"#;

#[test]
fn who_shows_no_token_is_refused_and_a_bad_one_closes() {
    let mut client = keyed();
    assert_eq!(
        short(&client.text(0, LOGIN_A, Sight::default())[0]),
        "NOTOKEN"
    );
    assert_eq!(
        short(&client.text(0, MESSAGE, Sight::default())[0]),
        "NOLOGIN"
    );
    for (refused, wanted) in [
        (Refused::Bad("no".into()), "BADTOKEN; BadToken"),
        (Refused::Expired, "EXPIRED; Expired"),
        (Refused::Early, "EARLY; Expired"),
        (Refused::NoKey, "NOKEY; Expired"),
    ] {
        let got = looked(&mut client, 0, TOKEN_LOGIN, Err(refused));
        assert_eq!(got, wanted);
    }
}

#[test]
fn each_event_needs_its_right() {
    let events = [
        (r#"{"event":"message","message":1}"#, "publish"),
        (r#"{"event":"typing"}"#, "signal"),
        (r#"{"event":"ack","position":"1-00000001"}"#, "read"),
        (r#"{"event":"members"}"#, "members"),
        (r#"{"event":"leave"}"#, "leave"),
        (r#"{"event":"login","roomid":"a","history":5}"#, "history"),
        (r#"{"event":"login","roomid":"a"}"#, "member"),
    ];
    let names: Vec<_> = events.iter().map(|event| event.1).collect();
    for (text, right) in events {
        for without in [false, true] {
            let given = names.iter().filter(|name| !without || **name != right);
            let given: Vec<_> = given.map(|name| format!("{name:?}")).collect();
            let rooms = format!(r#"{{"a":[{}]}}"#, given.join(","));
            let mut client = keyed();
            looked(&mut client, 0, TOKEN_LOGIN, Ok(pass("bob", &rooms, 1000)));
            let got = short(&client.text(0, text, Sight::default())[0]);
            let wanted = if without { "NORIGHT" } else { "a: " };
            let wanted = if without && right == "member" && text.contains("ack") {
                "NOLOGIN"
            } else {
                wanted
            };
            assert!(got.starts_with(wanted), "{text} without {without}: {got}");
        }
    }
}

#[test]
fn a_token_is_of_one_uid_and_rooms_are_judged_by_themselves() {
    let mut client = keyed();
    let rooms = format!(r#"{{"a":{ALL},"g":["read"]}}"#);
    let other = r#"{"event":"login","roomid":"a","uid":"ann","token":"t"}"#;
    let got = looked(&mut client, 0, other, Ok(pass("bob", &rooms, 1000)));
    assert_eq!(got, "OTHERUID");
    let many =
        r#"{"event":"login","uid":"bob","rooms":[{"roomid":"a"},{"roomid":"b"},{"roomid":"g"}]}"#;
    let acts = client.text(0, many, Sight::default());
    let got: Vec<_> = acts.iter().map(short).collect();
    assert_eq!(got, ["a: login 1", "NORIGHT", "NORIGHT"]);
    let Act::Room(_, Event::Login(login), _) = &acts[0] else {
        panic!("{acts:?}");
    };
    assert_eq!(&*login.uid, "bob");
    let told = login.told.unwrap();
    assert_eq!((told.ts, told.expires), (1_000_000, 1_001_000));
    // Somebody else's token does not take the connection over.
    let got = looked(&mut client, 0, REFRESH, Ok(pass("ann", &rooms, 1000)));
    assert_eq!(got, "OTHERUID");
    assert_eq!(
        short(&client.text(0, MESSAGE, Sight::default())[0]),
        "a: message"
    );
}

#[test]
fn a_token_says_as_what_somebody_comes() {
    let rooms =
        r#"{"both":["member","guest"],"in":["member"],"out":["guest","history"],"no":["history"]}"#;
    let mut client = keyed();
    let first = r#"{"event":"login","roomid":"no","token":"t"}"#;
    let got = looked(&mut client, 0, first, Ok(pass("bob", rooms, 100_000)));
    assert_eq!(got, "NORIGHT");
    for (roomid, role, wanted) in [
        ("both", "", "member"),
        ("both", r#","as":"member""#, "member"),
        ("both", r#","as":"guest""#, "guest"),
        ("both", r#","as":"guest","history":1"#, "NORIGHT"),
        ("in", "", "member"),
        ("in", r#","as":"guest""#, "NORIGHT"),
        ("out", "", "guest"),
        ("out", r#","history":5"#, "guest"),
        ("out", r#","as":"member""#, "NORIGHT"),
        ("no", r#","as":"guest""#, "NORIGHT"),
        ("none", "", "NORIGHT"),
    ] {
        let text = format!(r#"{{"event":"login","roomid":"{roomid}"{role}}}"#);
        let acts = client.text(0, &text, Sight::default());
        let got = match &acts[0] {
            Act::Room(_, Event::Login(login), _) if login.guest => "guest".to_owned(),
            Act::Room(..) => "member".to_owned(),
            other => short(other),
        };
        assert_eq!(got, wanted, "{roomid}{role}");
    }
    // Who is there as a guest stays as one, and who belongs to the room does not become one by a token.
    let rooms = r#"{"both":["member"],"in":["guest"],"out":["member","guest"]}"#;
    let got = looked(&mut client, 0, REFRESH, Ok(pass("bob", rooms, 1000)));
    let mut got: Vec<_> = got.split("; ").collect();
    got.sort_unstable();
    assert_eq!(
        got,
        ["both: revoked", "in: revoked", "out: renewed", "said"]
    );
}

#[test]
fn a_refresh_replaces_all_rights_and_one_that_fails_none() {
    let mut client = keyed();
    let rooms = format!(r#"{{"a":{ALL},"b":{ALL}}}"#);
    looked(&mut client, 0, TOKEN_LOGIN, Ok(pass("bob", &rooms, 1000)));
    client.text(
        0,
        LOGIN_B.replace("\"u\"", "\"bob\"").as_str(),
        Sight::default(),
    );
    let got = looked(&mut client, 500, REFRESH, Err(Refused::Expired));
    assert_eq!(got, "EXPIRED", "it does not close");
    assert_eq!(client.ends(), Some(1000));
    let fewer = r#"{"b":["member","read"]}"#;
    let got = looked(&mut client, 500, REFRESH, Ok(pass("bob", fewer, 1000)));
    assert_eq!(got, "a: revoked; b: renewed; said");
    assert_eq!(client.ends(), Some(1500));
    for roomid in ["a", "b"] {
        let text = format!(r#"{{"event":"message","message":1,"roomid":"{roomid}"}}"#);
        assert_eq!(
            short(&client.text(600, &text, Sight::default())[0]),
            "NORIGHT"
        );
    }
    assert_eq!(
        short(&client.text(1499, LOGIN_A, Sight::default())[0]),
        "OTHERUID"
    );
    assert_eq!(
        short(&client.text(1500, MESSAGE, Sight::default())[0]),
        "Expired"
    );
}

#[test]
fn the_tokens_name_goes_before_the_clients() {
    let mut client = keyed();
    let mut pass = pass("bob", &format!(r#"{{"a":{ALL}}}"#), 1000);
    pass.name = serde_json::from_str::<Box<_>>("\"Bob\"")
        .ok()
        .map(Arc::from);
    looked(&mut client, 0, TOKEN_LOGIN, Ok(pass));
    let acts = client.text(
        0,
        r#"{"event":"message","message":1,"name":"Ann"}"#,
        Sight::default(),
    );
    let Act::Room(_, Event::Publish(out), _) = &acts[0] else {
        panic!("{acts:?}");
    };
    assert_eq!(out.fields, r#","message":1"#);
}

#[test]
fn without_a_key_a_token_is_not_looked_at() {
    let mut client = client();
    assert_eq!(
        short(&client.text(0, REFRESH, Sight::default())[0]),
        "BADEVENT"
    );
    assert_eq!(
        short(&client.text(0, TOKEN_LOGIN, Sight::default())[0]),
        "BADFIELD"
    );
    let login = r#"{"event":"login","uid":"u","roomid":"a","token":"t"}"#;
    assert_eq!(
        short(&client.text(0, login, Sight::default())[0]),
        "a: login 1"
    );
}
