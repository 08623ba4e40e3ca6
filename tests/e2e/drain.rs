//! How a proxy ends that is told to: in which order, how long it takes, and that nothing is lost by it.

use harness::client::Client;
use harness::eventually;
use harness::http::Http;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{field, int, ok};
use serde_json::json;
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::{Duration, Instant};

mod crowd;

fn waits_for(redis: &Redis, room: &str, uid: &str) -> i64 {
    let pending = ok(
        &mut redis.connect(),
        &format!("ROOM.PENDING room:{room} {uid}"),
    );
    int(&field(&pending, "pending"))
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// Clients who are told goodbye one after the other.
fn people(proxy: &Proxy, many: usize) -> Vec<Client> {
    let people = (0..many).map(|number| Client::login(proxy.port, "r", &format!("u{number}")));
    people.collect()
}

#[test]
fn it_is_red_and_takes_nobody_in_while_it_says_goodbye_to_one_after_the_other() {
    let redis = Redis::start();
    let mut proxy = Proxy::with(&redis, &["--drain", "3s"]);
    let mut people = people(&proxy, 6);
    let began = Instant::now();
    proxy.process().signal("TERM");
    proxy.becomes_ready(false);
    assert!(proxy.get("/readyz").ends_with("the proxy stops\n"));
    assert_eq!(status(&proxy.get("/healthz")), "200", "it lives");
    let asks = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version: 13",
    ];
    let refused = Http::to(proxy.port).ask_with("GET", "/ws", &asks, b"");
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.body.contains("the proxy stops"), "{refused:?}");
    // Each is listened to by itself: their turns come in no order of ours.
    let mut ends: Vec<Duration> = thread::scope(|scope| {
        let ends = people.iter_mut().map(|client| {
            scope.spawn(move || {
                // Whoever is still there is served until its turn has come.
                assert_eq!(client.closed(), 4000);
                let last = client.seen.last().expect("an event");
                assert_eq!(
                    (&last["event"], &last["after"]),
                    (&json!("closing"), &json!(0))
                );
                began.elapsed()
            })
        });
        let ends: Vec<_> = ends.collect();
        ends.into_iter()
            .map(|end| end.join().expect("it was closed"))
            .collect()
    });
    ends.sort();
    assert!(
        ends[0] < Duration::from_secs(2),
        "the first one at once: {ends:?}"
    );
    assert!(
        ends[5] >= Duration::from_millis(2400),
        "the last one late: {ends:?}"
    );
    assert_eq!(eventually("it ends", || proxy.ended()), 0);
    assert!(TcpStream::connect(("127.0.0.1", proxy.port)).is_err());
}

#[test]
fn without_a_time_all_go_at_once_and_a_client_that_does_not_go_is_not_waited_for() {
    let redis = Redis::start();
    let mut proxy = Proxy::with(&redis, &["--drain", "0"]);
    // It reads nothing, and so answers no goodbye.
    let _silent = Client::login(proxy.port, "r", "silent");
    let mut people = people(&proxy, 3);
    let began = Instant::now();
    proxy.process().signal("INT");
    for client in &mut people {
        assert_eq!(client.closed(), 4000);
    }
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(eventually("it ends", || proxy.ended()), 0);
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn what_was_confirmed_is_reported() {
    let redis = Redis::start();
    // Rooms would report much later.
    let mut proxy = Proxy::with(&redis, &["--drain", "0", "--ack-interval", "1h"]);
    let mut bob = Client::connect(proxy.port);
    bob.send(&json!({"event": "login", "roomid": "r", "uid": "bob", "ack": "client"}));
    bob.wait("synced");
    let mut alice = Client::login(proxy.port, "r", "alice");
    for number in 0..20 {
        alice.say(&number.to_string());
    }
    let last = bob.messages_until("19").pop().expect("messages");
    assert_eq!(waits_for(&redis, "r", "bob"), 20);
    bob.send(&json!({"event": "ack", "roomid": "r", "position": last["position"]}));
    // What comes behind it was read after it.
    bob.send(&json!({"event": "members", "roomid": "r"}));
    bob.wait("members");
    assert_eq!(proxy.stop(), 0);
    assert_eq!(waits_for(&redis, "r", "bob"), 0);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let redis = Redis::start();
    let mut proxy = Proxy::with(&redis, &["--drain", "1h"]);
    let _people = people(&proxy, 2);
    proxy.process().signal("TERM");
    proxy.becomes_ready(false);
    assert_eq!(proxy.ended(), None);
    proxy.process().signal("INT");
    assert_eq!(eventually("it ends", || proxy.ended()), 1);
    assert!(proxy.process().printed().contains("a second signal"));
}

#[test]
fn without_redis_its_end_is_bounded_too() {
    let mut redis = Redis::start();
    let mut proxy = Proxy::with(&redis, &["--drain", "0"]);
    let mut people = people(&proxy, 2);
    redis.kill();
    proxy.becomes_ready(false);
    let began = Instant::now();
    proxy.process().signal("TERM");
    for client in &mut people {
        assert_eq!(client.closed(), 4000);
    }
    assert_eq!(eventually("it ends", || proxy.ended()), 0);
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
}

/// What came on the socket of a service manager, until this did.
fn told(socket: &UnixDatagram, until: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut bytes = [0; 1024];
    while !all.iter().any(|told: &String| told.contains(until)) {
        let len = socket
            .recv(&mut bytes)
            .unwrap_or_else(|error| panic!("{until} did not come: {error}; came: {all:?}"));
        all.push(String::from_utf8_lossy(&bytes[..len]).into_owned());
    }
    all
}

#[test]
fn a_service_manager_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket
        .set_read_timeout(Some(harness::PATIENCE))
        .expect("a time-out");
    let redis = Redis::start();
    let variables = [
        ("NOTIFY_SOCKET", path.to_str().expect("a path")),
        ("WATCHDOG_USEC", "600000"),
    ];
    let mut proxy = Proxy::with_variables(&redis, &variables, &["--drain", "0"]);
    assert_eq!(told(&socket, "READY=1").len(), 1, "it is the first");
    assert!(proxy.is_ready());
    for _ in 0..3 {
        told(&socket, "WATCHDOG=1");
    }
    assert_eq!(proxy.stop(), 0);
    told(&socket, "STOPPING=1");
}
