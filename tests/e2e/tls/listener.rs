//! Browsers that come by `wss://`, and those who speak something else there.

use harness::certs::{Authority, Pair};
use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::stream::Stream;
use harness::value::words;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn start(redis: &Redis, pair: &Pair, more: &[&str]) -> Proxy {
    let options = pair.options("--tls-cert", "--tls-key");
    Proxy::with(redis, &[&options[..], more].concat())
}

fn login(proxy: &Proxy, authority: &Authority, uid: &str) -> Client {
    let mut client = Client::secure(proxy.port, authority.client()).expect("a handshake");
    client.enter("r", uid);
    client
}

#[test]
fn who_was_away_gets_what_was_missed() {
    let (redis, authority) = (Redis::start(), Authority::new());
    let proxy = start(&redis, &authority.certify("localhost"), &[]);
    let mut ann = login(&proxy, &authority, "ann");
    let mut bob = login(&proxy, &authority, "bob");
    ann.say("live");
    assert_eq!(texts(&bob.messages_until("live")), ["live"]);
    bob.confirm();
    // With a connection that drops, what is on its way may drop too.
    eventually("it is confirmed", || {
        let why: String = redis.query(&words("ROOM.WHY room:r bob 1"));
        (why == "delivered").then_some(())
    });
    bob.drop_connection();
    let missed: Vec<String> = (0..50).map(|i| format!("missed {i}")).collect();
    for text in &missed {
        ann.say(text);
    }
    ann.messages_until("missed 49");
    let mut bob = login(&proxy, &authority, "bob");
    assert_eq!(texts(&bob.messages_until("missed 49")), missed);
    // One message of many records.
    let large = "x".repeat(50_000);
    ann.say(&large);
    assert_eq!(texts(&bob.messages_until(&large)), [large]);
    // Both say goodbye.
    ann.send(&json!({"event": "logout"}));
    ann.wait("logout");
}

#[test]
fn a_stalled_reader_costs_little_and_gets_everything_in_the_end() {
    let (redis, authority) = (Redis::start(), Authority::new());
    let options = ["--outbox", "65536", "--send-buffer", "8192"];
    let proxy = start(&redis, &authority.certify("localhost"), &options);
    let mut good = login(&proxy, &authority, "good");
    let mut stalled = login(&proxy, &authority, "stalled");
    const MANY: usize = 10_000;
    for some in 0..MANY / 100 {
        let mut pipe = redis::pipe();
        for i in some * 100..some * 100 + 100 {
            // Shorter than a record, and longer.
            let fill = "x".repeat(if i % 500 == 0 { 20_000 } else { i % 2000 });
            let text = format!(r#"{{"message":"{i}","fill":"{fill}"}}"#);
            let command = pipe.cmd("ROOM.PUBLISH").arg("room:r").arg("bot");
            command.arg(text).ignore();
        }
        pipe.query::<()>(&mut redis.connect()).expect("messages");
    }
    let last = (MANY - 1).to_string();
    assert_eq!(good.messages_until(&last).len(), MANY);
    assert!(proxy.metric("roomcast_slow_total") >= 1);
    let seen = texts(&stalled.messages_until(&last));
    let in_order = |(i, text): (usize, &String)| *text == i.to_string();
    assert!(seen.iter().enumerate().all(in_order), "without a gap");
    assert_eq!(seen.len(), MANY);
}

#[test]
fn another_certificate_is_shown_without_a_restart() {
    let redis = Redis::start();
    let (old, new) = (Authority::new(), Authority::new());
    let pair = old.certify("localhost");
    let proxy = start(&redis, &pair, &[]);
    let mut ann = login(&proxy, &old, "ann");
    let told = || {
        let printed = proxy.process().printed();
        printed.matches("the last one stays").count()
    };
    // What cannot be used changes nothing, and is told once.
    std::fs::write(&pair.key, "nonsense").expect("a file");
    eventually("it is told", || (told() == 1).then_some(()));
    login(&proxy, &old, "bob");
    pair.replace_by(&new.certify("localhost"));
    eventually("the new one is shown", || {
        Client::secure(proxy.port, new.client()).ok()
    });
    let refused = Client::secure(proxy.port, old.client()).err();
    assert!(refused.is_some_and(|why| why.contains("certificate")));
    // Halves of different pairs.
    let other = new.certify("localhost");
    let before = told();
    std::fs::copy(&other.cert, &pair.cert).expect("a copy");
    eventually("it is told", || (told() > before).then_some(()));
    assert!(
        proxy
            .process()
            .printed()
            .contains("is not that of the first")
    );
    login(&proxy, &new, "cal");
    // Whoever is in stays.
    ann.say("still here");
    ann.messages_until("still here");
}

#[test]
fn whoever_trusts_another_authority_does_not_come_in() {
    let (redis, authority) = (Redis::start(), Authority::new());
    let proxy = start(&redis, &authority.certify("localhost"), &[]);
    let why = Client::secure(proxy.port, Authority::new().client()).err();
    let why = why.expect("no handshake");
    assert!(why.contains("certificate"), "{why}");
    eventually("it is counted", || {
        (proxy.metric("roomcast_tls_failed_total") == 1).then_some(())
    });
    login(&proxy, &authority, "ann");
}

/// Reads to the end: how long that took, and what came.
fn rest(mut stream: TcpStream) -> (Duration, Vec<u8>) {
    let began = Instant::now();
    stream
        .set_read_timeout(Some(harness::PATIENCE))
        .expect("a time-out");
    let mut came = Vec::new();
    stream.read_to_end(&mut came).expect("a clean end");
    (began.elapsed(), came)
}

#[test]
fn a_handshake_has_an_end() {
    let (redis, authority) = (Redis::start(), Authority::new());
    let times = ["--handshake-timeout", "500ms", "--http-timeout", "1s"];
    let proxy = start(&redis, &authority.certify("localhost"), &times);
    let connect = || TcpStream::connect(("127.0.0.1", proxy.port)).expect("a connection");
    // One says nothing, one begins a record that it does not end, one begins something else.
    let silent = connect();
    let mut half = connect();
    half.write_all(&[22, 3, 1, 1, 0, 1, 0]).expect("some bytes");
    let mut http = connect();
    http.write_all(b"GET / HT").expect("some bytes");
    for stream in [silent, half, http] {
        let (took, _) = rest(stream);
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
    eventually("they are counted", || {
        (proxy.metric("roomcast_tls_failed_total") == 3).then_some(())
    });
    // Who has shaken hands must ask for something.
    let stream = Stream::tls(connect(), authority.client());
    let Stream::Tls(mut tls) = stream else {
        panic!("not TLS");
    };
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock).expect("a handshake");
    }
    let (took, _) = rest(tls.sock.try_clone().expect("a socket"));
    assert!(took < Duration::from_secs(4), "{took:?}");
    login(&proxy, &authority, "ann");
}

#[test]
fn plain_http_is_told_in_a_sentence() {
    let (redis, authority) = (Redis::start(), Authority::new());
    let proxy = start(&redis, &authority.certify("localhost"), &[]);
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port)).expect("a connection");
    let body = "x".repeat(20_000);
    let request = format!("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).expect("a request");
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("an end of the request");
    let (_, came) = rest(stream);
    let said = String::from_utf8(came).expect("text");
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    assert!(
        said.contains("https://") && said.contains("wss://"),
        "{said}"
    );
}

/// The answer to a request by TLS.
fn ask(proxy: &Proxy, authority: &Authority, request: &str) -> String {
    let stream = TcpStream::connect(("127.0.0.1", proxy.port)).expect("a connection");
    stream
        .set_read_timeout(Some(harness::PATIENCE))
        .expect("a time-out");
    let mut stream = Stream::tls(stream, authority.client());
    stream.write_all(request.as_bytes()).expect("a request");
    let mut came = Vec::new();
    let _ = stream.read_to_end(&mut came);
    String::from_utf8(came).expect("text")
}

#[test]
fn the_door_judges_as_without_tls() {
    let (redis, authority) = (Redis::start(), Authority::new());
    let proxy = start(&redis, &authority.certify("localhost"), &[]);
    let port = proxy.port;
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for (headers, status) in [
        (
            format!("Host: localhost:{port}\r\nConnection: close\r\n"),
            "200",
        ),
        (
            format!("Host: evil.org:{port}\r\nConnection: close\r\n"),
            "403",
        ),
        (
            format!("Host: localhost:{port}\r\n{upgrade}Origin: https://evil.org\r\n"),
            "403",
        ),
        (
            format!("Host: localhost\r\nX-Forwarded-For: 9.9.9.9\r\n{upgrade}"),
            "403",
        ),
    ] {
        let answer = ask(
            &proxy,
            &authority,
            &format!("GET / HTTP/1.1\r\n{headers}\r\n"),
        );
        let wanted = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&wanted), "{headers}: {answer}");
    }
    // A page of its own, by https.
    let page =
        format!("GET /room.js HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    let script = ask(&proxy, &authority, &page);
    assert!(
        script.contains("\"wss:\""),
        "it speaks wss where the page is https"
    );
}

#[test]
fn records_are_paid_for_however_little_is_in_them() {
    let (redis, authority) = (Redis::start(), Authority::new());
    let few = ["--work-per-address", "2000"];
    let proxy = start(&redis, &authority.certify("localhost"), &few);
    let stream = TcpStream::connect(("127.0.0.1", proxy.port)).expect("a connection");
    let Stream::Tls(mut tls) = Stream::tls(stream, authority.client()) else {
        panic!("not TLS");
    };
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    tls.write_all(request.as_bytes()).expect("a request");
    let mut answer = [0; 12];
    tls.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 101");
    let paused = proxy.metric("roomcast_pauses_total");
    // The head of a message of 60,000 bytes, and then byte by byte, many in a packet.
    let head = [0x81, 0xfe, 0xea, 0x60, 0, 0, 0, 0];
    tls.write_all(&head).expect("some bytes");
    for _ in 0..30 {
        for _ in 0..2000 {
            tls.conn.writer().write_all(b"x").expect("a byte");
        }
        tls.flush().expect("many records");
    }
    eventually("they are too many", || {
        (proxy.metric("roomcast_pauses_total") > paused).then_some(())
    });
}

#[test]
fn whoever_says_too_much_hears_why_it_ends() {
    let (redis, authority) = (Redis::start(), Authority::new());
    let (secure, plain) = (
        start(&redis, &authority.certify("localhost"), &[]),
        Proxy::start(&redis),
    );
    for mut client in [
        login(&secure, &authority, "ann"),
        Client::login(plain.port, "r", "bob"),
    ] {
        // All of it is sent before anything is read.
        client.say(&"x".repeat(1_000_000));
        assert_eq!(client.closed(), 4101);
    }
}
