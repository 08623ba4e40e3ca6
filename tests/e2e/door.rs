//! Who may come in, the upgrade by the letter, and what answers tell browsers.

use harness::process::{self, built, free_port};
use harness::proxy::Proxy;
use harness::redis::Redis;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

/// What a browser sends for a WebSocket, but for the lines that a test is about.
const UPGRADE: &str =
    "Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n";
const KEY: &str = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/// The whole answer, or as much of it as comes before the proxy waits for more.
fn asked(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream
        .set_read_timeout(Some(harness::PATIENCE))
        .expect("a time-out");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = Vec::new();
    let mut some = [0; 4096];
    // A socket that was opened stays: its head is all there is.
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut some).expect("an answer") {
            0 => break,
            len => answer.extend_from_slice(&some[..len]),
        }
    }
    if !answer.starts_with(b"HTTP/1.1 101") {
        stream.read_to_end(&mut answer).expect("the rest");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request for a WebSocket with these lines; the status of its answer.
fn upgrade(proxy: &Proxy, lines: &str) -> String {
    let answer = asked(
        proxy.port,
        &format!("GET /ws HTTP/1.1\r\n{UPGRADE}{KEY}{lines}\r\n"),
    );
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn an_open_proxy_on_loopback_serves_this_machine_only() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let host = format!("Host: 127.0.0.1:{}\r\n", proxy.port);
    for (lines, status) in [
        (host.clone(), "101"),
        (
            format!("{host}Origin: http://127.0.0.1:{}\r\n", proxy.port),
            "101",
        ),
        (format!("{host}Origin: http://localhost:3000\r\n"), "101"),
        (format!("{host}Origin: https://evil.org\r\n"), "403"),
        (format!("{host}Origin: null\r\n"), "403"),
        (format!("{host}X-Forwarded-For: 10.0.0.1\r\n"), "403"),
        (format!("{host}Via: 1.1 front\r\n"), "403"),
        (
            "Host: evil.org\r\nOrigin: http://evil.org\r\n".into(),
            "403",
        ),
    ] {
        assert_eq!(upgrade(&proxy, &lines), status, "{lines}");
    }
    let get = |path: &str, lines: &str| {
        asked(
            proxy.port,
            &format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{lines}\r\n"),
        )
    };
    let refused = get("/", "Host: evil.org\r\n");
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("use localhost"));
    let refused = get("/room.js", &format!("{host}Forwarded: for=10.0.0.1\r\n"));
    assert!(refused.contains("--open"), "{refused}");
    // Whoever watches the proxy may do so by any name.
    let health = get(
        "/healthz",
        "Host: evil.org\r\nX-Forwarded-For: 10.0.0.1\r\n",
    );
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    assert_eq!(proxy.metric("roomcast_connections_refused_total"), 7);
}

#[test]
fn an_open_proxy_on_another_address_must_be_meant() {
    let begins = |more: &[&str]| {
        let nobody = format!("redis://127.0.0.1:{}", free_port());
        let mut command = Command::new(built("ROOMCAST_PROXY", "roomcast-proxy"));
        command
            .args(["--listen", "0.0.0.0:0", "--redis-wait", "100ms"])
            .args(["--redis", &nobody])
            .args(more);
        let output = process::run(command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let (code, said) = begins(&[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("no loopback address") && said.contains("--open"),
        "{said}"
    );
    // With it the next thing is what is wrong: there is no Redis.
    let (code, said) = begins(&["--open"]);
    assert_eq!(code, Some(3), "{said}");
}

#[test]
fn what_is_said_to_be_open_is() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--open", "--origins", "null,https://ours.org"]);
    let front = "X-Forwarded-For: 10.0.0.1\r\n";
    for (lines, status) in [
        (
            format!("Host: chat.org\r\n{front}Origin: https://chat.org\r\n"),
            "101",
        ),
        (
            format!("Host: chat.org\r\n{front}Origin: https://ours.org\r\n"),
            "101",
        ),
        (
            format!("Host: chat.org\r\n{front}Origin: https://evil.org\r\n"),
            "403",
        ),
        ("Host: localhost\r\nOrigin: null\r\n".into(), "101"),
    ] {
        assert_eq!(upgrade(&proxy, &lines), status, "{lines}");
    }
    let said = proxy.process().printed();
    assert!(said.contains("WARN") && said.contains("OPEN: "), "{said}");
}

#[test]
fn the_upgrade_goes_by_the_letter() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let host = "Host: localhost\r\n";
    let short = "Sec-WebSocket-Key: dG9vIHNob3J0\r\n";
    let close = "Connection: close\r\n";
    for (request, status) in [
        (
            format!("GET /ws HTTP/1.1\r\n{host}{UPGRADE}{KEY}\r\n"),
            "101",
        ),
        (format!("GET / HTTP/1.1\r\n{host}{UPGRADE}{KEY}\r\n"), "101"),
        (
            format!("POST / HTTP/1.1\r\n{host}{UPGRADE}{KEY}{close}Content-Length: 0\r\n\r\n"),
            "405",
        ),
        (
            format!("HEAD /ws HTTP/1.1\r\n{host}{UPGRADE}{KEY}{close}\r\n"),
            "400",
        ),
        (
            format!("GET /ws HTTP/1.0\r\n{host}{UPGRADE}{KEY}\r\n"),
            "400",
        ),
        (
            format!("GET /ws HTTP/1.1\r\n{host}{UPGRADE}{short}{close}\r\n"),
            "400",
        ),
        (
            format!("GET /ws HTTP/1.1\r\n{host}{UPGRADE}{close}\r\n"),
            "400",
        ),
        (
            format!("GET /ws HTTP/1.1\r\n{host}{UPGRADE}{KEY}{KEY}{close}\r\n"),
            "400",
        ),
        (
            format!("GET /ws HTTP/1.1\r\n{host}{host}{UPGRADE}{KEY}{close}\r\n"),
            "400",
        ),
        (format!("GET / HTTP/1.1\r\n{close}\r\n"), "400"),
        (
            format!("GET /ws HTTP/1.1\r\n{host}{UPGRADE}{KEY}{close}Content-Length: 3\r\n\r\nabc"),
            "400",
        ),
        (
            format!(
                "GET /ws HTTP/1.1\r\n{host}{UPGRADE}{KEY}{close}Origin: http://localhost\r\nOrigin: http://localhost\r\n\r\n"
            ),
            "400",
        ),
    ] {
        let answer = asked(proxy.port, &request);
        assert_eq!(
            answer.split(' ').nth(1),
            Some(status),
            "{request}: {answer}"
        );
    }
}

#[test]
fn answers_tell_browsers_how_little_they_may_do() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let page = proxy.get("/").to_lowercase();
    for part in [
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cross-origin-opener-policy: same-origin",
        "connect-src 'self';",
    ] {
        assert!(page.contains(part), "{part}: {page}");
        if !part.starts_with("connect-src") {
            let missing = proxy.get("/nothing").to_lowercase();
            assert!(missing.contains(part), "{part}: {missing}");
        }
    }
    // The README's page may come from anywhere.
    for (path, shared) in [
        ("/room.js", true),
        ("/room.d.ts", true),
        ("/demo.js", false),
        ("/", false),
    ] {
        let answer = proxy.get(path).to_lowercase();
        let allows = answer.contains("access-control-allow-origin: *");
        assert_eq!(allows, shared, "{path}");
    }
}
