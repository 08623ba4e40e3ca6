//! What a proxy has little of, and connections whose peer is gone.

use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::relay::Relay;
use harness::value::ok;
use serde_json::json;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;

/// File descriptors that the proxy has, and connections that would like to have one.
const FILES: usize = 128;
const WANTED: usize = 400;

/// From now on the process may have no more files than this.
fn limit_files(pid: u32, most: usize) {
    let limited = Command::new("prlimit")
        .args([
            "--pid",
            &pid.to_string(),
            &format!("--nofile={most}:{most}"),
        ])
        .status();
    assert!(limited.is_ok_and(|status| status.success()), "prlimit");
}

/// A connection that asks for a WebSocket and does not look at the answer.
fn ask(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    // It may have been refused already.
    let _ = stream.write_all(request.as_bytes());
    stream
}

#[test]
fn out_of_descriptors_the_link_has_its_own() {
    let mut redis = Redis::with(&[
        "--save",
        "",
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
    ]);
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    limit_files(proxy.process().pid(), FILES);
    let wanted: Vec<TcpStream> = (0..WANTED).map(|_| ask(proxy.port)).collect();
    eventually("some are served, and some refused", || {
        let served = proxy.metric("roomcast_connections") as usize;
        let refused = proxy.metric("roomcast_connections_refused_total") as usize;
        (served > FILES / 2 && served < FILES && served + refused == WANTED + 1).then_some(())
    });
    let limit = "not enough file descriptors";
    let told = proxy.process().printed().matches(limit).count();
    assert!((1..10).contains(&told), "told {told} times");
    for text in ["first", "second"] {
        redis.kill();
        eventually("the proxy knows that Redis is away", || {
            (proxy.metric("roomcast_redis_up") == 0).then_some(())
        });
        // Whoever was refused tries again meanwhile, and would take what the link has given back.
        let again: Vec<TcpStream> = (0..WANTED).map(|_| ask(proxy.port)).collect();
        redis.start_again();
        eventually("there is a link again", || {
            (proxy.metric("roomcast_redis_up") == 1).then_some(())
        });
        a.serve_until("the room is there again", || {
            proxy.metric("roomcast_relinked_total") > 0
        });
        a.say(text);
        assert_eq!(texts(&a.messages_until(text)), [text]);
        drop(again);
    }
    drop(wanted);
    eventually("they are gone", || {
        (proxy.metric("roomcast_connections") == 1).then_some(())
    });
    Client::login(proxy.port, "r", "b");
}

/// Options of a proxy that waits for Redis for longer than a test does.
const PATIENT: [&str; 4] = ["--redis-timeout", "5m", "--lease", "5m"];

#[test]
fn a_connection_whose_events_wait_ends_when_its_peer_is_gone() {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    let url = format!("redis://127.0.0.1:{}", relay.port);
    let proxy = Proxy::to(&url, &PATIENT);
    let mut waiting = Client::login(proxy.port, "r", "waiting");
    let mut joining = Client::connect(proxy.port);
    let mut quiet = Client::login(proxy.port, "r", "quiet");
    relay.stall();
    // More than may be unanswered: it is not read any further.
    for i in 0..200 {
        waiting.send(&json!({"event": "message", "message": "m", "id": i.to_string()}));
    }
    // What follows a login waits for it.
    for i in 0..200 {
        joining.send(&json!({"event": "login", "roomid": "r", "uid": format!("j{i}")}));
    }
    let events = || proxy.metric("roomcast_events_total");
    let mut before = 0;
    quiet.serve_until("nothing more is read", || {
        std::mem::replace(&mut before, events()) == before && before > 64
    });
    waiting.drop_connection();
    joining.drop_connection();
    quiet.serve_until("both are gone", || {
        proxy.metric("roomcast_connections") == 1
    });
    assert_eq!(proxy.metric("roomcast_dead_connections_total"), 0);
    quiet.drop_connection();
    eventually("all are gone", || {
        (proxy.metric("roomcast_connections") == 0).then_some(())
    });
}

#[test]
fn what_was_sent_before_a_client_went_has_its_effect() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    let mut b = Client::login(proxy.port, "r", "b");
    const MANY: usize = 1000;
    for i in 0..MANY {
        a.say(&i.to_string());
    }
    // Its events wait for one another when this is seen.
    a.finish();
    let last = (MANY - 1).to_string();
    assert_eq!(b.messages_until(&last).len(), MANY);
    let info = ok(&mut redis.connect(), "ROOM.INFO room:r");
    let messages = harness::value::field(&info, "messages");
    assert_eq!(harness::value::int(&messages), MANY as i64);
}
