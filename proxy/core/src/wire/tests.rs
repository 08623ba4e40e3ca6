use super::names::SERVER_EVENTS;
use super::parse::{MAX_DEPTH, MAX_FIELDS, MAX_NAME, MAX_ROOMS};
use super::*;
use room_core::position::{Position, Tag};
use serde_json::value::RawValue;

fn code(text: &str) -> &'static str {
    parse(text).map_or_else(|bad| bad.code, |_| "")
}

fn login(text: &str) -> Login {
    match parse(text) {
        Ok(ClientEvent::Login(login)) => login,
        other => panic!("{text}: {other:?}"),
    }
}

fn message(text: &str) -> Outgoing {
    match parse(text) {
        Ok(ClientEvent::Message(message)) => message,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_tutorials_client_is_understood() {
    let got = login(r#"{"event":"login","name":"Al","roomid":"1","uid":"u1"}"#);
    assert!(got.uid.as_deref() == Some("u1") && !got.acks);
    let got = login(r#"{"event":"login","name":"Al","roomid":1,"uid":42}"#);
    assert!(got.uid.as_deref() == Some("42") && got.rooms[0].roomid == "1");
    assert!(matches!(
        parse(r#"{"event":"message","message":"hi"}"#),
        Ok(ClientEvent::Message(_))
    ));
    assert!(matches!(
        parse(r#"{"event":"heartbeat","message":"pong"}"#),
        Ok(ClientEvent::Pong)
    ));
    assert!(matches!(
        parse(r#"{"event":"heartbeat","message":"ping"}"#),
        Ok(ClientEvent::Heartbeat { asks: true })
    ));
    assert!(matches!(
        parse(r#"{"event":"typing","on":true}"#),
        Ok(ClientEvent::Other(_))
    ));
}

#[test]
fn bad_input_gets_a_code() {
    for (text, wanted) in [
        ("", "BADJSON"),
        ("[]", "BADJSON"),
        ("7", "BADJSON"),
        ("nonsense", "BADJSON"),
        (r#"{"event":"x",}"#, "BADJSON"),
        ("{}", "BADEVENT"),
        (r#"{"event":7}"#, "BADEVENT"),
        (r#"{"event":""}"#, "BADEVENT"),
        (r#"{"event":"login"}"#, "BADFIELD"),
        (r#"{"event":"login","uid":"u"}"#, "BADFIELD"),
        (r#"{"event":"login","roomid":null,"uid":"u"}"#, "BADFIELD"),
        (r#"{"event":"login","roomid":"a","uid":null}"#, "BADFIELD"),
        (r#"{"event":"login","roomid":"a b","uid":"u"}"#, "BADFIELD"),
        (r#"{"event":"login","roomid":"a","uid":"u v"}"#, "BADUID"),
        (r#"{"event":"login","roomid":"a","uid":""}"#, "BADUID"),
        (r#"{"event":"login","roomid":"a","uid":{}}"#, "BADFIELD"),
        (
            r#"{"event":"login","roomid":"a","uid":"u","since":"7"}"#,
            "BADPOS",
        ),
        (
            r#"{"event":"login","roomid":"a","uid":"u","history":-1}"#,
            "BADFIELD",
        ),
        (
            r#"{"event":"login","roomid":"a","uid":"u","as":"Guest"}"#,
            "BADFIELD",
        ),
        (
            r#"{"event":"login","roomid":"a","uid":"u","ack":"x"}"#,
            "BADFIELD",
        ),
        (
            r#"{"event":"login","roomid":"a","uid":"u","v":2}"#,
            "BADFIELD",
        ),
        (r#"{"event":"message"}"#, "BADFIELD"),
        (r#"{"event":"message","message":1,"id":""}"#, "BADID"),
        (r#"{"event":"message","message":1,"id":7}"#, "BADFIELD"),
        (r#"{"event":"ack"}"#, "BADFIELD"),
        (r#"{"event":"ack","position":"x"}"#, "BADPOS"),
        (r#"{"event":"members","cursor":"x"}"#, "BADFIELD"),
    ] {
        assert_eq!(code(text), wanted, "{text}");
    }
    for event in SERVER_EVENTS {
        assert_eq!(code(&format!(r#"{{"event":"{event}"}}"#)), "BADEVENT");
    }
}

#[test]
fn null_is_as_if_it_were_not_there() {
    let got = login(
        r#"{"event":"login","roomid":"a","uid":"u","since":null,"history":null,"ack":null,"v":null,"rooms":null}"#,
    );
    assert_eq!(
        (got.rooms[0].since, got.rooms[0].history, got.acks),
        (None, 0, false)
    );
    assert_eq!(got.name.map(|name| name.to_string()), None);
    assert_eq!(
        message(r#"{"event":"message","message":null,"id":null}"#).id,
        None
    );
}

/// `{"event":"message","message":…}` in which the value is `levels` brackets deep.
fn nested(levels: usize) -> String {
    let (open, close) = ("[".repeat(levels), "]".repeat(levels));
    format!(r#"{{"event":"message","id":"i","message":{open}{close}}}"#)
}

fn of_fields(many: usize) -> String {
    let more: String = (2..many).map(|i| format!(r#","f{i}":1"#)).collect();
    format!(r#"{{"event":"message","message":1{more}}}"#)
}

fn named(name: &str) -> String {
    format!(r#"{{"event":"login","roomid":"a","uid":"u","name":{name}}}"#)
}

#[test]
fn what_common_readers_cannot_read_is_refused_at_the_door() {
    let text = |letter: &str, many| format!("\"{}\"", letter.repeat(many));
    for (text, wanted) in [
        (nested(MAX_DEPTH - 1), ""),
        (nested(MAX_DEPTH), "BADFIELD"),
        (nested(100_000), "BADFIELD"),
        (of_fields(MAX_FIELDS), ""),
        (of_fields(MAX_FIELDS + 1), "BADFIELD"),
        (of_fields(7000), "BADFIELD"),
        (named(&text("x", MAX_NAME)), ""),
        (named(&text("x", MAX_NAME + 1)), "BADFIELD"),
        (named(&text(r"\u00e9", MAX_NAME / 2)), ""),
        (named(&text(r"\u00e9", MAX_NAME / 2 + 1)), "BADFIELD"),
        (named(&format!("[{}]", text("x", MAX_NAME - 4))), ""),
        (named(&format!("[{}]", text("x", MAX_NAME - 3))), "BADFIELD"),
        (named(r#""\ud83e\udd80""#), ""),
        (named(r#""\ud800""#), "BADFIELD"),
        (named(r#"{"a":[1e999,null]}"#), ""),
        (
            r#"{"event":"message","message":"\udead"}"#.into(),
            "BADFIELD",
        ),
        (
            r#"{"event":"message","message":[{"\ud800":1}]}"#.into(),
            "BADFIELD",
        ),
        (r#"{"event":"typing","\ud800":1}"#.into(), "BADFIELD"),
        (r#"{"event":"\ud800"}"#.into(), "BADFIELD"),
    ] {
        assert_eq!(code(&text), wanted, "{}", &text[..text.len().min(100)]);
    }
}

#[test]
fn an_error_names_what_it_answers_wherever_that_can_be_read() {
    let about = parse(&nested(1000)).expect_err("too deep").about;
    assert_eq!(about.event.as_deref(), Some("message"));
    assert_eq!(about.id.as_deref(), Some("i"));
    let bad = parse(r#"{"event":"message","roomid":"r","id":"i"}"#).expect_err("no message");
    assert_eq!(bad.about.roomid.as_deref(), Some("r"));
    assert_eq!(
        parse("{").expect_err("no JSON").about,
        About::default(),
        "nothing is known"
    );
    let bad = parse("{\"event\": \"x\"\n,}").expect_err("no JSON");
    assert!(bad.message.contains("line 2"), "{}", bad.message);
}

#[test]
fn a_login_may_name_many_rooms() {
    let got = login(
        r#"{"event":"login","uid":"u","ack":"client","name":"U","v":1,"token":"t","rooms":[
            {"roomid":"a"},{"roomid":7,"since":"3-00000001","history":5,"more":[]},{"roomid":"c","since":null}]}"#,
    );
    let entry = |roomid: &str, since, history| Entry {
        roomid: roomid.to_owned(),
        since,
        history,
        role: None,
    };
    let since = Some(Position::new(3, Tag(1)));
    let wanted = [
        entry("a", None, 0),
        entry("7", since, 5),
        entry("c", None, 0),
    ];
    assert_eq!(got.rooms, wanted);
    assert!(got.acks && got.uid.as_deref() == Some("u"));
}

#[test]
fn a_login_may_say_as_what() {
    let roles = |more: &str| {
        let text = format!(r#"{{"event":"login","uid":"u",{more}}}"#);
        let rooms = login(&text).rooms;
        rooms.iter().map(|entry| entry.role).collect::<Vec<_>>()
    };
    let (guest, member) = (Some(Role::Guest), Some(Role::Member));
    assert_eq!(roles(r#""roomid":"a""#), [None]);
    assert_eq!(roles(r#""roomid":"a","as":null"#), [None]);
    assert_eq!(roles(r#""roomid":"a","as":"guest""#), [guest]);
    assert_eq!(roles(r#""roomid":"a","as":"member""#), [member]);
    // Of all rooms, but for those that say it themselves.
    let rooms = r#""as":"guest","rooms":[{"roomid":"a"},{"roomid":"b","as":"member"}]"#;
    assert_eq!(roles(rooms), [guest, member]);
}

#[test]
fn a_list_of_rooms_is_right_or_refused_as_a_whole() {
    let of = |many: usize| {
        let rooms: Vec<String> = (0..many).map(|i| format!(r#"{{"roomid":{i}}}"#)).collect();
        format!("[{}]", rooms.join(","))
    };
    for (rooms, wanted) in [
        (of(1), ""),
        (of(MAX_ROOMS), ""),
        (of(MAX_ROOMS + 1), "BADFIELD"),
        (of(0), "BADFIELD"),
        ("{}".into(), "BADFIELD"),
        ("[7]".into(), "BADFIELD"),
        ("[{}]".into(), "BADFIELD"),
        (r#"[{"roomid":null}]"#.into(), "BADFIELD"),
        (r#"[{"roomid":"a b"}]"#.into(), "BADFIELD"),
        (r#"[{"roomid":"a"},{"roomid":"a"}]"#.into(), "BADFIELD"),
        (r#"[{"roomid":"1"},{"roomid":1}]"#.into(), "BADFIELD"),
        (r#"[{"roomid":"a","since":"x"}]"#.into(), "BADPOS"),
        (r#"[{"roomid":"a","since":7}]"#.into(), "BADFIELD"),
        (r#"[{"roomid":"a","history":-1}]"#.into(), "BADFIELD"),
        (r#"[{"roomid":"a","as":"owner"}]"#.into(), "BADFIELD"),
        (r#"[{"roomid":"a"}],"roomid":"b""#.into(), "BADFIELD"),
        (
            r#"[{"roomid":"a"}],"since":"3-00000001""#.into(),
            "BADFIELD",
        ),
        (r#"[{"roomid":"a"}],"history":5"#.into(), "BADFIELD"),
    ] {
        let text = format!(r#"{{"event":"login","uid":"u","rooms":{rooms}}}"#);
        assert_eq!(code(&text), wanted, "{text}");
    }
}

#[test]
fn one_person_is_one_uid_however_it_was_typed() {
    for (given, wanted) in [
        ("Ame\u{301}lie", "Am\u{e9}lie"),
        ("Am\u{e9}lie", "Am\u{e9}lie"),
        (r"e\u0301", "\u{e9}"),
        ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
        // Not the same letter, only one that looks like it.
        ("\u{ff21}", "\u{ff21}"),
    ] {
        let got = login(&format!(
            r#"{{"event":"login","roomid":"a","uid":"{given}"}}"#
        ));
        assert_eq!(got.uid.as_deref(), Some(wanted), "{given}");
    }
    // 192 bytes that become 128, and one letter more.
    let long = |many| {
        let uid = "e\u{301}".repeat(many);
        code(&format!(
            r#"{{"event":"login","roomid":"a","uid":"{uid}"}}"#
        ))
    };
    assert_eq!((long(64), long(65), long(10_000)), ("", "BADUID", "BADUID"));
}

#[test]
fn a_payload_takes_the_name_of_the_login() {
    let name = RawValue::from_string("\"Al\"".into()).expect("JSON");
    let payload = |text: &str| message(text).payload(Some(&name));
    assert_eq!(
        payload(r#"{"event":"message","message":"hi","seq":1,"total":5}"#),
        r#"{"event":"message","message":"hi","name":"Al"}"#
    );
    assert_eq!(
        payload(r#"{"name":null,"event":"message","message":1.10}"#),
        r#"{"event":"message","name":null,"message":1.10}"#
    );
    assert_eq!(
        message(r#"{"event":"message","message":1}"#).payload(None),
        r#"{"event":"message","message":1}"#
    );
}

#[test]
fn a_payload_keeps_the_clients_fields_and_id_as_written_and_none_of_the_servers() {
    let text = r#"{ "roomid":"r", "event" : "mess\u0061ge" ,"message" : {"uid": 1.10} , "id":"i\/1",
        "u\u0069d":"eve","position":"9-00000001","big":123456789012345678901234567890,"ts":1,"num":0,"duplicate":true}"#;
    let got = message(text);
    assert_eq!(
        (got.id.as_deref(), got.roomid.as_deref()),
        (Some("i/1"), Some("r"))
    );
    assert_eq!(
        got.payload(None),
        r#"{"event":"message","message" : {"uid": 1.10} , "id":"i\/1","big":123456789012345678901234567890}"#
    );
    let Ok(ClientEvent::Other(event)) = parse(r#"{"event":"a\"b\n","x":[]}"#) else {
        panic!("an event of somebody");
    };
    assert_eq!(event.payload(None), r#"{"event":"a\"b\n","x":[]}"#);
}

#[test]
fn a_token_is_read_and_not_shown() {
    let got = login(r#"{"event":"login","roomid":"a","token":"secret"}"#);
    assert!(got.token.is_some() && got.uid.is_none());
    assert!(!format!("{got:?}").contains("secret"));
    // Where nobody asks for one it may be anything.
    let got = login(r#"{"event":"login","roomid":"a","uid":"u","token":5}"#);
    assert!(got.token.is_none());
    let refresh = parse(r#"{"event":"refresh","token":"secret"}"#);
    assert!(matches!(refresh, Ok(ClientEvent::Refresh(_))));
    assert!(!format!("{refresh:?}").contains("secret"));
    assert_eq!(code(r#"{"event":"refresh","token":5}"#), "BADFIELD");
    // The server uses this name: others could take one of a client for its own.
    assert_eq!(code(r#"{"event":"refresh","expires":1}"#), "BADFIELD");
}

#[test]
fn a_name_can_be_taken_away() {
    for (text, wanted) in [
        (
            r#"{"event":"message","message":1,"name":"x","a":2}"#,
            r#","message":1,"a":2"#,
        ),
        (
            r#"{"event":"message","name":"x","message":1,"\u006eame":{"y":3}}"#,
            r#","message":1"#,
        ),
        (r#"{"event":"message","message":1}"#, r#","message":1"#),
    ] {
        let mut message = message(text);
        message.drop_name();
        assert_eq!(message.fields, wanted, "{text}");
        let name = RawValue::from_string("\"Ann\"".into()).unwrap();
        assert!(message.payload(Some(&name)).ends_with(r#","name":"Ann"}"#));
    }
}

#[test]
fn what_a_backend_says_is_a_message_with_a_uid() {
    let said = |text: &str| spoken(text, "a/b");
    let got = said(r#"{"uid":"bot","message":{"a":1.50},"id":"x","seq":7,"name":"Bot"}"#).unwrap();
    assert_eq!(
        (got.uid.as_str(), got.message.id.as_deref()),
        ("bot", Some("x"))
    );
    let wire = message(r#"{"event":"message","message":{"a":1.50},"id":"x","seq":7,"name":"Bot"}"#);
    assert_eq!(
        got.message.payload(None),
        wire.payload(None),
        "as on the wire"
    );
    for fine in [
        r#"{"uid":7,"message":null}"#,
        r#"{"event":"message","roomid":"a/b","uid":"u","message":1}"#,
    ] {
        said(fine).unwrap();
    }
    let deep = format!(
        r#"{{"uid":"u","message":{}1{}}}"#,
        "[".repeat(32),
        "]".repeat(32)
    );
    let fields: String = (0..63).map(|n| format!(r#","f{n}":0"#)).collect();
    for (text, wanted) in [
        ("[]", "BADJSON"),
        ("{", "BADJSON"),
        (r#"{"message":1}"#, "BADFIELD"),
        (r#"{"uid":null,"message":1}"#, "BADFIELD"),
        (r#"{"uid":"a b","message":1}"#, "BADUID"),
        (r#"{"uid":"u"}"#, "BADFIELD"),
        (r#"{"uid":"u","message":1,"event":"login"}"#, "BADFIELD"),
        (r#"{"uid":"u","message":1,"event":7}"#, "BADFIELD"),
        (r#"{"uid":"u","message":1,"roomid":"other"}"#, "BADFIELD"),
        (r#"{"uid":"u","message":1,"id":""}"#, "BADID"),
        (r#"{"uid":"u","message":"\ud800"}"#, "BADFIELD"),
        (
            &format!(r#"{{"uid":"u","message":1,"name":"{}"}}"#, "x".repeat(300)),
            "BADFIELD",
        ),
        (&format!(r#"{{"uid":"u","message":1{fields}}}"#), "BADFIELD"),
        (&deep, "BADFIELD"),
    ] {
        assert_eq!(said(text).unwrap_err().code, wanted, "{text}");
    }
}
