//! A Redis that speaks TLS.

use crate::access::documented_rule;
use harness::certs::{Authority, Pair, text};
use harness::client::{Client, texts};
use harness::eventually;
use harness::process::free_port;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::ok;

/// A Redis with TLS at another port than that of the tests.
pub(super) struct Secure {
    pub(super) redis: Redis,
    pub(super) port: u16,
}

impl Secure {
    /// One with this certificate; whether it asks clients for theirs.
    pub(super) fn start(authority: &Authority, pair: &Pair, asks: bool) -> Self {
        Self::with(authority, pair, asks, &[])
    }

    pub(super) fn with(authority: &Authority, pair: &Pair, asks: bool, more: &[&str]) -> Self {
        let port = free_port();
        let (ca, number) = (authority.file(), port.to_string());
        let options = [
            &["--save", "", "--tls-port", &number][..],
            &pair.options("--tls-cert-file", "--tls-key-file"),
            &["--tls-ca-cert-file", text(&ca)],
            &["--tls-auth-clients", if asks { "yes" } else { "no" }],
            more,
        ];
        Self {
            redis: Redis::with(&options.concat()),
            port,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("rediss://localhost:{}", self.port)
    }
}

fn works(proxy: &Proxy) {
    let mut ann = Client::login(proxy.port, "r", "ann");
    let mut bob = Client::login(proxy.port, "r", "bob");
    ann.say("hello");
    assert_eq!(texts(&bob.messages_until("hello")), ["hello"]);
}

#[test]
fn the_link_speaks_tls_and_comes_back() {
    let authority = Authority::new();
    let ca = authority.file();
    let secure = Secure::start(&authority, &authority.certify("localhost"), false);
    let proxy = Proxy::to(&secure.url(), &["--redis-ca", text(&ca)]);
    works(&proxy);
    let mut cal = Client::login(proxy.port, "r", "cal");
    // Both connections are those.
    let clients: String = secure.redis.query(redis::cmd("CLIENT").arg("LIST"));
    let named = clients.lines().filter(|line| line.contains("name=proxy-"));
    let port = format!("laddr=127.0.0.1:{}", secure.port);
    assert!(
        named.clone().count() == 2 && named.clone().all(|line| line.contains(&port)),
        "{clients}"
    );
    let lost = proxy.metric("roomcast_redis_lost_total");
    ok(
        &mut secure.redis.connect(),
        "CLIENT KILL TYPE normal SKIPME yes",
    );
    eventually("the link is lost", || {
        (proxy.metric("roomcast_redis_lost_total") > lost).then_some(())
    });
    ok(&mut secure.redis.connect(), "ROOM.PUBLISH room:r bot after");
    assert_eq!(texts(&cal.messages_until("after")), ["after"]);
}

#[test]
fn the_link_shows_a_certificate_and_a_password_of_files_which_may_change() {
    let authority = Authority::new();
    let ca = authority.file();
    let (server, own) = (authority.certify("localhost"), authority.certify("proxy"));
    let secure = Secure::start(&authority, &server, true);
    let mut c = secure.redis.connect();
    ok(&mut c, documented_rule());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "secret\n").expect("a file");
    let options = [
        &["--redis-ca", text(&ca), "--redis-user", "proxy"][..],
        &own.options("--redis-cert", "--redis-key"),
        &["--redis-password-file", text(&file)],
    ];
    let proxy = Proxy::to(&secure.url(), &options.concat());
    works(&proxy);
    let mut cal = Client::login(proxy.port, "r", "cal");
    // Another password, and another certificate, from the next link on.
    ok(&mut c, "ACL SETUSER proxy resetpass >0ther");
    std::fs::write(&file, "0ther").expect("a file");
    own.replace_by(&authority.certify("proxy"));
    ok(&mut c, "CLIENT KILL USER proxy");
    ok(&mut c, "ROOM.PUBLISH room:r bot after");
    assert_eq!(texts(&cal.messages_until("after")), ["after"]);
    assert!(!proxy.process().printed().contains("0ther"));
}
