//! The walk over all rooms: its pace, when it stops, and every server of a cluster.

use super::data;
use harness::client::Client;
use harness::eventually::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::shards::Shards;
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often Redis was asked for keys.
fn scans(redis: &Redis) -> u64 {
    let stats: String = redis.query(redis::cmd("INFO").arg("commandstats"));
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_scan:calls="));
    line.and_then(|line| line.split(',').next()?.parse().ok())
        .unwrap_or(0)
}

#[test]
fn the_walk_is_paced_shared_and_only_while_somebody_looks() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut operator = redis.connect();
    let mut pipe = redis::pipe();
    for n in 0..2500 {
        pipe.cmd("SET").arg(format!("key:{n}")).arg(n);
    }
    pipe.exec(&mut operator).expect("keys");
    sleep(Duration::from_millis(500));
    assert_eq!(scans(&redis), 0, "nobody looks");
    let began = Instant::now();
    let mut last = 0;
    loop {
        // Several who look are one walk.
        let looks: Vec<Value> = (0..3).map(|_| data(&proxy, "/data/scan")).collect();
        if looks[2]["done"].is_object() {
            break;
        }
        let seen = looks[2]["walking"]["seen"].as_u64().unwrap_or(last);
        assert!(seen >= last, "{seen} after {last}");
        last = seen;
        let most = began.elapsed().as_millis() as u64 / 2 + 100;
        assert!(seen <= most, "{seen} keys in {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(60), "{looks:?}");
        sleep(Duration::from_millis(100));
    }
    assert!(
        began.elapsed() >= Duration::from_millis(4500),
        "{:?}",
        began.elapsed()
    );
    assert!(last > 500, "it tells how far it is");
    let calls = scans(&redis);
    assert!((45..200).contains(&calls), "{calls}");
    // The next one begins later, and not where nobody looks.
    sleep(Duration::from_secs(2));
    assert_eq!(scans(&redis), calls);
}

#[test]
fn a_walk_stops_when_nobody_looks_and_goes_on_where_it_was() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut operator = redis.connect();
    let mut pipe = redis::pipe();
    for n in 0..20_000 {
        pipe.cmd("SET").arg(format!("key:{n}")).arg(n);
    }
    pipe.exec(&mut operator).expect("keys");
    data(&proxy, "/data/scan");
    let looked = Instant::now();
    let mut before = 0;
    let stopped = eventually_slowly(|| {
        let now = scans(&redis);
        let still = now == before;
        before = now;
        (still && now > 0).then_some(now)
    });
    let took = looked.elapsed();
    assert!((9..16).contains(&took.as_secs()), "{took:?}");
    // 500 a second for ten seconds.
    assert!((60..=115).contains(&stopped), "{stopped}");
    let seen = data(&proxy, "/data/scan")["walking"]["seen"]
        .as_u64()
        .expect("a number");
    assert!(
        seen >= stopped * 40,
        "it goes on where it was: {seen} of {stopped}"
    );
}

/// Looks once a second, for half a minute.
fn eventually_slowly<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..30 {
        sleep(Duration::from_secs(1));
        if let Some(found) = look() {
            return found;
        }
    }
    panic!("not within half a minute")
}

#[test]
fn in_a_cluster_every_primary_is_walked_over() {
    let shards = Shards::start(2, &["--save", ""]);
    let proxy = Proxy::to(&shards.url(), &[]);
    for n in 0..20 {
        Client::login(proxy.port, &format!("room{n}"), "ann").say("hello");
    }
    let scan = eventually("the walk is at its end, with all rooms", || {
        let scan = data(&proxy, "/data/scan");
        scan["done"]
            .is_object()
            .then(|| scan["done"]["found"].clone())
    });
    assert_eq!((&scan["rooms"], &scan["failed"]), (&json!(20), &json!(0)));
    let state = data(&proxy, "/data/state");
    let nodes = state["nodes"].as_array().expect("nodes");
    let slots: u64 = nodes.iter().filter_map(|node| node["slots"].as_u64()).sum();
    assert_eq!((nodes.len(), slots), (2, 16_384));
    assert!(nodes.iter().all(|node| node["linked"] == true), "{state}");
}
