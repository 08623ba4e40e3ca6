//! Positions, ids and several connections of one uid.

use crate::story::pending;
use harness::client::{Client, texts};
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::relay::Relay;
use harness::value::{field, int, ok};
use serde_json::{Value, json};

fn login(port: u16, uid: &str, more: &Value) -> (Client, Value) {
    let mut client = Client::connect(port);
    let mut event = json!({"event": "login", "roomid": "r", "uid": uid, "v": 1});
    for (name, value) in more.as_object().expect("an object") {
        event[name] = value.clone();
    }
    client.send(&event);
    let echo = client.wait("login");
    client.wait("synced");
    (client, echo)
}

#[test]
fn a_position_resumes_is_lost_or_reset() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let (mut a, _) = login(proxy.port, "a", &json!({"ack": "client"}));
    let mut positions = Vec::new();
    for i in 0..10 {
        a.say(&format!("m{i}"));
        positions.push(
            a.wait("message")["position"]
                .as_str()
                .expect("a position")
                .to_owned(),
        );
    }
    a.send(&json!({"event": "ack", "position": positions[6]}));
    a.serve_until("seven are read", || pending(&redis, "room:r", "a") == 3);
    let (mut again, echo) = login(proxy.port, "a", &json!({"since": positions[6]}));
    assert_eq!(
        (&echo["resumed"], &echo["pending"]),
        (&json!(true), &json!(3))
    );
    assert_eq!(texts(&again.take_messages()), ["m7", "m8", "m9"]);

    ok(&mut redis.connect(), "ROOM.TRIM room:r BEFORE 6");
    let (mut late, _) = login(proxy.port, "a", &json!({"since": positions[1]}));
    let lost = late.wait("lost");
    assert_eq!(
        (&lost["from"], &lost["to"], &lost["reason"]),
        (&json!(3), &json!(5), &json!("trim"))
    );
    assert_eq!(texts(&late.take_messages()), ["m5", "m6", "m7", "m8", "m9"]);

    let (mut strange, echo) = login(proxy.port, "a", &json!({"since": "4-00000000"}));
    assert_eq!(echo["resumed"], false);
    // Too old to be checked: it is told as a loss.
    strange.wait("lost");
    let (mut strange, _) = login(proxy.port, "a", &json!({"since": "9-00000000"}));
    strange.wait("reset");

    // Of another history, and behind the log as well: what it has is not true, and what it missed is gone.
    ok(&mut redis.connect(), "ROOM.INVITE room:r q");
    a.say("more");
    a.messages_until("more");
    ok(&mut redis.connect(), "ROOM.TRIM room:r MAXLEN 0");
    let (mut both, _) = login(proxy.port, "q", &json!({"since": "99-00000000"}));
    assert_eq!(both.wait("reset")["since"], "99-00000000");
    assert_eq!(both.wait("lost")["reason"], "trim");
}

#[test]
fn an_id_is_confirmed_and_stored_once() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let (mut a, _) = login(proxy.port, "a", &json!({}));
    for duplicate in [false, true] {
        a.send(&json!({"event": "message", "message": "once", "id": "x1"}));
        let sent = a.wait("sent");
        assert_eq!(
            (&sent["id"], &sent["seq"], &sent["duplicate"]),
            (&json!("x1"), &json!(1), &json!(duplicate))
        );
        assert!(
            sent["position"]
                .as_str()
                .is_some_and(|position| position.starts_with("1-"))
        );
    }
    assert_eq!(a.messages_until("once").len(), 1);
    assert_eq!(
        int(&field(
            &ok(&mut redis.connect(), "ROOM.INFO room:r"),
            "messages"
        )),
        1
    );
}

#[test]
fn a_login_says_which_ids_are_remembered() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut c = redis.connect();
    let guest = json!({"as": "guest"});
    for (count, age) in [(100, 300_000), (7, 20_000)] {
        ok(&mut c, &format!("CONFIG SET room.dedupe-count {count}"));
        ok(&mut c, &format!("CONFIG SET room.dedupe-age {age}"));
        for (uid, more) in [("a", &json!({})), ("eve", &guest)] {
            let (_, echo) = login(proxy.port, uid, more);
            assert_eq!(echo["dedupe-count"], count, "{echo}");
            assert_eq!(echo["dedupe-age"], age, "{echo}");
            assert!(echo["ts"].as_u64().is_some_and(|ts| ts > 1_700_000_000_000));
        }
    }
}

#[test]
fn the_lowest_device_holds_the_queue() {
    let redis = Redis::start();
    let (one, two) = (Proxy::start(&redis), Proxy::start(&redis));
    for (first, second) in [(&one, &one), (&one, &two)] {
        let uid = format!("u{}", second.port);
        let (mut phone, _) = login(first.port, &uid, &json!({"ack": "client"}));
        let (mut laptop, _) = login(second.port, &uid, &json!({"ack": "client"}));
        for i in 0..4 {
            phone.say(&format!("m{i}"));
        }
        let last = phone.messages_until("m3").pop().expect("a message");
        let seen = laptop.messages_until("m3");
        phone.send(&json!({"event": "ack", "position": last["position"]}));
        laptop.send(&json!({"event": "ack", "position": seen[1]["position"]}));
        laptop.serve_until("the cursor is the laptop's", || {
            pending(&redis, "room:r", &uid) == 2
        });
        laptop.send(&json!({"event": "ack", "position": last["position"]}));
        laptop.serve_until("both have it", || pending(&redis, "room:r", &uid) == 0);
    }
}

fn say_and_ack(phone: &mut Client, from: usize, to: usize) {
    for i in from..=to {
        phone.say(&i.to_string());
    }
    let last = phone.messages_until(&to.to_string()).pop().expect("one");
    phone.send(&json!({"event": "ack", "position": last["position"]}));
}

fn numbers(from: usize, to: usize) -> Vec<String> {
    (from..=to).map(|i| i.to_string()).collect()
}

#[test]
fn a_stalled_laptop_gets_what_the_phone_has_read_and_is_told_what_is_gone() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let relay = Relay::to(proxy.port);
    let (mut phone, _) = login(proxy.port, "ben", &json!({"ack": "client"}));
    let (mut laptop, _) = login(relay.port, "ben", &json!({"ack": "client"}));
    ok(&mut redis.connect(), "ROOM.LIMITS room:r keep 5");
    say_and_ack(&mut phone, 1, 42);
    let last = laptop.messages_until("42").pop().expect("a message");
    laptop.send(&json!({"event": "ack", "position": last["position"]}));
    phone.serve_until("both have all", || pending(&redis, "room:r", "ben") == 0);

    relay.stall();
    let before = proxy.metric("roomcast_events_total");
    say_and_ack(&mut phone, 43, 50);
    phone.serve_until("the phone's word has arrived", || {
        proxy.metric("roomcast_events_total") >= before + 9
    });
    assert_eq!(pending(&redis, "room:r", "ben"), 8, "the laptop holds them");
    relay.mend();
    let seen = laptop.messages_until("50");
    assert_eq!(texts(&seen), numbers(43, 50));
    let at_50 = seen.last().expect("a message")["position"].clone();
    laptop.drop_connection();

    say_and_ack(&mut phone, 51, 90);
    phone.serve_until("the phone has all", || {
        pending(&redis, "room:r", "ben") == 0
    });
    let more = json!({"ack": "client", "since": at_50});
    let (mut laptop, _) = login(relay.port, "ben", &more);
    let lost = laptop.wait("lost");
    assert_eq!(
        (&lost["from"], &lost["to"], &lost["reason"]),
        (&json!(51), &json!(85), &json!("read-elsewhere"))
    );
    assert_eq!(texts(&laptop.take_messages()), numbers(86, 90));
}

#[test]
fn a_device_that_brings_its_position_leaves_a_slower_one_what_it_waits_for() {
    let redis = Redis::start();
    let (one, two) = (Proxy::start(&redis), Proxy::start(&redis));
    for (first, second) in [(&one, &one), (&one, &two)] {
        let uid = format!("u{}", second.port);
        let (mut laptop, _) = login(first.port, &uid, &json!({"ack": "client"}));
        laptop.say("before");
        let start = laptop.messages_until("before").pop().expect("a message");
        laptop.send(&json!({"event": "ack", "position": start["position"]}));
        laptop.serve_until("that is read", || pending(&redis, "room:r", &uid) == 0);
        for i in 0..4 {
            laptop.say(&format!("m{i}"));
        }
        let seen = laptop.messages_until("m3");
        let at_head = json!({"ack": "client", "since": seen[3]["position"]});
        let (phone, echo) = login(second.port, &uid, &at_head);
        assert_eq!(echo["pending"], 0);
        assert_eq!(
            pending(&redis, "room:r", &uid),
            4,
            "the laptop waits for them"
        );
        laptop.send(&json!({"event": "ack", "position": seen[1]["position"]}));
        laptop.serve_until("the cursor is the laptop's", || {
            pending(&redis, "room:r", &uid) == 2
        });
        laptop.send(&json!({"event": "ack", "position": seen[3]["position"]}));
        laptop.serve_until("both have it", || pending(&redis, "room:r", &uid) == 0);
        drop(phone);
    }
}

#[test]
fn what_a_slow_device_held_back_is_read_when_it_goes() {
    let redis = Redis::start();
    let (one, two) = (Proxy::start(&redis), Proxy::start(&redis));
    for (first, second) in [(&one, &one), (&one, &two)] {
        let uid = format!("u{}", second.port);
        let (mut phone, _) = login(first.port, &uid, &json!({"ack": "client"}));
        let (mut laptop, _) = login(second.port, &uid, &json!({"ack": "client"}));
        say_and_ack(&mut phone, 1, 4);
        laptop.messages_until("4");
        laptop.drop_connection();
        phone.serve_until("the phone's word counts", || {
            pending(&redis, "room:r", &uid) == 0
        });
    }
}

#[test]
fn a_client_that_never_answers_heartbeats_is_confirmed_by_its_pongs() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let (mut a, _) = login(proxy.port, "a", &json!({}));
    let (mut mute, _) = login(proxy.port, "mute", &json!({}));
    mute.answers = false;
    a.say("hi");
    mute.messages_until("hi");
    assert_eq!(
        pending(&redis, "room:r", "mute"),
        1,
        "an arrival alone proves little"
    );
    mute.serve_until("the pong counts in the end", || {
        pending(&redis, "room:r", "mute") == 0
    });
}
