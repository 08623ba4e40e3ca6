//! TLS with sentinels and with the primary that they lead to.

use super::link::Secure;
use crate::start::fails;
use harness::certs::{Authority, text};
use harness::eventually;
use harness::process::free_port;
use harness::proxy::Proxy;
use harness::sentinel::{NAME, Sentinel};

#[test]
fn sentinels_and_their_primary_are_met_by_tls() {
    let authority = Authority::new();
    let (ca, pair) = (authority.file(), authority.certify("127.0.0.1"));
    let secure = Secure::start(&authority, &pair, false);
    let port = free_port();
    let [_, cert, _, key] = pair.options("", "");
    // It speaks TLS with the primary as well.
    let more = format!(
        "tls-port {port}\ntls-replication yes\ntls-auth-clients no\ntls-cert-file {cert}\ntls-key-file {key}\ntls-ca-cert-file {}",
        text(&ca)
    );
    let sentinel = Sentinel::watching(secure.port, 1, &more);
    eventually("the sentinel names it", || sentinel.primary());
    let url = format!("rediss+sentinel://127.0.0.1:{port}/{NAME}");
    let proxy = Proxy::to(&url, &["--redis-ca", text(&ca)]);
    proxy.becomes_ready(true);
    let clients: String = secure.redis.query(redis::cmd("CLIENT").arg("LIST"));
    let named = clients.lines().filter(|line| line.contains("name=proxy-"));
    let laddr = format!("laddr=127.0.0.1:{}", secure.port);
    assert_eq!(named.filter(|line| line.contains(&laddr)).count(), 2);
    let untrusted = "is of an authority that is not trusted";
    fails(&["--redis", &url], &[], 3, &[untrusted]);
}
