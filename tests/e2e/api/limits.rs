//! How much there may be, and a port of its own.

use super::{apart, api, messages, proxy};
use harness::certs::Authority;
use harness::eventually;
use harness::http::{Answer, Http, KEY};
use harness::redis::Redis;
use harness::stream::Stream;
use std::time::{Duration, Instant};

const JSON: &str = "Content-Type: application/json";

#[test]
fn requests_are_as_many_and_as_slow_as_they_may_be() {
    let redis = Redis::start();
    let options = [
        "--api-requests",
        "2",
        "--handshake-timeout",
        "1s",
        "--http-timeout",
        "2s",
    ];
    let (proxy, _keys) = proxy(&redis, &options);
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n{JSON}\r\nContent-Length: 23\r\n\r\n",
        messages("r")
    );
    // Two that do not end.
    let mut slow = [api(&proxy), api(&proxy)];
    let began = Instant::now();
    slow.iter_mut().for_each(|http| http.send(head.as_bytes()));
    eventually("both are worked on", || {
        (proxy.metric("roomcast_api_under_way") == 2).then_some(())
    });
    let answer = api(&proxy).get("/api/bans");
    assert_eq!(answer.problem(), (429, "TOOFAST".into()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let answers: Vec<Answer> = slow
        .iter_mut()
        .map(|http| http.answer(false).unwrap())
        .collect();
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert!(
        answers
            .iter()
            .all(|answer| answer.problem() == (408, "TIMEOUT".into()))
    );
    assert_eq!(proxy.metric("roomcast_api_busy_total"), 1);
    assert_eq!(api(&proxy).get("/api/bans").status, 200);
    assert_eq!(proxy.metric("roomcast_api_under_way"), 0);
}

#[test]
fn a_port_of_its_own_keeps_connections_and_has_limits() {
    let redis = Redis::start();
    let options = [
        "--api-connections",
        "4",
        "--http-timeout",
        "1s",
        "--handshake-timeout",
        "1s",
    ];
    let (_proxy, port, _keys) = apart(&redis, &options);
    let mut http = Http::to(port);
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1500) {
        http.get("/api/bans").ok();
        std::thread::sleep(Duration::from_millis(50));
    }
    // Of one address two at most.
    let mut second = Http::to(port);
    second.get("/api/bans").ok();
    let mut third = Http::to(port);
    third.send(b"GET /api/bans HTTP/1.1\r\n\r\n");
    assert!(third.answer(false).is_err());
    drop(second);
    eventually("its place is free", || {
        let mut next = Http::to(port);
        next.send(
            format!("GET /api/bans HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n")
                .as_bytes(),
        );
        next.answer(false).ok()
    });
}

#[test]
fn with_a_certificate_it_speaks_tls() {
    let (redis, authority) = (Redis::start(), Authority::new());
    let pair = authority.certify("localhost");
    let options = pair.options("--tls-cert", "--tls-key");
    let (_proxy, port, _keys) = apart(&redis, &options);
    let stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let mut http = Http::over(Stream::tls(stream, authority.client()));
    http.get("/api/bans").ok();
    assert_eq!(Http::to(port).get("/api/bans").status, 400, "in plain");
}
