//! A Redis that answers, and refuses: what a proxy needs is forbidden for a while, or a script holds everybody up.

use crate::access::documented_rule;
use crate::link::online;
use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{ok, words};
use serde_json::json;
use std::time::{Duration, Instant};

/// A lease that is renewed three times a second.
const SHORT_LEASE: [&str; 4] = ["--lease", "1s", "--redis-timeout", "10s"];

fn with_rights(redis: &Redis) -> Proxy {
    ok(&mut redis.connect(), documented_rule());
    let url = format!("redis://proxy:secret@127.0.0.1:{}", redis.port);
    Proxy::to(&url, &[])
}

/// Redis ends all connections of the proxy, which keeps its clients.
fn end_link(redis: &Redis, proxy: &Proxy) {
    let before = proxy.metric("roomcast_redis_lost_total");
    ok(&mut redis.connect(), "CLIENT KILL USER proxy");
    eventually("the link is lost", || {
        (proxy.metric("roomcast_redis_lost_total") > before).then_some(())
    });
}

fn is_up(proxy: &Proxy) {
    eventually("there is a link", || {
        (proxy.metric("roomcast_redis_up") == 1).then_some(())
    });
}

/// How often Redis was asked for this and refused it.
fn refused(redis: &Redis, command: &str) -> u64 {
    let line = format!("cmdstat_{command}:");
    let stats: String = redis.query(&words("INFO commandstats"));
    let stat = stats
        .lines()
        .find(|stat| stat.to_lowercase().starts_with(&line));
    let field = stat.and_then(|stat| stat.split("rejected_calls=").nth(1));
    let number = field.and_then(|rest| rest.split(',').next());
    number.map_or(0, |number| number.parse().expect("a number"))
}

fn is_refused(redis: &Redis, command: &str, times: u64) {
    let before = refused(redis, command);
    eventually(&format!("{command} is refused {times} times"), || {
        (refused(redis, command) >= before + times).then_some(())
    });
}

#[test]
fn a_proxy_that_may_not_subscribe_asks_in_moderation_says_so_and_comes_back() {
    let redis = Redis::start();
    let proxy = with_rights(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    ok(&mut redis.connect(), "ACL SETUSER proxy -subscribe");
    end_link(&redis, &proxy);
    is_refused(&redis, "subscribe", 1);
    let asked = || refused(&redis, "subscribe");
    let (began, first, connections) = (
        Instant::now(),
        asked(),
        redis.info("total_connections_received"),
    );
    let own = |so_far: u64| redis.info("total_connections_received") - connections - so_far;
    let mut looks = 0;
    eventually("some time is over", || {
        looks += 1;
        (began.elapsed() > Duration::from_secs(3)).then_some(())
    });
    let (asked, seconds) = (asked() - first, began.elapsed().as_secs_f64());
    // Each look at Redis is a connection too.
    let connections = own(2);
    assert!(
        (asked as f64) < 5.0 * seconds && (connections as f64) < 5.0 * seconds,
        "asked {asked} times by {connections} connections in {seconds:.1} s"
    );
    let printed = proxy.process().printed();
    let told = |line: &&str| {
        line.contains("WARN") && line.contains("NOPERM") && line.contains("subscribe")
    };
    let told = printed.lines().filter(told).count();
    assert!((1..6).contains(&told), "told {told} times: {printed}");
    let mut b = Client::connect(proxy.port);
    b.send(&json!({"event": "login", "roomid": "r", "uid": "b"}));
    b.wait("error");
    ok(&mut redis.connect(), "ROOM.PUBLISH room:r bot meanwhile");
    ok(&mut redis.connect(), "ACL SETUSER proxy +subscribe");
    assert_eq!(texts(&a.messages_until("meanwhile")), ["meanwhile"]);
    ok(&mut redis.connect(), "ROOM.PUBLISH room:r bot after");
    assert_eq!(texts(&a.messages_until("after")), ["after"]);
}

#[test]
fn a_link_that_dies_young_is_made_again_ever_later() {
    let redis = Redis::start();
    let proxy = with_rights(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    let mut c = redis.connect();
    let began = Instant::now();
    eventually(
        "its connections end as soon as they are there, for a while",
        || {
            ok(&mut c, "CLIENT KILL USER proxy");
            (began.elapsed() > Duration::from_secs(4)).then_some(())
        },
    );
    // 50 ms, 100, 200 and so on, each of them at least half: were each the first one, there would be a hundred.
    let lost = proxy.metric("roomcast_redis_lost_total");
    assert!((3..16).contains(&lost), "{lost} links in 4 s");
    ok(&mut c, "ROOM.PUBLISH room:r bot after");
    assert_eq!(texts(&a.messages_until("after")), ["after"]);
}

#[test]
fn a_refused_attach_is_tried_again() {
    let redis = Redis::start();
    let proxy = with_rights(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    let mut b = Client::login(proxy.port, "other", "b");
    ok(&mut redis.connect(), "ACL SETUSER proxy -room.attach");
    end_link(&redis, &proxy);
    is_up(&proxy);
    is_refused(&redis, "room.attach", 2);
    assert!(online(&redis, "room:r").is_empty());
    ok(&mut redis.connect(), "ROOM.PUBLISH room:r bot meanwhile");
    ok(&mut redis.connect(), "ACL SETUSER proxy +room.attach");
    assert_eq!(texts(&a.messages_until("meanwhile")), ["meanwhile"]);
    for (client, room, uid) in [(&mut a, "room:r", "a"), (&mut b, "room:other", "b")] {
        client.serve_until(&format!("{uid} is online"), || {
            online(&redis, room) == [uid]
        });
    }
    a.say("after");
    assert_eq!(texts(&a.messages_until("after")), ["after"]);
    assert_eq!(
        proxy.metric("roomcast_redis_lost_total"),
        1,
        "one link for all"
    );
}

#[test]
fn a_script_that_holds_redis_up_ends_neither_link_nor_sessions() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &SHORT_LEASE);
    let mut a = Client::login(proxy.port, "r", "a");
    a.say("before");
    a.messages_until("before");
    ok(&mut redis.connect(), "CONFIG SET busy-reply-threshold 50");
    let mut busy = redis.connect();
    let script = std::thread::spawn(move || {
        let _ = redis::cmd("EVAL")
            .arg("while true do end")
            .arg(0)
            .query::<redis::Value>(&mut busy);
    });
    let warned = || {
        proxy
            .process()
            .printed()
            .matches("the lease is not renewed")
            .count()
    };
    // While it goes on nobody is online or offline: it is known who was, and the lease is not over.
    a.serve_until("renewals are refused for longer than the lease", || {
        warned() >= 5
    });
    a.send(&json!({"event": "message", "message": "refused", "id": "1"}));
    assert_eq!(a.wait("error")["id"], "1");
    redis
        .run_words("SCRIPT KILL")
        .expect("an end of the script");
    script.join().expect("an ended script");
    assert_eq!(online(&redis, "room:r"), ["a"]);
    a.say("after");
    assert_eq!(texts(&a.messages_until("after")), ["after"]);
    assert_eq!(online(&redis, "room:r"), ["a"]);
    assert_eq!(proxy.metric("roomcast_redis_lost_total"), 0);
    assert_eq!(proxy.metric("roomcast_relinked_total"), 0);
}
