//! Clients read back what was said before, page by page. It moves nothing.

use crate::tokens::signed::{KeyFile, SECRET, claims, enter, signed, token};
use harness::client::{Client, texts};
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::relay::Relay;
use harness::value::ok;
use serde_json::{Value, json};

/// Half of the default of `--outbox`.
const LARGEST: usize = 128 * 1024;

/// Asks for a page, and checks what holds for each: it ends where it was asked to, and nothing is missing in it.
fn page(client: &mut Client, until: Option<&str>, limit: Option<u64>) -> Value {
    let mut ask = json!({"event": "history"});
    if let Some(until) = until {
        ask["until"] = until.into();
    }
    if let Some(limit) = limit {
        ask["limit"] = limit.into();
    }
    client.send(&ask);
    let page = client.wait("history");
    assert!(page.to_string().len() <= LARGEST, "it fits into a frame");
    let messages = messages(&page);
    let mut seq = seq(&page["after"]);
    for message in &messages {
        seq += 1;
        assert_eq!(
            (&message["event"], &message["seq"]),
            (&"message".into(), &seq.into())
        );
    }
    if let (Some(until), Some(last)) = (until, messages.last()) {
        assert_eq!(last["position"], until);
    }
    page
}

fn messages(page: &Value) -> Vec<Value> {
    page["messages"].as_array().expect("messages").clone()
}

fn seq(position: &Value) -> u64 {
    let text = position.as_str().unwrap_or_default();
    let number = text.split('-').next().unwrap_or_default();
    number.parse().expect("a position")
}

/// Everything up to where the login began or to `until`, the newest page first; `more` goes from page to page.
fn all_pages(client: &mut Client, mut until: Option<String>, limit: u64) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let page = page(client, until.as_deref(), Some(limit));
        all.splice(0..0, messages(&page));
        until = page["after"].as_str().map(str::to_owned);
        if page["more"] == false {
            return all;
        }
    }
}

fn say(redis: &Redis, from: usize, to: usize) {
    let mut c = redis.connect();
    for n in from..=to {
        ok(&mut c, &format!("ROOM.PUBLISH room:r bot m{n}"));
    }
}

fn numbers(from: usize, to: usize) -> Vec<String> {
    (from..=to).map(|n| format!("m{n}")).collect()
}

#[test]
fn who_comes_later_reads_back_to_the_beginning() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut ann = Client::login(proxy.port, "r", "ann");
    ann.send(&json!({"event": "message", "message": "m1", "kind": {"deep": [1, null]}, "id": "1"}));
    ok(&mut redis.connect(), "ROOM.LIMITS room:r keep 1000");
    let live = ann.messages_until("m1").remove(0);
    say(&redis, 2, 250);
    ann.messages_until("m250");
    let mut bob = Client::login(proxy.port, "r", "bob");
    bob.serve_until("all is confirmed", || {
        crate::story::pending(&redis, "room:r", "bob") == 0
    });
    let before = redis.digest("room:r");
    let first = page(&mut bob, None, None);
    assert_eq!(
        texts(&messages(&first)),
        numbers(151, 250),
        "100 if it does not say"
    );
    assert_eq!((&first["more"], &first["gone"]), (&json!(true), &json!(0)));
    let all = all_pages(&mut bob, None, 33);
    assert_eq!(texts(&all), numbers(1, 250));
    // Each is what it was on the wire, but for who is here now.
    let mut same = all[0].clone();
    (same["total"], same["num"]) = (live["total"].clone(), live["num"].clone());
    assert_eq!(same, live);
    assert_eq!(redis.digest("room:r"), before, "it moved nothing");
    // What follows comes by itself, and is not asked for unless its position is named.
    say(&redis, 251, 252);
    let position = bob.messages_until("m252").remove(1)["position"].clone();
    assert_eq!(texts(&messages(&page(&mut bob, None, Some(1)))), ["m250"]);
    let newest = page(&mut bob, position.as_str(), Some(3));
    assert_eq!(texts(&messages(&newest)), numbers(250, 252));
    assert!(proxy.metric("roomcast_histories_total") >= 11);
}

#[test]
fn a_page_is_one_frame_and_what_is_gone_is_counted() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut ann = Client::login(proxy.port, "r", "ann");
    ok(&mut redis.connect(), "ROOM.LIMITS room:r keep 1000");
    let large = "x".repeat(9_000);
    for n in 1..=40 {
        ann.send(&json!({"event": "message", "message": format!("m{n}"), "large": large}));
    }
    ann.messages_until("m40");
    let mut bob = Client::login(proxy.port, "r", "bob");
    let first = page(&mut bob, None, None);
    let many = messages(&first).len();
    assert!((12..=14).contains(&many), "as many as fit: {many}");
    assert_eq!(texts(&all_pages(&mut bob, None, 100)), numbers(1, 40));
    ok(&mut redis.connect(), "ROOM.TRIM room:r BEFORE 36");
    let rest = page(&mut bob, None, None);
    assert_eq!(texts(&messages(&rest)), numbers(36, 40));
    assert_eq!((&rest["more"], &rest["gone"]), (&json!(false), &json!(35)));
    // Of what is before, nothing is left; nor can be told whether it was of this history.
    let older = page(&mut bob, first["after"].as_str(), None);
    assert_eq!((messages(&older).len(), &older["more"]), (0, &json!(false)));
    assert_eq!(
        older["gone"],
        older["after"]
            .as_str()
            .map(|_| seq(&older["after"]))
            .unwrap_or_default()
    );
}

#[test]
fn a_message_that_is_larger_than_a_page_is_one() {
    let redis = Redis::with(&["--room.max-payload", "200000"]);
    let options = ["--max-event", "200000", "--outbox", "65536"];
    let proxy = Proxy::with(&redis, &options);
    let mut ann = Client::login(proxy.port, "r", "ann");
    for text in ["a", "b"] {
        ann.send(&json!({"event": "message", "message": text, "large": "x".repeat(150_000)}));
    }
    ann.messages_until("b");
    let mut bob = Client::login(proxy.port, "r", "bob");
    for (text, more) in [("b", true), ("a", false)] {
        let until = bob.seen.pop().map(|page| page["after"].clone());
        let mut ask = json!({"event": "history"});
        ask["until"] = until.unwrap_or_default();
        bob.send(&ask);
        let page = bob.wait("history");
        assert_eq!(texts(&messages(&page)), [text]);
        assert_eq!(page["more"], more);
        bob.seen = vec![page];
    }
}

#[test]
fn without_the_right_it_ends_where_the_membership_begins() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let mut ann = enter(proxy.port, &token("ann"));
    ok(&mut redis.connect(), "ROOM.LIMITS room:lobby keep 1000");
    let mut say = |text: &str| {
        ann.say(text);
        ann.messages_until(text).remove(0)["position"].clone()
    };
    let before = say("before");
    let own = json!({"lobby": ["member", "read"]});
    let bobs = signed(SECRET, &claims("bob", own));
    let mut bob = enter(proxy.port, &bobs);
    let (_, two) = (say("one"), say("two"));
    bob.messages_until("two");
    // Also when it comes again.
    let mut again = enter(proxy.port, &bobs);
    for bob in [&mut bob, &mut again] {
        let all = page(bob, two.as_str(), None);
        assert_eq!(texts(&messages(&all)), ["one", "two"]);
        assert_eq!((&all["more"], &all["gone"]), (&json!(false), &json!(0)));
        let older = page(bob, before.as_str(), None);
        assert_eq!(messages(&older), Vec::<Value>::new());
    }
    let all = json!({"lobby": ["member", "read", "history"]});
    again.send(&json!({"event": "refresh", "token": signed(SECRET, &claims("bob", all))}));
    again.wait("refresh");
    let all = page(&mut again, two.as_str(), None);
    assert_eq!(texts(&messages(&all)), ["before", "one", "two"]);
    // A guest's time begins with its login; who may not read reads nothing.
    let only = json!({"lobby": ["guest", "read"]});
    let mut eve = enter(proxy.port, &signed(SECRET, &claims("eve", only)));
    let three = say("three");
    eve.messages_until("three");
    assert_eq!(
        texts(&messages(&page(&mut eve, three.as_str(), None))),
        ["three"]
    );
    assert_eq!(messages(&page(&mut eve, None, None)), Vec::<Value>::new());
    let more = json!({"lobby": ["guest", "read", "history"]});
    let mut hal = enter(proxy.port, &signed(SECRET, &claims("hal", more)));
    let all = page(&mut hal, None, None);
    assert_eq!(texts(&messages(&all)), ["before", "one", "two", "three"]);
    let mute = json!({"lobby": ["member", "history"]});
    let mut cid = enter(proxy.port, &signed(SECRET, &claims("cid", mute)));
    cid.send(&json!({"event": "history"}));
    assert_eq!(cid.wait("error")["code"], "NORIGHT");
}

#[test]
fn a_guest_in_open_mode_reads_back_too_also_where_there_is_no_room() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut eve = Client::connect(proxy.port);
    eve.send(&json!({"event": "login", "roomid": "r", "uid": "eve", "as": "guest"}));
    eve.wait("synced");
    let nothing = page(&mut eve, None, None);
    assert_eq!(
        (messages(&nothing).len(), &nothing["more"]),
        (0, &json!(false))
    );
    ok(&mut redis.connect(), "ROOM.INVITE room:r ann");
    say(&redis, 1, 3);
    eve.messages_until("m3");
    eve.send(&json!({"event": "login", "roomid": "r", "uid": "eve", "as": "guest"}));
    eve.wait("synced");
    assert_eq!(texts(&messages(&page(&mut eve, None, None))), numbers(1, 3));
}

#[test]
fn a_position_of_another_history_is_refused() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut ann = Client::login(proxy.port, "r", "ann");
    ok(&mut redis.connect(), "ROOM.LIMITS room:r keep 1000");
    say(&redis, 1, 3);
    let old = ann.messages_until("m3").remove(2)["position"].clone();
    assert_eq!(messages(&page(&mut ann, old.as_str(), None)).len(), 3);
    let mut refused = |until: &Value| {
        ann.send(&json!({"event": "history", "until": until, "roomid": "r"}));
        let error = ann.wait("error");
        assert_eq!(
            (&error["of"], &error["roomid"]),
            (&"history".into(), &"r".into())
        );
        error["code"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(refused(&json!("3-00000000")), "BADPOS");
    assert_eq!(refused(&json!("4-00000000")), "BADPOS");
    assert_eq!(refused(&json!("nonsense")), "BADPOS");
    ok(&mut redis.connect(), "DEL room:r");
    ann.wait("reset");
    say(&redis, 11, 15);
    ann.messages_until("m15");
    ann.send(&json!({"event": "history", "until": old}));
    assert_eq!(ann.wait("error")["code"], "BADPOS");
    // Without one it is where the seat began anew.
    ann.send(&json!({"event": "history"}));
    assert_eq!(messages(&ann.wait("history")), Vec::<Value>::new());
}

#[test]
fn one_question_at_a_time() {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    let proxy = Proxy::to(&format!("redis://127.0.0.1:{}", relay.port), &[]);
    let mut ann = Client::login(proxy.port, "r", "ann");
    ann.say("m1");
    let position = ann.messages_until("m1").remove(0)["position"].clone();
    let ask = json!({"event": "history", "until": position});
    let mut again = Client::login(proxy.port, "r", "ann");
    relay.stall();
    for _ in 0..2 {
        again.send(&ask);
    }
    let error = again.wait("error");
    assert_eq!(
        (&error["code"], &error["of"]),
        (&"TOOFAST".into(), &"history".into())
    );
    relay.mend();
    for _ in 0..2 {
        assert_eq!(texts(&messages(&again.wait("history"))), ["m1"]);
        again.send(&ask);
    }
    for limit in [json!(0), json!(101), json!(-1), json!("5")] {
        again.send(&json!({"event": "history", "limit": limit}));
        assert_eq!(again.wait("error")["code"], "BADFIELD", "{limit}");
    }
    again.send(&json!({"event": "history", "roomid": "elsewhere"}));
    assert_eq!(again.wait("error")["code"], "NOLOGIN");
}
