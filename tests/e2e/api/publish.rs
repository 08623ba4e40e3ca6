//! Publishing by HTTP.

use super::{apart, api, messages, proxy};
use harness::client::{Client, texts};
use harness::redis::Redis;
use harness::value::{field, int, ok};
use serde_json::{Value, json};

#[test]
fn what_is_said_by_http_reaches_sockets_and_the_reverse() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    let mut ann = Client::login(proxy.port, "lobby", "ann");
    let mut http = api(&proxy);
    let body = json!({"uid": "bot", "name": "Bot", "message": {"text": "by http"}, "n": 1, "seq": 77, "ts": 5});
    let said = http.post(&messages("lobby"), &body).ok();
    assert_eq!(
        (&said["seq"], &said["duplicate"]),
        (&json!(1), &json!(false))
    );
    assert_eq!((&said["online"], &said["offline"]), (&json!(1), &json!(0)));
    assert!(said.get("remembered").is_none(), "without an id");
    let heard = ann.wait("message");
    let same = ["uid", "name", "message", "n"].map(|name| (&heard[name], &body[name]));
    assert!(same.iter().all(|(heard, said)| heard == said), "{heard}");
    assert_eq!(
        (&heard["position"], &heard["seq"]),
        (&said["position"], &json!(1))
    );
    // As somebody on a socket says it.
    ann.say("by socket");
    ann.messages_until("by socket");
    let stored = |seq: i64| {
        let page = ok(
            &mut redis.connect(),
            &format!("ROOM.RANGE room:lobby {seq} {seq}"),
        );
        harness::value::payloads(&page)[0].clone()
    };
    assert_eq!(
        stored(1),
        r#"{"event":"message","message":{"text":"by http"},"n":1,"name":"Bot"}"#
    );
    let page = http.get(&messages("lobby")).ok();
    let read: Vec<&Value> = page["messages"].as_array().unwrap().iter().collect();
    assert_eq!(read[1]["message"], "by socket");
    // Who is away gets it too.
    ann.drop_connection();
    http.post(
        &messages("lobby"),
        &json!({"uid": "bot", "message": "later"}),
    )
    .ok();
    let mut ann = Client::login(proxy.port, "lobby", "ann");
    assert!(texts(&ann.messages_until("later")).contains(&"later".to_owned()));
}

#[test]
fn a_repeat_is_stored_once() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    let mut http = api(&proxy);
    let body = json!({"uid": "bot", "message": "once"});
    let key = "Idempotency-Key: order-17";
    let first = http.post_with(&messages("r"), &[key], &body).ok();
    assert_eq!(first["remembered"], json!({"ms": 300_000, "ids": 10_000}));
    for again in [key, "Idempotency-Key: \"order-17\""] {
        let said = http.post_with(&messages("r"), &[again], &body).ok();
        assert_eq!(said["duplicate"], true, "{again}");
        for same in ["seq", "position", "remembered"] {
            assert_eq!(said[same], first[same], "{again}");
        }
    }
    // As a field it is the same id, whoever says it; and one of a socket is another.
    let other = json!({"uid": "somebody", "message": "once", "id": "order-17"});
    assert_eq!(http.post(&messages("r"), &other).ok()["seq"], 1);
    assert_eq!(http.post(&messages("other"), &other).ok()["seq"], 1);
    let mut ann = Client::login(proxy.port, "r", "ann");
    ann.send(&json!({"event": "message", "message": "mine", "id": "order-17"}));
    assert_eq!(ann.wait("sent")["seq"], 2);
    // Without one everything is another message.
    for seq in [3, 4] {
        assert_eq!(http.post(&messages("r"), &body).ok()["seq"], seq);
    }
    assert_eq!(proxy.metric("roomcast_api_messages_total"), 4);
}

fn batch(many: usize) -> Value {
    let one = |n: usize| json!({"uid": format!("uid-{}", n % 7), "message": format!("m{n}"), "id": format!("id-{n}")});
    (0..many).map(one).collect()
}

#[test]
fn a_hundred_that_are_repeated_are_stored_once_and_in_their_order() {
    let redis = Redis::start();
    let (_proxy, port, _keys) = apart(&redis, &[]);
    let mut http = harness::http::Http::to(port);
    let mut ann = Client::login(_proxy.port, "r", "ann");
    let first = http.post(&messages("r"), &batch(100)).ok();
    assert_eq!(first["remembered"], json!({"ms": 300_000, "ids": 10_000}));
    let again = http.post(&messages("r"), &batch(100)).ok();
    for (at, (one, two)) in rows(&first).iter().zip(rows(&again)).enumerate() {
        assert_eq!(
            (&one["seq"], &one["duplicate"]),
            (&json!(at + 1), &json!(false))
        );
        assert_eq!(
            (&two["seq"], &two["duplicate"]),
            (&json!(at + 1), &json!(true))
        );
        assert_eq!(one["position"], two["position"]);
    }
    assert_eq!(rows(&first).len(), 100);
    let heard: Vec<String> = (0..100).map(|n| format!("m{n}")).collect();
    assert_eq!(texts(&ann.messages_until("m99")), heard);
    let info = ok(&mut redis.connect(), "ROOM.INFO room:r");
    assert_eq!(int(&field(&info, "messages")), 100);
}

#[test]
fn in_a_list_an_id_that_comes_again_is_a_repeat_and_a_key_means_nothing() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    let one = json!({"uid": 8704.0, "message": 1, "id": "x"});
    let list = json!([one, one, {"uid": "u", "message": 2, "id": "y"}]);
    let key = "Idempotency-Key: z";
    let stored = api(&proxy).post_with(&messages("r"), &[key], &list).ok();
    let rows = rows(&stored);
    let seqs: Vec<(u64, bool)> = rows
        .iter()
        .filter_map(|row| Some((row["seq"].as_u64()?, row["duplicate"].as_bool()?)))
        .collect();
    assert_eq!(seqs, [(1, false), (1, true), (2, false)]);
    let page = ok(&mut redis.connect(), "ROOM.RANGE room:r 1 1");
    assert!(format!("{page:?}").contains("\"8704\""), "{page:?}");
}

fn rows(answer: &Value) -> Vec<Value> {
    answer["messages"].as_array().expect("messages").clone()
}

#[test]
fn behind_one_that_fails_none_is_tried() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    ok(&mut redis.connect(), "CONFIG SET room.room-ids 3");
    let mut http = api(&proxy);
    let answer = http.post(&messages("r"), &batch(5));
    assert_eq!(answer.problem(), (429, "LIMIT".into()));
    let problem = answer.json();
    assert_eq!(problem["index"], 3);
    assert_eq!(rows(&problem).len(), 3);
    // What was read wrong is found before the first is tried.
    let mut wrong = batch(3);
    wrong[2]["uid"] = json!("a b");
    let answer = http.post(&messages("other"), &wrong);
    assert_eq!(answer.problem(), (400, "BADUID".into()));
    assert_eq!(answer.json()["index"], 2);
    let answer = http.get("/api/rooms/other");
    assert_eq!(answer.problem(), (404, "NOROOM".into()));
    // The caller goes on where it was: those that are remembered are told as such.
    ok(&mut redis.connect(), "CONFIG SET room.room-ids 100");
    let all = http.post(&messages("r"), &batch(5)).ok();
    let again: Vec<bool> = rows(&all)
        .iter()
        .map(|row| row["duplicate"] == true)
        .collect();
    assert_eq!(again, [true, true, true, false, false]);
}

#[test]
fn the_same_mistakes_are_refused_as_on_a_socket() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    ok(&mut redis.connect(), "CONFIG SET room.max-payload 1kb");
    let mut ann = Client::login(proxy.port, "r", "ann");
    let mut http = api(&proxy);
    let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    let fields = |n: usize| (0..n).map(|n| format!(r#","f{n}":0"#)).collect::<String>();
    for (rest, code) in [
        (r#""message":"\ud800""#.to_owned(), "BADFIELD"),
        (format!(r#""message":{}"#, deep(32)), "BADFIELD"),
        (format!(r#""message":1{}"#, fields(63)), "BADFIELD"),
        (
            format!(r#""message":1,"name":"{}""#, "x".repeat(257)),
            "BADFIELD",
        ),
        (r#""messages":1"#.to_owned(), "BADFIELD"),
        (r#""message":1,"id":"""#.to_owned(), "BADID"),
        (r#""message":1,"id":7"#.to_owned(), "BADFIELD"),
        (format!(r#""message":"{}""#, "x".repeat(1100)), "TOOBIG"),
        (r#""message":1,}"#.to_owned(), "BADJSON"),
    ] {
        // Both have two fields beside.
        ann.send_text(&format!(r#"{{"event":"message","roomid":"r",{rest}}}"#));
        assert_eq!(ann.wait("error")["code"], code, "{rest} on a socket");
        let body = format!(r#"{{"uid":"bot","roomid":"r",{rest}}}"#);
        let kind = ["Content-Type: application/json"];
        let answer = http.ask("POST", &messages("r"), &kind, body.as_bytes());
        assert_eq!(answer.problem().1, code, "{rest} by HTTP");
    }
    // And what is fine there is fine here.
    for rest in [
        format!(r#""message":{}"#, deep(31)),
        format!(r#""message":1{}"#, fields(61)),
        r#""message":null"#.to_owned(),
    ] {
        let body = format!(r#"{{"uid":7,"roomid":"r",{rest}}}"#);
        let kind = ["Content-Type: application/json; charset=utf-8"];
        http.ask("POST", &messages("r"), &kind, body.as_bytes())
            .ok();
    }
}

#[test]
fn who_is_banned_says_nothing_by_http_either() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    let mut http = api(&proxy);
    let ban = json!({"uid": "mallory", "room": "r", "reason": "spam"});
    http.post("/api/bans", &ban).ok();
    let said = json!({"uid": "mallory", "message": "again"});
    let answer = harness::eventually("the proxy has read the ban", || {
        let answer = http.post(&messages("r"), &said);
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(answer.problem(), (403, "BANNED".into()));
    http.post(&messages("elsewhere"), &said).ok();
    http.post(
        "/api/bans",
        &json!({"uid": "mallory", "room": "r", "until": 0}),
    )
    .ok();
    harness::eventually("the ban is over", || {
        (http.post(&messages("r"), &said).status == 200).then_some(())
    });
}
