//! TLS with the nodes of a cluster.

use super::link::Secure;
use harness::certs::{Authority, text};
use harness::client::{Client, texts};
use harness::cluster::{OPTIONS, wait_for_state};
use harness::proxy::Proxy;
use harness::value::ok;

#[test]
fn the_nodes_of_a_cluster_are_met_by_tls() {
    let authority = Authority::new();
    let (ca, pair) = (authority.file(), authority.certify("127.0.0.1"));
    let options = [&OPTIONS[..], &["--tls-cluster", "yes"]].concat();
    let node = || Secure::with(&authority, &pair, false, &options);
    let nodes = [node(), node()];
    for (node, (slots, epoch)) in nodes.iter().zip([("0 8191", 1), ("8192 16383", 2)]) {
        let mut c = node.redis.connect();
        ok(&mut c, &format!("CLUSTER ADDSLOTSRANGE {slots}"));
        ok(&mut c, &format!("CLUSTER SET-CONFIG-EPOCH {epoch}"));
    }
    // They speak TLS with each other as well.
    let meet = format!("CLUSTER MEET 127.0.0.1 {}", nodes[1].port);
    ok(&mut nodes[0].redis.connect(), &meet);
    for node in &nodes {
        wait_for_state(&node.redis, "ok");
    }
    let url = format!("rediss+cluster://127.0.0.1:{}", nodes[0].port);
    let proxy = Proxy::to(&url, &["--redis-ca", text(&ca)]);
    proxy.becomes_ready(true);
    // Of each half some.
    for room in 0..8 {
        let room = room.to_string();
        let mut ann = Client::login(proxy.port, &room, "ann");
        let mut bob = Client::login(proxy.port, &room, "bob");
        ann.say("hello");
        assert_eq!(texts(&bob.messages_until("hello")), ["hello"]);
    }
    for node in &nodes {
        let clients: String = node.redis.query(redis::cmd("CLIENT").arg("LIST"));
        let named = clients.lines().filter(|line| line.contains("name=proxy-"));
        let laddr = format!("laddr=127.0.0.1:{}", node.port);
        assert_eq!(
            named.filter(|line| line.contains(&laddr)).count(),
            2,
            "{clients}"
        );
    }
}
