//! Guests by token.

use super::signed::{KeyFile, SECRET, claims, enter, login, signed, token};
use harness::client::{Client, texts};
use harness::redis::Redis;
use harness::value::{field, int, ok};
use serde_json::{Value, json};

fn of(rights: &[&str]) -> String {
    signed(SECRET, &claims("bob", json!({"lobby": rights})))
}

fn with(token: &str, more: &[(&str, Value)]) -> Value {
    let mut login = login(token);
    for (name, value) in more {
        login[*name] = value.clone();
    }
    login
}

#[test]
fn a_token_lets_a_guest_in_with_or_without_what_was_said() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let mut ann = enter(proxy.port, &token("ann"));
    ann.say("one");
    let one = ann.messages_until("one").remove(0);
    ann.say("two");
    let two = ann.messages_until("two").remove(0);
    let (few, more) = (of(&["guest", "read"]), of(&["guest", "read", "history"]));
    // Without the right `history` the head is where it begins, whatever the client says.
    let mut bob = Client::connect(proxy.port);
    bob.send(&with(&few, &[("history", json!(5))]));
    assert_eq!(bob.wait("error")["code"], "NORIGHT");
    bob.send(&with(&few, &[("since", one["position"].clone())]));
    let welcome = bob.wait("login");
    assert_eq!(
        (&welcome["as"], &welcome["position"]),
        (&"guest".into(), &two["position"])
    );
    let lost = bob.wait("lost");
    assert_eq!(
        (&lost["from"], &lost["to"], &lost["reason"]),
        (&2.into(), &2.into(), &"no-history".into())
    );
    bob.wait("synced");
    for (event, code) in [
        (json!({"event": "message", "message": "x"}), "NORIGHT"),
        (json!({"event": "typing"}), "NORIGHT"),
        (json!({"event": "members"}), "NORIGHT"),
        (json!({"event": "leave"}), "NORIGHT"),
        (with(&few, &[("as", json!("member"))]), "NORIGHT"),
        (with(&few, &[("as", json!("owner"))]), "BADFIELD"),
    ] {
        bob.send(&event);
        assert_eq!(bob.wait("error")["code"], code, "{event}");
    }
    ann.say("three");
    assert_eq!(texts(&bob.messages_until("three")), ["three"]);
    // With it, from where it likes.
    let mut hal = Client::connect(proxy.port);
    hal.send(&with(&more, &[("since", one["position"].clone())]));
    hal.wait("synced");
    assert_eq!(texts(&hal.take_messages()), ["two", "three"]);
    let mut hal = Client::connect(proxy.port);
    hal.send(&with(&more, &[("history", json!(2))]));
    hal.wait("synced");
    assert_eq!(texts(&hal.take_messages()), ["two", "three"]);
    let info = ok(&mut redis.connect(), "ROOM.INFO room:lobby");
    assert_eq!(int(&field(&info, "members")), 1);
    // A token that makes him a member does so at his next login.
    bob.send(&json!({"event": "refresh", "token": token("bob")}));
    assert_eq!(bob.wait("error")["code"], "NORIGHT");
    bob.send(&login(&token("bob")));
    bob.wait("synced");
    let info = ok(&mut redis.connect(), "ROOM.INFO room:lobby");
    assert_eq!(int(&field(&info, "members")), 2);
}

#[test]
fn who_may_be_both_chooses() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let both = of(&["guest", "member", "read"]);
    let members = |redis: &Redis| {
        let info = ok(&mut redis.connect(), "ROOM.INFO room:lobby");
        int(&field(&info, "members"))
    };
    enter(proxy.port, &token("ann"));
    let mut bob = Client::connect(proxy.port);
    bob.send(&with(&both, &[("as", json!("guest"))]));
    bob.wait("synced");
    assert_eq!(members(&redis), 1);
    bob.send(&login(&both));
    bob.wait("synced");
    assert_eq!(members(&redis), 2);
    let mut eve = Client::connect(proxy.port);
    eve.send(&with(&token("eve"), &[("as", json!("guest"))]));
    assert_eq!(eve.wait("error")["code"], "NORIGHT", "only a member");
}
