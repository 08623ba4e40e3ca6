//! Waiting mail is posted over TLS, and of the rooms of every primary of a cluster.

use harness::certs::{Authority, Pair, text};
use harness::cluster::Primaries;
use harness::eventually;
use harness::proxy::Proxy;
use harness::receiver::{Receiver, SECRET};
use harness::redis::Redis;
use harness::value::ok;
use std::collections::BTreeSet;
use std::path::PathBuf;
use tempfile::TempDir;

const SETTINGS: [&str; 3] = ["waiting-delay 100", "grace 100", "start-grace 100"];

fn secrets() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secrets");
    std::fs::write(&path, SECRET).expect("a file");
    (folder, path)
}

fn tells_soon(redis: &Redis) {
    for setting in SETTINGS {
        ok(&mut redis.connect(), &format!("CONFIG SET room.{setting}"));
    }
}

#[test]
fn over_tls_to_a_receiver_that_the_system_trusts_and_no_other() {
    let redis = Redis::start();
    tells_soon(&redis);
    let (_folder, secrets) = secrets();
    let (trusted, other) = (Authority::new(), Authority::new());
    let file = trusted.file();
    let variables = [("SSL_CERT_FILE", text(&file)), ("SSL_CERT_DIR", "")];
    let told = |pair: &Pair| {
        let receiver = Receiver::secure(pair);
        let (url, often) = (receiver.url(), ["--webhook-every", "50ms"]);
        let options = ["--webhook", &url, "--webhook-secret-file", text(&secrets)];
        let options = [&options[..], &often[..]].concat();
        let proxy = Proxy::with_variables(&redis, &variables, &options);
        (receiver, proxy)
    };
    // A room for each of them: who is leased to one that dies is not leased to the next one for a while.
    let waits_in = |room: &str| {
        ok(
            &mut redis.connect(),
            &format!("ROOM.INVITE room:{room} bob"),
        );
        ok(
            &mut redis.connect(),
            &format!("ROOM.PUBLISH room:{room} ann hi"),
        );
    };
    // An authority that nobody trusts, and a certificate for another host.
    for (pair, why) in [
        (
            other.certify("localhost"),
            "of-an-authority-that-is-not-trusted",
        ),
        (trusted.certify("elsewhere.example"), "for-another-name"),
    ] {
        waits_in(why);
        let (receiver, proxy) = told(&pair);
        eventually("it fails", || {
            (proxy.metric("roomcast_webhook_failing") == 1).then_some(())
        });
        let printed = proxy.process().printed();
        assert!(printed.contains(&why.replace('-', " ")), "{why}");
        assert_eq!(receiver.posts().len(), 0);
        drop(proxy);
    }
    waits_in("trusted");
    let (receiver, _proxy) = told(&trusted.certify("localhost"));
    let posts = receiver.wait(1);
    assert_eq!(posts[0].status, 200);
    assert_eq!(posts[0].tellings()[0].1, "bob");
}

#[test]
fn every_primary_of_a_cluster_is_asked() {
    let cluster = Primaries::start();
    cluster.nodes.iter().for_each(tells_soon);
    let (_folder, secrets) = secrets();
    let receiver = Receiver::start();
    let url = format!("redis+cluster://127.0.0.1:{}", cluster.nodes[0].port);
    let (webhook, often) = (receiver.url(), ["--webhook-every", "50ms"]);
    let options = [
        "--webhook",
        &webhook,
        "--webhook-secret-file",
        text(&secrets),
    ];
    let proxy = Proxy::to(&url, &[&options[..], &often[..]].concat());
    let rooms: BTreeSet<String> = (0..20).map(|room| format!("r{room}")).collect();
    let mut owners = BTreeSet::new();
    for room in &rooms {
        let key = format!("room:{room}");
        let owner = cluster.owner(&key);
        let mut c = cluster.nodes[owner].connect();
        ok(&mut c, &format!("ROOM.INVITE {key} bob"));
        ok(&mut c, &format!("ROOM.PUBLISH {key} ann hello"));
        owners.insert(owner);
    }
    assert_eq!(owners.len(), 2, "each of the two has some");
    eventually("bob is told of in every room", || {
        let told: BTreeSet<String> = receiver.told().into_iter().map(|row| row.0).collect();
        (told == rooms).then_some(())
    });
    eventually("each primary knows it", || {
        let told = cluster
            .nodes
            .iter()
            .map(|node| node.info("room_waiting_told"));
        (told.sum::<u64>() == 20).then_some(())
    });
    assert_eq!(receiver.told().len(), 20, "each once");
    assert_eq!(proxy.metric("roomcast_webhook_told_total"), 20);
}
