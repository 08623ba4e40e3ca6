//! `ROOM.PUBLISH`.

use crate::calls::{join, publish, with_id};
use crate::server::Server;
use crate::value::Value;
use room_core::commands::{Publish, Trim};
use room_core::limits::Limit;

fn ephemeral<'a>(uid: &'a str, payload: &'a str) -> Publish<'a> {
    Publish {
        ephemeral: true,
        ..publish(uid, payload)
    }
}

#[test]
fn a_message_is_stored_once_and_told() {
    let mut server = Server::settled();
    server.invite("r", &["a", "b", "c"]).unwrap();
    server.join(1, "r", join("a")).unwrap();
    let reply = server.publish(0, "r", publish("guest", "hi")).unwrap();
    let at = Value::Text(server.at("r", 1).to_string());
    let numbers = [1, 1, 2, 0].map(Value::Int);
    assert_eq!(reply.items()[..4], numbers);
    assert_eq!(reply.items()[4], at);
    let told = ("Message".into(), "guest".into(), "hi".into(), (1, 3));
    assert_eq!(server.told, [told]);
    assert_eq!(server.events.last().unwrap(), "room.publish");
    assert_eq!(server.counted["Published"], 1);
}

#[test]
fn a_room_may_be_born_by_a_publish_unless_it_says_not() {
    let mut server = Server::settled();
    let only = Publish {
        only_existing: true,
        ..publish("a", "x")
    };
    assert_eq!(server.publish(0, "r", only), Err("NOROOM".into()));
    let only = Publish {
        only_existing: true,
        ..ephemeral("a", "x")
    };
    assert_eq!(server.publish(0, "r", only), Err("NOROOM".into()));
    server.publish(0, "r", publish("a", "x")).unwrap();
    assert!(server.effects[0].contains(" a x BIRTH "));
    server.publish(0, "r", publish("a", "y")).unwrap();
    assert!(server.effects[1].ends_with(" a y"));
}

#[test]
fn a_retry_is_stored_once() {
    let mut server = Server::settled();
    server.settings.dedupe.age_ms = 1000;
    server.settings.dedupe.count = 2;
    let send = |server: &mut Server, uid: &str, id: &str| {
        let reply = server
            .publish(0, "r", with_id(publish(uid, "x"), id))
            .unwrap();
        let items = reply.items();
        (items[0].int(), items[3].int(), items[4] != Value::Null)
    };
    assert_eq!(send(&mut server, "a", "1"), (1, 0, true));
    assert_eq!(send(&mut server, "a", "1"), (1, 1, true));
    assert_eq!(
        send(&mut server, "b", "1"),
        (2, 0, true),
        "ids are a uid's own"
    );
    assert_eq!(server.effects.len(), 2, "a retry sends nothing");
    assert_eq!(server.counted["Duplicates"], 1);
    // A retry whose message is freed has no position.
    server.trim("r", Trim::MaxLen(1)).unwrap();
    assert_eq!(send(&mut server, "a", "1"), (1, 1, false));
    assert_eq!(send(&mut server, "b", "1"), (2, 1, true));
    // Only so many are remembered, and only for so long.
    send(&mut server, "a", "2");
    send(&mut server, "a", "3");
    assert_eq!(
        send(&mut server, "a", "1"),
        (5, 0, true),
        "too many came since"
    );
    server.pass(1000);
    assert_eq!(send(&mut server, "a", "3").1, 1);
    server.pass(1);
    assert_eq!(send(&mut server, "a", "3").1, 0);
    server.settings.dedupe.count = 0;
    assert_eq!(send(&mut server, "a", "3").1, 0, "switched off");
}

#[test]
fn a_retry_is_told_also_where_redis_is_full() {
    let mut server = Server::settled();
    server
        .publish(0, "r", with_id(publish("a", "x"), "1"))
        .unwrap();
    server.full = true;
    assert_eq!(server.publish(0, "r", publish("a", "y")), Err("OOM".into()));
    assert_eq!(server.publish(0, "x", publish("a", "y")), Err("OOM".into()));
    let again = server.publish(0, "r", with_id(publish("a", "x"), "1"));
    assert_eq!(again.unwrap().items()[3].int(), 1);
    server.publish(0, "r", ephemeral("a", "typing")).unwrap();
}

#[test]
fn what_is_announced_only() {
    let mut server = Server::settled();
    let reply = server
        .publish(0, "nowhere", ephemeral("a", "typing"))
        .unwrap();
    let numbers = [0, 0, 0, 0].map(Value::Int);
    assert_eq!(reply.items()[..4], numbers);
    assert_eq!(reply.items()[4], Value::Null);
    assert_eq!(server.told[0].0, "Ephemeral");
    assert!(server.rooms.is_empty() && server.effects.is_empty() && server.events.is_empty());
}

#[test]
fn what_cannot_be_said() {
    let mut server = Server::settled();
    server.settings.max_payload = 4;
    let mut refused = |publish: Publish<'_>| server.publish(0, "r", publish).unwrap_err();
    assert_eq!(refused(publish("a", "12345")), "TOOBIG");
    assert_eq!(refused(ephemeral("a", "12345")), "TOOBIG");
    assert_eq!(refused(publish("a b", "1")), "BADUID");
    assert_eq!(refused(with_id(publish("a", "1"), "")), "BADID");
    assert_eq!(
        refused(with_id(publish("a", "1"), &"x".repeat(65))),
        "BADID"
    );
    server.publish(0, "r", publish("a", "1234")).unwrap();
    server.publish(0, "r", publish("a", "")).unwrap();
}

#[test]
fn limits_drop_the_oldest_but_never_the_newest() {
    let mut server = Server::settled();
    server.settings.limits.set(Limit::MaxLen, 2);
    server.invite("r", &["away"]).unwrap();
    server.say("r", "a", 3);
    assert_eq!(server.room("r").log().first(), 2);
    assert_eq!(server.counted["Dropped"], 1);
    server.limits("r", &[("maxbytes", "1")]).unwrap();
    server.say("r", "a", 1);
    assert_eq!(server.room("r").log().len(), 1);
    let reply = server.join(1, "r", join("away")).unwrap();
    let words = reply.get("lost").items();
    assert_eq!((words[0].int(), words[1].int()), (1, 3));
    assert_eq!(words[2].text(), "maxlen", "why the first one went");
}

#[test]
fn who_publishes_is_no_newcomer() {
    let mut server = Server::settled();
    server.join(1, "r", join("a")).unwrap();
    server.say("r", "b", 1);
    assert!(server.room("r").member(b"a").unwrap().newcomer);
    server.say("r", "a", 1);
    assert!(!server.room("r").member(b"a").unwrap().newcomer);
}

#[test]
fn a_clock_that_is_set_back_keeps_the_order_of_times() {
    let mut server = Server::settled();
    server.say("r", "a", 1);
    let first = server.room("r").log().last_ms();
    server.wall -= 3_600_000;
    server.say("r", "a", 1);
    assert_eq!(server.room("r").log().last_ms(), first);
}
