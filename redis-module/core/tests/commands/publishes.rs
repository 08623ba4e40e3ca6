//! `ROOM.PUBLISH`.

use crate::calls::{join, publish, with_id, with_room_id};
use crate::server::{Server, loaded};
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

/// Publishes with an id of the room: number, whether it was there, and what is said of how long ids are remembered.
fn send_here(server: &mut Server, uid: &str, id: &str) -> Result<(u64, u64, (u64, u64)), String> {
    let reply = server.publish(0, "r", with_room_id(publish(uid, "x"), id))?;
    let items = reply.items();
    assert_eq!(items.len(), 7);
    let key = server.key("r");
    server.check_replica(&key);
    let room = server.room("r");
    assert_eq!(
        loaded(room).seen_here(id.as_bytes()),
        room.seen_here(id.as_bytes())
    );
    let remembered = (items[5].int(), items[6].int());
    Ok((items[0].int(), items[3].int(), remembered))
}

#[test]
fn an_id_of_the_room_is_the_same_whoever_publishes() {
    let mut server = Server::settled();
    server.settings.dedupe.age_ms = 1000;
    server.settings.dedupe.count = 1;
    server.settings.room_ids = 3;
    let told = (1000, 3);
    let send = send_here;
    assert_eq!(send(&mut server, "a", "1"), Ok((1, 0, told)));
    assert_eq!(send(&mut server, "a", "1"), Ok((1, 1, told)));
    assert_eq!(send(&mut server, "b", "1"), Ok((1, 1, told)));
    assert_eq!(server.effects.len(), 1, "a retry sends nothing");
    assert!(
        server.effects[0].ends_with(" ROOMID 1"),
        "{:?}",
        server.effects
    );
    // A uid's own ids are others, and their number says nothing of these.
    server
        .publish(0, "r", with_id(publish("a", "x"), "1"))
        .unwrap();
    assert_eq!(send(&mut server, "a", "2"), Ok((3, 0, told)));
    server.pass(500);
    assert_eq!(send(&mut server, "a", "3"), Ok((4, 0, told)));
    // None goes for a newer one.
    let before = server.bytes("r");
    assert_eq!(send(&mut server, "a", "4"), Err("LIMIT".into()));
    assert_eq!(server.bytes("r"), before);
    assert_eq!(send(&mut server, "a", "1"), Ok((1, 1, told)));
    server.publish(0, "r", publish("a", "without one")).unwrap();
    server.pass(500);
    assert_eq!(send(&mut server, "a", "1"), Ok((1, 1, told)), "just");
    assert_eq!(send(&mut server, "a", "4"), Err("LIMIT".into()));
    // The old ones go when there is need, also where no tick came by.
    server.pass(1);
    assert_eq!(send(&mut server, "a", "4"), Ok((6, 0, told)));
    let [.., ids, append] = &server.effects[..] else {
        panic!("{:?}", server.effects)
    };
    assert!(ids.starts_with("ids:") && append.starts_with("append:"));
    assert_eq!(send(&mut server, "a", "1"), Ok((7, 0, told)), "forgotten");
    assert_eq!(send(&mut server, "a", "3"), Ok((4, 1, told)));
    assert_eq!(send(&mut server, "a", "5"), Err("LIMIT".into()));
    // One that is freed has no position, as with ID.
    server.trim("r", Trim::MaxLen(0)).unwrap();
    let again = with_room_id(publish("a", "x"), "3");
    assert_eq!(
        server.publish(0, "r", again).unwrap().items()[4],
        Value::Null
    );
}

#[test]
fn a_room_that_may_have_fewer_ids_refuses_until_enough_are_old() {
    let mut server = Server::settled();
    server.settings.dedupe.age_ms = 1000;
    for id in ["1", "2", "3"] {
        send_here(&mut server, "a", id).unwrap();
        server.pass(400);
    }
    server.settings.room_ids = 1;
    assert_eq!(send_here(&mut server, "a", "4"), Err("LIMIT".into()));
    server.pass(250);
    assert_eq!(
        send_here(&mut server, "a", "4"),
        Err("LIMIT".into()),
        "two are over"
    );
    server.pass(400);
    assert_eq!(send_here(&mut server, "a", "4").unwrap().0, 4);
}

#[test]
fn ids_of_the_room_where_none_are_remembered() {
    let mut server = Server::settled();
    server.settings.dedupe.age_ms = 0;
    server.settings.room_ids = 1;
    for seq in 1..4 {
        assert_eq!(send_here(&mut server, "a", "1"), Ok((seq, 0, (0, 1))));
    }
    assert!(
        server
            .effects
            .iter()
            .all(|effect| !effect.contains("ROOMID"))
    );
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
    assert_eq!(refused(with_room_id(publish("a", "1"), "")), "BADID");
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
