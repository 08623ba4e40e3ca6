//! A Redis, a node or a proxy that goes while something is asked.

use super::{api, messages, proxy, proxy_to};
use harness::client::Client;
use harness::cluster::Primaries;
use harness::eventually;
use harness::http::{Answer, Http};
use harness::redis::Redis;
use harness::relay::Relay;
use harness::sentinel::Watched;
use harness::slots::Way;
use harness::value::{field, int, ok};
use serde_json::{Value, json};
use std::time::Duration;

fn said(text: &str, id: &str) -> Value {
    json!({"uid": "bot", "message": text, "id": id})
}

fn fate(answer: &Answer) -> String {
    assert_eq!(answer.problem(), (503, "UNAVAILABLE".into()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    answer.json()["fate"].as_str().expect("a fate").to_owned()
}

#[test]
fn what_was_not_asked_is_said_not_to_be_done() {
    let mut redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    let mut http = api(&proxy);
    redis.stop();
    proxy.becomes_ready(false);
    for answer in [
        http.post(&messages("r"), &said("a", "1")),
        http.get("/api/rooms/r"),
        http.post("/api/unread", &json!({"uid": "a", "rooms": ["r", "s"]})),
    ] {
        assert_eq!(fate(&answer), "not-done");
    }
    redis.start_again();
    proxy.becomes_ready(true);
    assert_eq!(http.post(&messages("r"), &said("a", "1")).ok()["seq"], 1);
}

#[test]
fn what_may_have_been_done_is_said_so_and_repeated_once() {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    let (proxy, _keys) = proxy_to(&format!("redis://127.0.0.1:{}", relay.port), &[]);
    let stored = || {
        let info = redis.run_words("ROOM.INFO room:r").ok()?;
        Some(int(&field(&info, "messages")))
    };
    let list: Value = (0..5)
        .map(|n| said(&format!("m{n}"), &n.to_string()))
        .collect();
    // Two come through, and of the third the answer is on its way when the link ends.
    relay.delay(Duration::from_millis(400));
    let posted = std::thread::scope(|scope| {
        let posted = scope.spawn(|| api(&proxy).post(&messages("r"), &list));
        eventually("three are stored", || (stored() == Some(3)).then_some(()));
        relay.cut();
        posted.join().expect("an answer")
    });
    assert_eq!(fate(&posted), "unknown");
    let problem = posted.json();
    assert_eq!(
        (
            &problem["index"],
            problem["messages"].as_array().unwrap().len()
        ),
        (&json!(2), 2)
    );
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("same key or id")
    );
    assert_eq!(proxy.metric("roomcast_api_unknown_total"), 1);
    relay.delay(Duration::ZERO);
    relay.mend();
    proxy.becomes_ready(true);
    let all = api(&proxy).post(&messages("r"), &list).ok();
    let again: Vec<bool> = all["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["duplicate"] == true)
        .collect();
    assert_eq!(again, [true, true, true, false, false]);
    assert_eq!(stored(), Some(5));
}

#[test]
fn an_answer_that_does_not_come_in_time_is_not_waited_for() {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    let options = ["--api-timeout", "300ms"];
    let (proxy, _keys) = proxy_to(&format!("redis://127.0.0.1:{}", relay.port), &options);
    relay.stall();
    let answer = api(&proxy).post(&messages("r"), &said("late", "1"));
    assert_eq!(fate(&answer), "unknown");
    relay.mend();
    eventually("it came in the end", || {
        let again = api(&proxy).post(&messages("r"), &said("late", "1"));
        (again.status == 200 && again.json()["duplicate"] == true).then_some(())
    });
}

#[test]
fn a_proxy_that_stops_answers_what_it_works_on() {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    let (mut proxy, _keys) = proxy_to(&format!("redis://127.0.0.1:{}", relay.port), &[]);
    relay.delay(Duration::from_millis(50));
    let list: Value = (0..8)
        .map(|n| said(&format!("m{n}"), &n.to_string()))
        .collect();
    let mut http = api(&proxy);
    let answer = std::thread::scope(|scope| {
        let posted = scope.spawn(|| http.post(&messages("r"), &list));
        eventually("it has begun", || redis.run_words("ROOM.INFO room:r").ok());
        assert_eq!(proxy.stop(), 0);
        posted.join().expect("an answer")
    });
    assert_eq!(answer.ok()["messages"].as_array().unwrap().len(), 8);
}

#[test]
fn every_node_of_a_cluster_is_reached_while_slots_move() {
    let cluster = Primaries::start();
    let url = format!("redis+cluster://127.0.0.1:{}", cluster.nodes[1].port);
    let (proxy, _keys) = proxy_to(&url, &[]);
    let mut http = api(&proxy);
    let of = |node: usize| {
        (0..)
            .map(|number| format!("r{number}"))
            .find(|room| cluster.owner(&format!("room:{room}")) == node)
            .expect("some room is there")
    };
    let rooms = [of(0), of(1)];
    for name in &rooms {
        let mut ann = Client::login(proxy.port, name, "ann");
        http.post(&messages(name), &said("hello", "1")).ok();
        assert_eq!(ann.wait("message")["message"], "hello");
    }
    let unread = json!({"uid": "ann", "rooms": rooms});
    let rows = http.post("/api/unread", &unread).ok();
    assert!(
        rows["rooms"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["code"].is_null()),
        "{rows}"
    );
    http.post("/api/bans", &json!({"uid": "mallory"})).ok();
    eventually("the ban is heard", || {
        let answer = http.post(
            &messages("elsewhere"),
            &json!({"uid": "mallory", "message": 1}),
        );
        (answer.status == 403).then_some(())
    });
    let [name, _] = &rooms;
    let key = format!("room:{name}");
    let mut seq = 1;
    for way in [Way::Keys, Way::Keys, Way::Atomic] {
        if !cluster.know(way) {
            continue;
        }
        let say = |http: &mut Http, seq: i64, when: &str| {
            let said = http
                .post(&messages(name), &said(when, &format!("{when} {seq}")))
                .ok();
            assert_eq!(
                (&said["seq"], &said["duplicate"]),
                (&json!(seq), &json!(false))
            );
        };
        // By ASK while the key has moved and its slot has not, by MOVED when that has.
        cluster.move_slot(way, &key, || say(&mut http, seq + 1, "between"));
        say(&mut http, seq + 2, "behind");
        seq += 2;
    }
}

#[test]
fn a_failover_loses_and_repeats_nothing() {
    let watched = Watched::start(1, 3, &["--save", ""]);
    let (proxy, _keys) = proxy_to(&watched.url(), &["--lease", "2s"]);
    let mut http = api(&proxy);
    let old = watched.servers[watched.primary()].port;
    std::thread::scope(|scope| {
        let speaker = scope.spawn(|| {
            for n in 0..60 {
                let one = said(&format!("m{n}"), &format!("id-{n}"));
                eventually("it is stored", || {
                    (http.post(&messages("r"), &one).status == 200).then_some(())
                });
                std::thread::sleep(Duration::from_millis(30));
            }
        });
        eventually("some are stored", || {
            watched
                .servers
                .iter()
                .find_map(|redis| redis.run_words("ROOM.INFO room:r").ok())
        });
        watched.fail_over();
        speaker.join().expect("all are stored");
    });
    let new = &watched.servers[watched.switched_from(old)];
    let page = ok(&mut new.connect(), "ROOM.RANGE room:r - +");
    let heard = harness::value::payloads(&page);
    assert_eq!(heard.len(), 60, "{heard:?}");
    for (n, heard) in heard.iter().enumerate() {
        assert!(heard.contains(&format!("\"m{n}\"")), "{heard}");
    }
}
