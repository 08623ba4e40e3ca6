//! What the log tells of connections.

use harness::client::Client;
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Lines of the log that contain all of this.
fn lines(proxy: &Proxy, parts: &[&str]) -> Vec<String> {
    let printed = proxy.process().printed();
    let has_all = |line: &&str| parts.iter().all(|part| line.contains(part));
    printed.lines().filter(has_all).map(str::to_owned).collect()
}

fn is_told(proxy: &Proxy, parts: &[&str]) -> String {
    eventually(&format!("a line with {parts:?}"), || {
        lines(proxy, parts).into_iter().next()
    })
}

#[test]
fn debug_tells_of_a_connection_from_its_begin_to_its_end() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--max-event", "1000"]);
    let mut a = Client::login(proxy.port, "lobby", "ann");
    let login = is_told(&proxy, &["DEBUG", "login", "room=lobby", "uid=ann"]);
    let conn = login.split(' ').find(|word| word.starts_with("conn="));
    let conn = conn.expect("a number of the connection");
    is_told(&proxy, &["connected", conn, "address=127.0.0.1:"]);
    a.send(&json!({"event": "message", "message": "x".repeat(2000)}));
    assert_eq!(a.closed(), 4101);
    let reason = "an event was larger than allowed";
    is_told(&proxy, &["closed", conn, "code=4101", reason]);
    Client::login(proxy.port, "lobby", "bob").drop_connection();
    is_told(&proxy, &["closed", "the client is gone"]);
}

/// Asks for a WebSocket as a page of this origin does; the first line of the answer.
fn upgrade(port: u16, origin: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nOrigin: {origin}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn refused_origins_are_told_but_not_each_time() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--origins", "https://ours.org"]);
    assert_eq!(upgrade(proxy.port, "https://ours.org"), "HTTP/1.1 101");
    const MANY: u64 = 200;
    for _ in 0..MANY {
        assert_eq!(upgrade(proxy.port, "https://theirs.org"), "HTTP/1.1 403");
    }
    assert_eq!(proxy.metric("roomcast_connections_refused_total"), MANY);
    let told = lines(&proxy, &["INFO", "https://theirs.org"]).len();
    // One in five seconds.
    assert!((1..20).contains(&told), "{told} lines for {MANY}");
}

#[test]
fn floods_are_told_but_not_each_time() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--max-rate", "1", "--busy-timeout", "1s"]);
    const MANY: u64 = 30;
    let mut floods: Vec<Client> = (0..MANY).map(|_| Client::connect(proxy.port)).collect();
    for flood in &mut floods {
        for _ in 0..20 {
            flood.send_text("nonsense");
        }
    }
    for flood in &mut floods {
        // Nobody logged in: an address alone is not told to stay away.
        assert_eq!(flood.closed(), 4005);
    }
    assert_eq!(proxy.metric("roomcast_busy_connections_total"), MANY);
    let told = lines(&proxy, &["INFO", "above its budget", "127.0.0.1:"]).len();
    assert!((1..10).contains(&told), "{told} lines for {MANY}");
}
