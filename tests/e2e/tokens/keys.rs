//! Keys that change while the proxy runs.

use super::signed::{ALL, EC, KeyFile, SECRET, claims, codes, enter, login, signed, token};
use harness::certs::{Authority, Pair, text};
use harness::client::Client;
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use jsonwebtoken::Algorithm;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::Header;
use jsonwebtoken::encode;
use jsonwebtoken::jwk::Jwk;
use rustls::{ServerConnection, StreamOwned};
use serde_json::json;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[test]
fn a_key_that_changes_is_read_without_a_restart() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let mut old = enter(proxy.port, &token("ann"));
    // Something that is no key leaves the last one.
    keys.write("short");
    eventually("it is told", || {
        let printed = proxy.process().printed();
        printed.contains("the last ones stay").then_some(())
    });
    enter(proxy.port, &token("bob"));
    let next = "a new secret, which is long enough too";
    keys.write(next);
    let new = signed(next, &claims("bob", json!({"lobby": ALL})));
    eventually("the new key is taken", || {
        let mut bob = Client::connect(proxy.port);
        bob.send(&login(&new));
        let first = bob.find("an answer", |event| {
            event["event"] == "login" || event["event"] == "error"
        });
        (first["event"] == "login").then_some(())
    });
    let mut bob = Client::connect(proxy.port);
    bob.send(&login(&token("bob")));
    assert_eq!(codes(&mut bob, true).1, Some(4103));
    // Whoever is in stays until its token ends.
    old.say("still here");
    old.messages_until("still here");
}

/// A server of one JWKS, which may change; how often it was asked.
struct KeyServer {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl KeyServer {
    fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let n = count.fetch_add(1, Ordering::SeqCst);
                let last = answers.len() - 1;
                let _ = answer(stream, &answers[n.min(last)]);
            }
        });
        Self { port, asked }
    }
}

fn answer(stream: TcpStream, answer: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    answer_over(stream, answer)
}

fn answer_over(stream: impl Read + Write, answer: &str) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    stream.get_mut().write_all(answer.as_bytes())?;
    stream.get_mut().flush()
}

fn jwks(kid: &str) -> String {
    let key = EncodingKey::from_ec_der(EC);
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("a key");
    jwk.common.key_id = Some(kid.to_owned());
    let body = json!({"keys": [jwk]}).to_string();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

#[test]
fn keys_behind_a_url_are_asked_for_when_a_token_names_one_that_is_not_known() {
    let redis = Redis::start();
    let mut header = Header::new(Algorithm::ES256);
    let mut by = |kid: &str| {
        header.kid = Some(kid.to_owned());
        let all = claims("bob", json!({"lobby": ALL}));
        encode(&header, &all, &EncodingKey::from_ec_der(EC)).expect("a token")
    };
    let server = KeyServer::start(vec![jwks("one")]);
    let url = format!("http://127.0.0.1:{}/keys", server.port);
    let proxy = Proxy::with(&redis, &["--token-key", &url]);
    eventually("the keys were asked for", || {
        proxy
            .process()
            .printed()
            .contains("keys for tokens")
            .then_some(())
    });
    enter(proxy.port, &by("one"));
    // A name that nobody knows asks no more often than every 30 s, and says come back.
    for _ in 0..5 {
        let mut bob = Client::connect(proxy.port);
        bob.send(&login(&by("two")));
        assert_eq!(
            codes(&mut bob, true),
            (vec!["NOKEY".to_owned()], Some(4003))
        );
    }
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
    // An answer that leads elsewhere is none, and neither is one that is too large.
    let away = format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n");
    let large = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n{}",
        " ".repeat(70_000)
    );
    for (content, part) in [(away, "302"), (large, "cannot be read")] {
        let server = KeyServer::start(vec![content]);
        let url = format!("http://127.0.0.1:{}/keys", server.port);
        let proxy = Proxy::with(&redis, &["--token-key", &url]);
        eventually(part, || {
            proxy.process().printed().contains(part).then_some(())
        });
        let mut bob = Client::connect(proxy.port);
        bob.send(&login(&by("one")));
        assert_eq!(codes(&mut bob, true).1, Some(4003));
    }
}

/// The same over TLS.
fn serve_secure(listener: TcpListener, pair: &Pair, content: String) {
    let config = pair.server();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let session = ServerConnection::new(config.clone()).expect("a session");
            let _ = answer_over(StreamOwned::new(session, stream), &content);
        }
    });
}

#[test]
fn keys_may_be_behind_https_of_an_authority_that_the_system_trusts() {
    let redis = Redis::start();
    let (trusted, other) = (Authority::new(), Authority::new());
    let file = trusted.file();
    let variables = [("SSL_CERT_FILE", text(&file)), ("SSL_CERT_DIR", "")];
    let start = |authority: &Authority| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        serve_secure(listener, &authority.certify("localhost"), jwks("one"));
        let url = format!("https://localhost:{port}/keys");
        Proxy::with_variables(&redis, &variables, &["--token-key", &url])
    };
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("one".to_owned());
    let all = claims("bob", json!({"lobby": ALL}));
    let token = encode(&header, &all, &EncodingKey::from_ec_der(EC)).expect("a token");
    let said = |proxy: &Proxy, part: &str| {
        eventually(part, || {
            proxy.process().printed().contains(part).then_some(())
        });
    };
    let proxy = start(&trusted);
    said(&proxy, "keys for tokens");
    enter(proxy.port, &token);
    let proxy = start(&other);
    said(&proxy, "an authority that is not trusted");
    let mut bob = Client::connect(proxy.port);
    bob.send(&login(&token));
    assert_eq!(codes(&mut bob, true).1, Some(4003));
}
