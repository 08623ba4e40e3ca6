//! New memberships an hour: members come back as always while strangers are told to wait.

use harness::client::Client;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{err, field, int, ok, words};
use serde_json::{Value, json};

fn login(client: &mut Client, roomid: &str, uid: &str) {
    client.send(&json!({"event": "login", "roomid": roomid, "uid": uid}));
}

/// Whether a login is let in; what it is refused with.
fn comes_in(client: &mut Client, roomid: &str, uid: &str) -> Result<(), Value> {
    login(client, roomid, uid);
    let answered = |event: &Value| {
        let of = event["event"] == "login" || event["of"] == "login";
        of && event["roomid"] == roomid
    };
    let answer = client.find("an answer to the login", answered);
    match answer["event"] == "error" {
        true => Err(answer),
        false => Ok(()),
    }
}

fn members(redis: &Redis, key: &str) -> i64 {
    int(&field(
        &ok(&mut redis.connect(), &format!("ROOM.INFO {key}")),
        "members",
    ))
}

#[test]
fn an_address_has_had_its_memberships_and_members_come_back() {
    let redis = Redis::start();
    let options = ["--memberships-per-address", "100"];
    let proxy = Proxy::with(&redis, &options);
    // Rooms that nobody was in count as ten, and this connection gets no more than is left for the others.
    let mut greedy = Client::connect(proxy.port);
    let mut made = 0;
    let refused = loop {
        match comes_in(&mut greedy, &format!("new{made}"), "greedy") {
            Ok(()) => made += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(made, 6, "at 60 no 60 are left");
    assert_eq!(refused["code"], "TOOFAST");
    let sentence = refused["message"].as_str().unwrap_or_default();
    for part in [
        "this address",
        "100 new memberships an hour",
        "--memberships-per-address",
        "try again in",
    ] {
        assert!(sentence.contains(part), "{sentence}");
    }
    let gone = err(&mut redis.connect(), &words("ROOM.INFO room:new6"));
    assert!(gone.starts_with("NOROOM"), "no key is born: {gone}");
    harness::eventually("the one is counted", || {
        (proxy.metric("roomcast_newcomers_refused_total") == 1).then_some(())
    });
    // Somebody else of this address is not refused for that: a login costs ten until Redis has said what it was.
    let mut others = Vec::new();
    for i in 0..20 {
        let mut other = Client::connect(proxy.port);
        assert_eq!(comes_in(&mut other, "new0", &format!("other{i}")), Ok(()));
        others.push(other);
    }
    assert_eq!(members(&redis, "room:new0"), 21);
    // All that there is.
    let mut late = Client::connect(proxy.port);
    let mut some = 0;
    while comes_in(&mut late, &format!("last{some}"), "late").is_ok() {
        some += 1;
        late = Client::connect(proxy.port);
        assert!(some < 5, "there is an end");
    }
    let before = members(&redis, "room:new0");
    assert!(comes_in(&mut late, "new0", "late").is_err());
    assert_eq!(members(&redis, "room:new0"), before);
    // Members come back, also after their connection: and what they missed is theirs.
    others.remove(3).drop_connection();
    others[0].say("hello");
    let mut back = Client::connect(proxy.port);
    assert_eq!(comes_in(&mut back, "new0", "other3"), Ok(()));
    back.messages_until("hello");
    assert_eq!(comes_in(&mut greedy, "new3", "greedy"), Ok(()));
    // A guest is no member.
    let mut guest = Client::connect(proxy.port);
    guest.send(&json!({"event": "login", "roomid": "new0", "uid": "guest", "as": "guest"}));
    assert_eq!(guest.wait("login")["as"], "guest");
}

#[test]
fn who_comes_back_again_and_again_pays_nothing() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--memberships-per-address", "20"]);
    for _ in 0..50 {
        let mut ann = Client::login(proxy.port, "r", "ann");
        ann.say("hi");
        ann.messages_until("hi");
        ann.drop_connection();
    }
    // Ten are left: so another room is let in once.
    let mut bob = Client::connect(proxy.port);
    assert_eq!(comes_in(&mut bob, "s", "bob"), Ok(()));
    assert!(comes_in(&mut Client::connect(proxy.port), "t", "bob").is_err());
}
