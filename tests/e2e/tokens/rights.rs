//! What a good token allows, and what it does not.

use super::signed::{ALL, KeyFile, SECRET, actions, claims, codes, enter, login, signed, token};
use harness::client::Client;
use harness::client::texts;
use harness::eventually;
use harness::redis::Redis;
use harness::value::field;
use harness::value::int;
use harness::value::ok;
use serde_json::Value;
use serde_json::json;

#[test]
fn each_right_is_needed_for_what_it_is_called_after() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let mut ann = enter(proxy.port, &token("ann"));
    let only = signed(SECRET, &claims("bob", json!({"lobby": ["member", "read"]})));
    let mut bob = enter(proxy.port, &only);
    ann.say("hello");
    assert_eq!(bob.messages_until("hello").len(), 1, "it may read");
    let before = redis.digest("room:lobby");
    for (action, right) in actions() {
        bob.send(&action);
        let wanted = if right == "read" { "BADPOS" } else { "NORIGHT" };
        let error = bob.wait("error");
        assert_eq!(error["code"], wanted, "{action}: {error}");
    }
    assert_eq!(redis.digest("room:lobby"), before);
    // Who may not read gets nothing, and has it later.
    let mute = signed(
        SECRET,
        &claims("cid", json!({"lobby": ["member", "publish"]})),
    );
    let mut cid = enter(proxy.port, &mute);
    cid.say("from cid");
    ann.messages_until("from cid");
    bob.messages_until("from cid");
    let named = |event: &Value| event["event"] == "login" && event["uid"] == "cid";
    ann.find("cid came", named);
    assert!(!bob.seen.iter().any(named), "no names: {:?}", bob.seen);
    assert!(
        !format!("{:?}", bob.seen).contains("online"),
        "{:?}",
        bob.seen
    );
    assert_eq!(codes(&mut cid, false).0, Vec::<String>::new());
    assert!(cid.take_messages().is_empty());
    cid.send(&json!({"event": "ack", "position": "1-00000001"}));
    assert_eq!(cid.wait("error")["code"], "NORIGHT");
    cid.send(&json!({"event": "refresh", "token": token("cid")}));
    cid.messages_until("from cid");
}

#[test]
fn rooms_of_one_login_are_judged_by_themselves_and_the_tokens_name_wins() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let rooms = r#"{"open":["member","read"]}"#;
    let proxy = keys.proxy(&redis, &["--default-rooms", rooms]);
    let mut all = claims("bob", json!({"lobby": ALL, "news-*": ["member", "read"]}));
    all["name"] = "Bob".into();
    let mut bob = Client::connect(proxy.port);
    let rooms = json!([{"roomid": "lobby"}, {"roomid": "x"}, {"roomid": "news-1"}]);
    let given = signed(SECRET, &all);
    bob.send(
        &json!({"event": "login", "uid": "bob", "name": "Eve", "rooms": rooms, "token": given}),
    );
    let error = bob.wait("error");
    assert_eq!(
        (&error["code"], &error["roomid"]),
        (&"NORIGHT".into(), &"x".into())
    );
    for roomid in ["lobby", "news-1"] {
        let synced = |event: &Value| event["event"] == "synced" && event["roomid"] == roomid;
        bob.find(roomid, synced);
    }
    bob.send(&json!({"event": "message", "roomid": "lobby", "message": "hi", "name": "Eve"}));
    assert_eq!(bob.messages_until("hi")[0]["name"], "Bob");
    let mut none = claims("cid", Value::Null);
    none.as_object_mut().expect("an object").remove("rooms");
    let mut cid = Client::connect(proxy.port);
    let given = signed(SECRET, &none);
    cid.send(&json!({"event": "login", "roomid": "open", "token": given}));
    cid.wait("synced");
}

#[test]
fn who_has_no_right_to_history_gets_what_was_said_since_they_belong_to_the_room() {
    let redis = Redis::start();
    let key = KeyFile::new(SECRET);
    let proxy = key.proxy(&redis, &[]);
    let mut ann = Client::connect(proxy.port);
    ann.send(&login(&token("ann")));
    let start = ann.wait("login")["position"].clone();
    ann.wait("synced");
    // Who reads nothing keeps the log.
    ok(&mut redis.connect(), "ROOM.INVITE room:lobby carol");
    ann.say("before");
    ann.messages_until("before");
    let rights = json!({"lobby": ["member", "read", "publish"]});
    let comes = |since: &Value| {
        let mut device = Client::connect(proxy.port);
        let mut login = login(&signed(SECRET, &claims("bob", rights.clone())));
        login["since"] = since.clone();
        login["ack"] = "client".into();
        device.send(&login);
        let came = device.wait("synced")["position"].clone();
        (device, came)
    };
    // The position from before is no secret: others may have told it.
    let (mut phone, at) = comes(&start);
    assert!(texts(&phone.take_messages()).is_empty(), "{:?}", phone.seen);
    phone.drop_connection();
    let (mut laptop, _) = comes(&start);
    ann.say("since");
    let read = laptop.messages_until("since");
    laptop.send(&json!({"event": "ack", "position": read[0]["position"]}));
    eventually("the laptop has read on", || {
        let member = redis.run_words("ROOM.PENDING room:lobby bob").ok()?;
        (int(&field(&member, "pending")) == 0).then_some(())
    });
    let (mut phone, _) = comes(&at);
    assert_eq!(texts(&phone.take_messages()), ["since"]);
}

#[test]
fn without_history_no_position_brings_what_was_said_before_one_came() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let mut ann = enter(proxy.port, &token("ann"));
    ann.send(&json!({"event": "message", "roomid": "lobby", "message": "early", "id": "1"}));
    let sent = ann.wait("sent");
    let early = |since: &str, uid: &str, rights: &[&str]| {
        let mut client = Client::connect(proxy.port);
        let token = signed(SECRET, &claims(uid, json!({"lobby": rights})));
        client.send(&json!({"event": "login", "roomid": "lobby", "token": token, "since": since}));
        client.wait("synced");
        let seen = &client.seen;
        seen.iter().any(|event| event["message"] == "early")
    };
    for (i, since) in ["0-00000000", "1-00000000", "9-00000000"]
        .iter()
        .enumerate()
    {
        assert!(
            !early(since, &format!("m{i}"), &["member", "read"]),
            "{since}"
        );
        assert!(early(
            since,
            &format!("h{i}"),
            &["member", "read", "history"]
        ));
    }
    // Whose membership ended belongs to the room from now on only, though its position is a good one.
    ann.send(&json!({"event": "leave", "roomid": "lobby"}));
    ann.find("the end of the membership", |event| {
        event["event"] == "logout"
    });
    let mut bob = enter(proxy.port, &token("bob"));
    bob.send(&json!({"event": "message", "roomid": "lobby", "message": "early", "id": "2"}));
    bob.wait("sent");
    let position = sent["position"].as_str().expect("a position");
    assert!(!early(position, "ann", &["member", "read"]));
}
