//! Whose address a connection counts for behind trusted proxies.

use harness::client::connect_from;
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use std::io::{Read, Write};
use std::net::TcpStream;

const FRONT: [u8; 4] = [127, 0, 0, 2];
const STRANGER: [u8; 4] = [127, 0, 0, 3];

/// Asks for a WebSocket with these lines, `before` standing before all of it; the status, and the connection.
fn upgrade(proxy: &Proxy, from: [u8; 4], before: &str, lines: &str) -> (String, TcpStream) {
    let mut stream = connect_from(from, proxy.port);
    let request = format!(
        "{before}GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{lines}\r\n"
    );
    let _ = stream.write_all(request.as_bytes());
    let mut answer = [0; 12];
    // A connection that is closed before it is read ends with a reset.
    let came = stream.read_exact(&mut answer).is_ok();
    let status = String::from_utf8_lossy(answer.get(9..).unwrap_or_default()).into_owned();
    (if came { status } else { String::new() }, stream)
}

#[test]
fn a_trusted_proxy_names_its_clients_by_a_header() {
    let redis = Redis::start();
    let proxy = Proxy::with(
        &redis,
        &[
            "--open",
            "--trusted-proxies",
            "127.0.0.2,10.0.0.0/8",
            "--max-per-address",
            "2",
        ],
    );
    let mut held = Vec::new();
    let mut ask = |from, forwarded_for: &str| {
        let (status, stream) = upgrade(
            &proxy,
            from,
            "",
            &format!("X-Forwarded-For: {forwarded_for}\r\n"),
        );
        if status == "101" {
            held.push(stream);
        }
        status
    };
    for (forwarded_for, status) in [
        ("9.9.9.9", "101"),
        // What the client wrote itself is not believed; a proxy behind the front is.
        ("1.1.1.1, 9.9.9.9, 10.0.0.7", "101"),
        ("9.9.9.9", "503"),
        ("8.8.8.8, 9.9.9.9", "503"),
        ("8.8.8.8", "101"),
        // A /64 is one address.
        ("2a00:1:2:3::1", "101"),
        ("2a00:1:2:3:4::1", "101"),
        ("2a00:1:2:3:ffff::1", "503"),
        ("2a00:1:2:4::1", "101"),
        // The front has no limit itself.
        ("unknown", "101"),
        ("unknown", "101"),
        ("unknown", "101"),
    ] {
        assert_eq!(ask(FRONT, forwarded_for), status, "{forwarded_for}");
    }
    assert_eq!(
        proxy.metric("roomcast_connections_refused_by_address_total"),
        3
    );
    let said = || proxy.process().printed();
    eventually("the log tells whom a connection is of", || {
        said().contains("client=8.8.8.8").then_some(())
    });
    // A stranger is believed nothing, and that is told once.
    assert_eq!(ask(STRANGER, "7.7.7.7"), "101");
    assert_eq!(ask(STRANGER, "6.6.6.6"), "101");
    assert_eq!(ask(STRANGER, "5.5.5.5"), "");
    assert_eq!(said().matches("is not believed").count(), 1);
    drop(held);
    eventually("the places are free again", || {
        let (status, _) = upgrade(&proxy, FRONT, "", "X-Forwarded-For: 9.9.9.9\r\n");
        (status == "101").then_some(())
    });
}

#[test]
fn who_comes_again_and_again_by_a_trusted_proxy_waits_as_others_do() {
    let redis = Redis::start();
    let options = [
        "--open",
        "--trusted-proxies",
        "127.0.0.2",
        "--work-per-address",
        "1000",
    ];
    let proxy = Proxy::with(&redis, &options);
    let waited = || proxy.metric("roomcast_connections_queued_total");
    let come = |whose: &str| upgrade(&proxy, FRONT, "", &format!("X-Forwarded-For: {whose}\r\n"));
    eventually("who comes again and again waits", || {
        let (status, _) = come("9.9.9.9");
        assert_eq!(status, "101");
        (waited() > 0).then_some(())
    });
    let before = waited();
    assert_eq!(come("8.8.8.8").0, "101");
    assert_eq!(waited(), before, "another address does not");
}

#[test]
fn a_trusted_proxy_is_believed_which_host_it_was_asked_for() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--open", "--trusted-proxies", "127.0.0.2"]);
    let lines = "X-Forwarded-Host: chat.org\r\nOrigin: https://chat.org\r\n";
    assert_eq!(upgrade(&proxy, FRONT, "", lines).0, "101");
    assert_eq!(upgrade(&proxy, STRANGER, "", lines).0, "403");
}

#[test]
fn a_trusted_proxy_names_its_clients_by_the_proxy_protocol() {
    let redis = Redis::start();
    let proxy = Proxy::with(
        &redis,
        &[
            "--open",
            "--proxy-protocol",
            "--trusted-proxies",
            "127.0.0.1,127.0.0.2",
            "--max-per-address",
            "1",
            "--handshake-timeout",
            "1s",
        ],
    );
    let nine = "PROXY TCP4 9.9.9.9 127.0.0.1 5 80\r\n";
    let (first, held) = upgrade(&proxy, FRONT, nine, "");
    assert_eq!(first, "101");
    assert_eq!(
        upgrade(&proxy, FRONT, nine, "").0,
        "",
        "it has all that it may have"
    );
    // The line stands above the header.
    let header = "X-Forwarded-For: 8.8.8.8\r\n";
    assert_eq!(upgrade(&proxy, FRONT, nine, header).0, "");
    let eight = "PROXY TCP4 8.8.8.8 127.0.0.1 5 80\r\n";
    assert_eq!(upgrade(&proxy, FRONT, eight, "").0, "101");
    assert_eq!(upgrade(&proxy, FRONT, "", "").0, "", "the line is missing");
    assert_eq!(upgrade(&proxy, FRONT, "PROXY ", "").0, "", "it is none");
    assert_eq!(
        upgrade(&proxy, STRANGER, eight, "").0,
        "",
        "no trusted proxy"
    );
    let said = proxy.process().printed();
    assert!(said.contains("--proxy-protocol"), "{said}");
    drop(held);
    eventually("the place is free again", || {
        (upgrade(&proxy, FRONT, nine, "").0 == "101").then_some(())
    });
}
