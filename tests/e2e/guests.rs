//! Guests in open mode: they are in a room, and Redis does not know it.

use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::relay::Relay;
use harness::value::{err, field, int, ok, words};
use serde_json::{Value, json};

fn guest_login(uid: &str) -> Value {
    json!({"event": "login", "roomid": "lobby", "uid": uid, "as": "guest"})
}

/// A guest of the lobby.
fn guest(port: u16, uid: &str) -> Client {
    let mut client = Client::connect(port);
    client.send(&guest_login(uid));
    client.wait("synced");
    client
}

/// Members, and those online, by Redis.
fn counts(redis: &Redis) -> (i64, i64) {
    let info = ok(&mut redis.connect(), "ROOM.INFO room:lobby");
    (int(&field(&info, "members")), int(&field(&info, "online")))
}

#[test]
fn a_guest_is_in_no_list_and_pins_nothing() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut ann = Client::login(proxy.port, "lobby", "ann");
    ok(&mut redis.connect(), "ROOM.LIMITS room:lobby keep 0");
    let before = redis.digest("room:lobby");
    let mut eve = Client::connect(proxy.port);
    eve.send(&guest_login("eve"));
    let login = eve.wait("login");
    assert_eq!(
        (&login["as"], &login["total"], &login["num"]),
        (&"guest".into(), &1.into(), &1.into())
    );
    eve.wait("synced");
    // Its client never confirms anything.
    eve.answers = false;
    assert_eq!(redis.digest("room:lobby"), before, "it changed nothing");
    let mut c = redis.connect();
    for command in ["ROOM.PENDING room:lobby eve", "ROOM.QUEUE room:lobby eve"] {
        assert!(err(&mut c, &words(command)).starts_with("NOMEMBER"));
    }
    assert_eq!(counts(&redis), (1, 1));
    for asks in [&mut ann, &mut eve] {
        asks.send(&json!({"event": "members"}));
        let list = asks.wait("members");
        assert_eq!((&list["total"], &list["num"]), (&1.into(), &1.into()));
        assert_eq!(list["members"].as_array().map(Vec::len), Some(1), "{list}");
        assert_eq!(list["members"][0]["uid"], "ann");
    }
    // What Ann has confirmed is freed, whatever the guest has.
    ann.say("one");
    assert_eq!(texts(&eve.messages_until("one")), ["one"]);
    ann.messages_until("one");
    ann.serve_until("it is freed", || {
        let info = ok(&mut redis.connect(), "ROOM.INFO room:lobby");
        int(&field(&info, "messages")) == 0
    });
    // It speaks, and goes, and nobody hears of that.
    eve.send(&json!({"event": "message", "message": "hi", "id": "1"}));
    assert_eq!(eve.wait("sent")["seq"], 2);
    let hi = ann.messages_until("hi").remove(0);
    assert_eq!(
        (&hi["uid"], &hi["total"], &hi["num"]),
        (&"eve".into(), &1.into(), &1.into())
    );
    eve.send(&json!({"event": "typing"}));
    assert_eq!(ann.wait("typing")["uid"], "eve");
    eve.send(&json!({"event": "leave"}));
    assert_eq!(eve.wait("error")["code"], "GUEST");
    eve.drop_connection();
    ann.say("the end");
    ann.messages_until("the end");
    let of_eve = |event: &Value| event["uid"] == "eve" && event["event"] != "typing";
    assert!(!ann.seen.iter().any(of_eve), "{:?}", ann.seen);
    assert_eq!(redis.info("room_ghosts"), 0);
    assert_eq!(counts(&redis), (1, 1));
}

#[test]
fn a_guest_begins_where_it_asks_and_is_told_what_is_not_kept() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut c = redis.connect();
    for n in 1..=10 {
        ok(&mut c, &format!("ROOM.PUBLISH room:lobby bot m{n}"));
    }
    let mut eve = guest(proxy.port, "eve");
    assert!(eve.take_messages().is_empty(), "it begins at the head");
    ok(&mut c, "ROOM.PUBLISH room:lobby bot m11");
    let eleven = eve.messages_until("m11").remove(0);
    let more = |uid: &str, field: &str, value: Value| {
        let mut login = guest_login(uid);
        login[field] = value;
        let mut client = Client::connect(proxy.port);
        client.send(&login);
        client.wait("synced");
        client
    };
    let mut hal = more("hal", "history", json!(3));
    assert_eq!(texts(&hal.take_messages()), ["m9", "m10", "m11"]);
    // It comes back to what was said meanwhile.
    eve.drop_connection();
    ok(&mut c, "ROOM.PUBLISH room:lobby bot m12");
    let since = eleven["position"].clone();
    let mut eve = more("eve", "since", since.clone());
    assert_eq!(texts(&eve.take_messages()), ["m12"]);
    eve.drop_connection();
    for n in 13..=20 {
        ok(&mut c, &format!("ROOM.PUBLISH room:lobby bot m{n}"));
    }
    ok(&mut c, "ROOM.TRIM room:lobby BEFORE 19");
    let mut eve = more("eve", "since", since);
    assert_eq!(texts(&eve.take_messages()), ["m19", "m20"]);
    let lost = eve.wait("lost");
    assert_eq!(
        (&lost["from"], &lost["to"], &lost["reason"]),
        (&12.into(), &18.into(), &"not-kept".into())
    );
    // Another history.
    eve.drop_connection();
    let mut eve = more("eve", "since", json!("20-00000001"));
    assert_eq!(eve.wait("reset")["since"], "20-00000001");
    assert_eq!(texts(&eve.take_messages()), ["m19", "m20"]);
    assert_eq!(counts(&redis), (0, 0));
}

#[test]
fn a_guest_makes_no_room() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut eve = guest(proxy.port, "eve");
    eve.send(&json!({"event": "message", "message": "hi", "id": "1"}));
    let refused = eve.wait("error");
    assert_eq!(
        (&refused["code"], &refused["id"]),
        (&"NOROOM".into(), &"1".into())
    );
    let info = err(&mut redis.connect(), &words("ROOM.INFO room:lobby"));
    assert!(info.starts_with("NOROOM"), "{info}");
    let mut ann = Client::login(proxy.port, "lobby", "ann");
    eve.send(&json!({"event": "message", "message": "hi", "id": "2"}));
    assert_eq!(texts(&ann.messages_until("hi")), ["hi"]);
}

#[test]
fn a_kick_ends_a_guest_on_every_proxy() {
    let redis = Redis::start();
    let (one, two) = (Proxy::start(&redis), Proxy::start(&redis));
    let mut ann = Client::login(one.port, "lobby", "ann");
    let (mut eve, mut there) = (guest(one.port, "eve"), guest(two.port, "eve"));
    let kick = redis::cmd("ROOM.KICK")
        .arg("room:lobby")
        .arg("eve")
        .arg("too loud")
        .clone();
    assert_eq!(redis.query::<i64>(&kick), 0, "no session ends");
    for guest in [&mut eve, &mut there] {
        let kicked = guest.wait("kicked");
        assert_eq!(
            (&kicked["uid"], &kicked["reason"]),
            (&"eve".into(), &"too loud".into())
        );
        guest.say("still here?");
        assert_eq!(guest.wait("error")["code"], "NOLOGIN");
    }
    // The end of a membership of the same uid is not the guest's.
    eve.send(&guest_login("eve"));
    eve.wait("synced");
    let mut own = Client::login(two.port, "lobby", "eve");
    assert_eq!(counts(&redis), (2, 2));
    own.send(&json!({"event": "leave"}));
    own.wait("logout");
    ann.say("after");
    eve.messages_until("after");
    assert_eq!(counts(&redis).0, 1);
}

#[test]
fn a_room_of_guests_outlives_the_link_and_a_restart() {
    let mut redis = Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let relay = Relay::to(redis.port);
    let proxy = Proxy::to(&format!("redis://127.0.0.1:{}", relay.port), &[]);
    // Nobody has been in the room before.
    let mut eve = guest(proxy.port, "eve");
    let exists: i64 = redis.query(redis::cmd("EXISTS").arg("room:lobby"));
    assert_eq!(exists, 0, "a guest makes no room");
    ok(&mut redis.connect(), "ROOM.PUBLISH room:lobby bot first");
    assert_eq!(texts(&eve.messages_until("first")), ["first"]);
    relay.cut();
    eve.serve_until("the proxy knows that Redis is away", || {
        proxy.metric("roomcast_redis_up") == 0
    });
    ok(&mut redis.connect(), "ROOM.PUBLISH room:lobby bot second");
    relay.mend();
    assert_eq!(texts(&eve.messages_until("second")), ["second"]);
    redis.restart();
    ok(&mut redis.connect(), "ROOM.PUBLISH room:lobby bot third");
    assert_eq!(texts(&eve.messages_until("third")), ["third"]);
    assert!(
        !eve.seen.iter().any(|event| event["event"] == "reset"),
        "{:?}",
        eve.seen
    );
    // The room is deleted, and begins anew.
    let _: i64 = redis.query(redis::cmd("DEL").arg("room:lobby"));
    ok(&mut redis.connect(), "ROOM.PUBLISH room:lobby bot fourth");
    assert_eq!(texts(&eve.messages_until("fourth")), ["fourth"]);
    eve.wait("reset");
    // When the last guest goes, the channel is given up.
    eve.drop_connection();
    eventually("nobody listens", || {
        let subscribed: Vec<(String, i64)> =
            redis.query(redis::cmd("PUBSUB").arg("NUMSUB").arg("room:lobby"));
        (subscribed == [("room:lobby".to_owned(), 0)]).then_some(())
    });
}
