use super::*;
use room_core::announce::Kind;
use room_core::position::Tag;
use serde_json::Value;

fn header() -> Header<'static> {
    Header {
        kind: Kind::Message,
        db: 0,
        seq: 7,
        tag: Tag(1),
        ms: 9,
        online: 2,
        members: 3,
        uid: "alice",
    }
}

fn delivered(payload: &str) -> Value {
    let position = Position::new(7, Tag(1));
    serde_json::from_str(&delivery(
        "lobby",
        &header(),
        payload.as_bytes(),
        Some(position),
    ))
    .unwrap()
}

#[test]
fn the_servers_fields_win_and_the_rest_passes_through() {
    let got = delivered(
        r#"{"event":"message","message":{"a":1.10},"uid":"eve","seq":99,"colour":"red"}"#,
    );
    assert_eq!(got["uid"], "alice");
    assert_eq!(
        (&got["seq"], &got["position"]),
        (&json!(7), &json!("7-00000001"))
    );
    assert_eq!(
        (&got["total"], &got["num"], &got["roomid"]),
        (&json!(3), &json!(2), &json!("lobby"))
    );
    assert_eq!(got["colour"], "red");
}

#[test]
fn numbers_stay_as_written() {
    let position = Some(Position::new(7, Tag(1)));
    let text = delivery(
        "r",
        &header(),
        br#"{"message":1.10,"big":123456789012345678901234567890}"#,
        position,
    );
    assert!(
        text.contains(r#""message":1.10"#) && text.contains("123456789012345678901234567890"),
        "{text}"
    );
}

#[test]
fn other_payloads_become_messages() {
    assert_eq!(delivered("hello there")["message"], "hello there");
    assert_eq!(delivered("[1,2]")["message"], json!([1, 2]));
    assert_eq!(delivered("42")["message"], 42);
    assert_eq!(delivered("{\"broken\":")["message"], "{\"broken\":");
    assert_eq!(delivered(r#"{"text":"no event"}"#)["event"], "message");
    assert_eq!(
        delivered(r#"{"e\u0076ent":"x","m\u0065ssage":1}"#)["message"],
        1
    );
}

#[test]
fn what_is_not_stored_never_looks_as_if_it_were() {
    for payload in ["hello", "[1]", r#"{"event":"message","message":1}"#] {
        let event: Value =
            serde_json::from_str(&delivery("r", &header(), payload.as_bytes(), None)).unwrap();
        assert_eq!(event["event"], "event", "{payload}");
    }
}

#[test]
fn any_json_may_be_a_name() {
    for name in ["1e999", r#""\ud800""#, "null", r#"{"a":[1]}"#] {
        let raw = RawValue::from_string(name.into()).unwrap();
        let object = with_name(r#"{"event":"login"}"#.into(), Some(&raw));
        assert_eq!(object, format!(r#"{{"event":"login","name":{name}}}"#));
    }
}

#[test]
fn nobody_can_forge_what_the_server_says() {
    for event in SERVER_EVENTS.iter().chain(&["login", "logout"]) {
        let payload = format!(r#"{{"event":"{event}","message":"x"}}"#);
        assert_eq!(delivered(&payload)["event"], "message");
        let ephemeral = delivery("r", &header(), payload.as_bytes(), None);
        assert!(ephemeral.starts_with(r#"{"event":"event""#), "{ephemeral}");
    }
    for event in SERVER_EVENTS {
        let bad = parse(&format!(r#"{{"event":"{event}"}}"#)).unwrap_err();
        assert_eq!(bad.code, "BADEVENT");
    }
}

#[test]
fn the_tutorials_client_is_understood() {
    let login = parse(r#"{"event":"login","name":"Al","roomid":"1","uid":"u1"}"#);
    assert!(matches!(login, Ok(ClientEvent::Login(login)) if login.uid == "u1" && !login.acks));
    let login = parse(r#"{"event":"login","name":"Al","roomid":1,"uid":42}"#);
    assert!(
        matches!(login, Ok(ClientEvent::Login(login)) if login.uid == "42" && login.roomid == "1")
    );
    assert!(matches!(
        parse(r#"{"event":"message","message":"hi"}"#),
        Ok(ClientEvent::Message(_))
    ));
    assert!(matches!(
        parse(r#"{"event":"heartbeat","message":"pong"}"#),
        Ok(ClientEvent::Heartbeat { answers: true })
    ));
    assert!(matches!(
        parse(r#"{"event":"heartbeat","message":"ping"}"#),
        Ok(ClientEvent::Heartbeat { answers: false })
    ));
    assert!(matches!(
        parse(r#"{"event":"typing","on":true}"#),
        Ok(ClientEvent::Other(_))
    ));
}

#[test]
fn bad_input_gets_a_code() {
    for (text, code) in [
        ("", "BADJSON"),
        ("[]", "BADJSON"),
        ("nonsense", "BADJSON"),
        ("{}", "BADEVENT"),
        (r#"{"event":7}"#, "BADEVENT"),
        (r#"{"event":""}"#, "BADEVENT"),
        (r#"{"event":"login"}"#, "BADFIELD"),
        (r#"{"event":"login","roomid":"a b","uid":"u"}"#, "BADFIELD"),
        (r#"{"event":"login","roomid":"a","uid":"u v"}"#, "BADUID"),
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
            r#"{"event":"login","roomid":"a","uid":"u","ack":"x"}"#,
            "BADFIELD",
        ),
        (r#"{"event":"message"}"#, "BADFIELD"),
        (r#"{"event":"message","message":1,"id":""}"#, "BADID"),
        (r#"{"event":"ack"}"#, "BADFIELD"),
        (r#"{"event":"ack","position":"x"}"#, "BADPOS"),
    ] {
        assert_eq!(parse(text).map(|_| ()).unwrap_err().code, code, "{text}");
    }
}

#[test]
fn a_payload_takes_the_name_of_the_login() {
    let Ok(ClientEvent::Message(message)) =
        parse(r#"{"event":"message","message":"hi","seq":1,"total":5}"#)
    else {
        panic!("a message");
    };
    let name = RawValue::from_string("\"Al\"".into()).unwrap();
    assert_eq!(
        message.payload(Some(&name)),
        r#"{"event":"message","message":"hi","name":"Al"}"#
    );
}
