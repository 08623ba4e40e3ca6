use super::*;
use crate::ask::{Dedupe, Joined, Published};
use crate::budget::admission::Admission;
use crate::rights::Rights;
use room_core::position::Tag;
use serde_json::{Value, json};

fn at(seq: u64) -> Position {
    Position::new(seq, Tag(1))
}

/// The text of the only frame in `frames`, by the length in its header.
fn text(frames: &[u8]) -> &str {
    assert_eq!(frames[0], 0x81, "a whole text frame");
    let (header, len) = match frames[1] {
        126 => (4, usize::from(u16::from_be_bytes([frames[2], frames[3]]))),
        127 => (
            10,
            u64::from_be_bytes(frames[2..10].try_into().unwrap()) as usize,
        ),
        len => (2, usize::from(len)),
    };
    assert_eq!(frames.len(), header + len, "one frame");
    str::from_utf8(&frames[header..]).unwrap()
}

fn value(frames: &[u8]) -> Value {
    serde_json::from_str(text(frames)).unwrap()
}

fn row(payload: &[u8]) -> Row {
    Row {
        seq: 7,
        ms: 9,
        uid: "alice".into(),
        payload: payload.into(),
    }
}

fn stored(payload: impl AsRef<[u8]>) -> BytesMut {
    let mut out = BytesMut::new();
    put_stored(&mut out, "lobby", at(7), &row(payload.as_ref()), 3, 2);
    out
}

fn live(kind: Kind, payload: impl AsRef<[u8]>) -> BytesMut {
    let header = Header {
        kind,
        db: 0,
        seq: 7,
        tag: Tag(1),
        ms: 9,
        online: 2,
        members: 3,
        uid: "alice",
    };
    let mut out = BytesMut::new();
    put_live(&mut out, "lobby", &header, payload.as_ref());
    out
}

fn of(uid: &str, name: Option<Box<RawValue>>, guest: bool) -> Login {
    Login {
        number: 1,
        uid: uid.into(),
        name: name.map(Into::into),
        since: None,
        history: 0,
        acks: false,
        guest,
        rights: Rights::ALL,
        told: None,
        admission: Admission::Free,
    }
}

#[test]
fn each_event_looks_as_the_readme_says() {
    let joined = Joined {
        position: at(3),
        pending: 4,
        resumed: true,
        new: false,
        members: 5,
        online: 2,
        ..Joined::default()
    };
    let remembering = Joined {
        dedupe: Some(Dedupe {
            now: 7,
            count: 100,
            age: 300_000,
        }),
        ..Joined::default()
    };
    let with_token = Login {
        told: Some(Told { ts: 5, expires: 9 }),
        ..of("u", None, false)
    };
    let name = RawValue::from_string("1.10".into()).unwrap();
    let gone = Lost {
        from: 2,
        to: 5,
        reason: "maxlen".into(),
    };
    let sent_as = |position: Option<_>| Published {
        seq: 4,
        duplicate: position.is_none(),
        position,
    };
    let about = |roomid: Option<&str>| About {
        event: Some("message".into()),
        roomid: roomid.map(str::to_owned),
        id: None,
    };
    let rows = [("a", true, 0), ("b\"", false, 7)].map(|(uid, online, pending)| Member {
        uid: uid.into(),
        pending,
        online,
    });
    let uids = ["a".to_owned(), "b\n".to_owned()];
    for (frame, wanted) in [
        (
            login("r", &of("u\\", Some(name), false), &joined),
            json!({"event": "login", "roomid": "r", "uid": "u\\", "name": 1.10, "position": "3-00000001", "pending": 4,
                "resumed": true, "new": false, "total": 5, "num": 2}),
        ),
        (
            login("r", &of("u", None, false), &Joined::default()),
            json!({"event": "login", "roomid": "r", "uid": "u", "name": null, "position": "0-00000000", "pending": 0,
                "resumed": false, "new": false, "total": 0, "num": 0}),
        ),
        (
            login("r", &of("u", None, true), &joined),
            json!({"event": "login", "roomid": "r", "uid": "u", "name": null, "position": "3-00000001", "pending": 4,
                "resumed": true, "new": false, "total": 5, "num": 2, "as": "guest"}),
        ),
        (
            login("r", &of("u", None, false), &remembering),
            json!({"event": "login", "roomid": "r", "uid": "u", "name": null, "position": "0-00000000", "pending": 0,
                "resumed": false, "new": false, "total": 0, "num": 0, "ts": 7, "dedupe-count": 100, "dedupe-age": 300_000}),
        ),
        (
            login("r", &with_token, &Joined::default()),
            json!({"event": "login", "roomid": "r", "uid": "u", "name": null, "position": "0-00000000", "pending": 0,
                "resumed": false, "new": false, "total": 0, "num": 0, "ts": 5, "expires": 9}),
        ),
        (
            login("r", &with_token, &remembering),
            json!({"event": "login", "roomid": "r", "uid": "u", "name": null, "position": "0-00000000", "pending": 0,
                "resumed": false, "new": false, "total": 0, "num": 0, "ts": 7, "expires": 9, "dedupe-count": 100,
                "dedupe-age": 300_000}),
        ),
        (
            reset("r", at(9), at(4)),
            json!({"event": "reset", "roomid": "r", "since": "9-00000001", "position": "4-00000001"}),
        ),
        (
            lost("r", &gone, at(5)),
            json!({"event": "lost", "roomid": "r", "from": 2, "to": 5, "reason": "maxlen", "position": "5-00000001"}),
        ),
        (
            synced("r", at(5), 3, 1),
            json!({"event": "synced", "roomid": "r", "position": "5-00000001", "total": 3, "num": 1}),
        ),
        (
            sent("r", "i\"", &sent_as(Some(at(4)))),
            json!({"event": "sent", "roomid": "r", "id": "i\"", "seq": 4, "position": "4-00000001", "duplicate": false}),
        ),
        (
            sent("r", "i", &sent_as(None)),
            json!({"event": "sent", "roomid": "r", "id": "i", "seq": 4, "position": null, "duplicate": true}),
        ),
        (
            error("BADFIELD", "no\nline", &about(None)),
            json!({"event": "error", "code": "BADFIELD", "message": "no\nline", "of": "message"}),
        ),
        (
            error("X", "y", &about(Some("r"))),
            json!({"event": "error", "code": "X", "message": "y", "of": "message", "roomid": "r"}),
        ),
        (
            logout("r", "u", None),
            json!({"event": "logout", "roomid": "r", "uid": "u"}),
        ),
        (
            logout("r", "u", Some("left")),
            json!({"event": "logout", "roomid": "r", "uid": "u", "reason": "left"}),
        ),
        (
            kicked("r", "u", "", None),
            json!({"event": "kicked", "roomid": "r", "uid": "u", "reason": ""}),
        ),
        (
            members("r", "12", &rows, 3, 1),
            json!({"event": "members", "roomid": "r", "cursor": "12", "total": 3, "num": 1, "members": [
                {"uid": "a", "online": true, "pending": 0}, {"uid": "b\"", "online": false, "pending": 7}]}),
        ),
        (
            members("r", "0", &[], 0, 0),
            json!({"event": "members", "roomid": "r", "cursor": "0", "total": 0, "num": 0, "members": []}),
        ),
        (
            presence("r", 3, 2, Some(&uids)),
            json!({"event": "presence", "roomid": "r", "total": 3, "num": 2, "online": ["a", "b\n"]}),
        ),
        (
            presence("r", 3, 2, None),
            json!({"event": "presence", "roomid": "r", "total": 3, "num": 2}),
        ),
        (
            heartbeat().clone(),
            json!({"event": "heartbeat", "message": "ping"}),
        ),
    ] {
        assert_eq!(value(&frame), wanted);
    }
    assert_eq!(&ping(258)[..], b"\x89\x08\0\0\0\0\0\0\x01\x02");
}

#[test]
fn what_is_appended_stands_behind_what_was_there() {
    let mut out = BytesMut::new();
    put_came(&mut out, "r", "u", 9, 3, 2);
    let came = out.len();
    put_went(&mut out, "r", "u", 9, 3, 2);
    let went = out.len();
    put_counters(&mut out, "r", 9, 3, 2);
    let counts = json!({"roomid": "r", "ts": 9, "total": 3, "num": 2});
    for (frame, event, uid) in [
        (&out[..came], "login", Some("u")),
        (&out[came..went], "logout", Some("u")),
        (&out[went..], "presence", None),
    ] {
        let mut wanted = counts.clone();
        wanted["event"] = event.into();
        if let Some(uid) = uid {
            wanted["uid"] = uid.into();
        }
        assert_eq!(value(frame), wanted);
    }
}

#[test]
fn the_servers_fields_win_and_the_rest_passes_through() {
    let payload = r#"{"event":"message","message":{"a":1.10},"uid":"eve","seq":99,"colour":"red"}"#;
    let wanted = json!({"event": "message", "message": {"a": 1.10}, "colour": "red", "uid": "alice", "roomid": "lobby",
        "seq": 7, "position": "7-00000001", "ts": 9, "total": 3, "num": 2});
    assert_eq!(value(&stored(payload)), wanted);
    assert_eq!(value(&live(Kind::Message, payload)), wanted);
}

#[test]
fn no_name_of_the_server_stands_there_twice() {
    let payload = r#"{"seq":1,"a":1,"s\u0065q":2,"uid":"eve","b":2,"uid":{"uid":0},"ts":[],"c":3,"total":0,"num":"",
        "position":"","roomid":0,"event":"x","ev\u0065nt":"kicked","duplicate":true}"#;
    let got = stored(payload);
    for name in ["seq", "uid", "ts", "total", "num", "position", "roomid"] {
        let written = text(&got).matches(&format!("\"{name}\":")).count();
        assert_eq!(written, 1, "{name}: {}", text(&got));
    }
    let start = r#"{"event":"message","a":1,"b":2,"c":3,"uid":"alice","roomid":"lobby","seq":7,"#;
    assert!(text(&got).starts_with(start), "{}", text(&got));
    assert!(!text(&got).contains('\\') && !text(&got).contains("duplicate"));
}

#[test]
fn numbers_and_spaces_stay_as_written() {
    let got = stored(r#"{"message": 1.10 ,"event":"", "big":123456789012345678901234567890}"#);
    let start = r#"{"event":"message","message": 1.10,"big":123456789012345678901234567890,"uid":"#;
    assert!(text(&got).starts_with(start), "{}", text(&got));
}

#[test]
fn other_payloads_become_messages() {
    for (payload, wanted) in [
        ("hello there", json!("hello there")),
        ("[1,2]", json!([1, 2])),
        (" 42\n", json!(42)),
        ("", json!("")),
        ("{\"broken\":", json!("{\"broken\":")),
        ("{} {}", json!("{} {}")),
        ("a\"\\\u{1}", json!("a\"\\\u{1}")),
        (r#"{"e\u0076ent":"x","m\u0065ssage":1}"#, json!(1)),
    ] {
        let got = value(&stored(payload));
        assert_eq!(
            (&got["event"], &got["message"]),
            (&json!("message"), &wanted)
        );
    }
    assert_eq!(value(&stored(r#"{"text":"no event"}"#))["text"], "no event");
    assert_eq!(value(&stored("{}"))["event"], "message");
    assert_eq!(value(&stored(b"a\xff"))["message"], "a\u{fffd}");
    assert_eq!(
        value(&stored(b"{\"a\":\"\xff\"}"))["message"],
        "{\"a\":\"\u{fffd}\"}"
    );
}

#[test]
fn what_common_readers_cannot_read_arrives_as_a_text() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let field = |value: &str| format!(r#"{{"event":"message","message":{value}}}"#);
    for (payload, readable) in [
        (field(&deep(READABLE_DEPTH - 1)), true),
        (field(&deep(READABLE_DEPTH)), false),
        (field(&deep(1000)), false),
        (deep(READABLE_DEPTH - 1), true),
        (deep(READABLE_DEPTH), false),
        (field(r#""\ud83e\udd80""#), true),
        (field(r#""\ud800""#), false),
        (r#"{"\ud800":1}"#.into(), false),
        (r#""\ud800""#.into(), false),
    ] {
        for frames in [stored(&payload), live(Kind::Message, &payload)] {
            // A reader that takes 128 brackets, and no half characters.
            let got = value(&frames);
            let as_text = got["message"] == Value::String(payload.clone());
            assert_eq!(as_text, !readable, "{payload}");
            assert_eq!((&got["seq"], &got["uid"]), (&json!(7), &json!("alice")));
        }
    }
}

#[test]
fn what_is_not_stored_never_looks_as_if_it_were() {
    for payload in ["hello", "[1]", r#"{"event":"message","message":1}"#, "{}"] {
        let got = value(&live(Kind::Ephemeral, payload));
        assert_eq!(got["event"], "event", "{payload}");
        assert!(
            got.get("seq").is_none() && got.get("position").is_none(),
            "{payload}"
        );
    }
    let got = value(&live(
        Kind::Ephemeral,
        r#"{"event":"typ\u0069ng","on":true}"#,
    ));
    assert_eq!(
        (&got["event"], &got["on"]),
        (&json!("typing"), &json!(true))
    );
    assert_eq!(
        value(&live(Kind::Ephemeral, r#"{"event":7}"#))["event"],
        "event"
    );
}

#[test]
fn nobody_can_forge_what_the_server_says() {
    for event in crate::wire::names::SERVER_EVENTS
        .iter()
        .chain(&["login", "logout"])
    {
        let payload = format!(r#"{{"event":"{event}","message":"x"}}"#);
        assert_eq!(value(&stored(&payload))["event"], "message");
        let ephemeral = live(Kind::Ephemeral, &payload);
        assert!(text(&ephemeral).starts_with(r#"{"event":"event""#));
    }
}

#[test]
fn any_json_may_be_a_name() {
    for name in ["1e999", "null", r#"{"a":[1]}"#] {
        let raw = RawValue::from_string(name.into()).unwrap();
        let frame = login("r", &of("u", Some(raw), false), &Joined::default());
        let end = format!(r#","name":{name}}}"#);
        assert!(text(&frame).ends_with(&end), "{}", text(&frame));
    }
}
