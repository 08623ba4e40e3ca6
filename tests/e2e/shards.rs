//! What goes wrong with a cluster, one thing at a time: each of them a proxy gets over, or says.

use crate::start::{Bare, fails};
use harness::client::Client;
use harness::cluster::{OPTIONS as OF_A_NODE, Primaries, wait_for_state};
use harness::connection::Connection;
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::shards::Shards;
use harness::slots::Way;
use harness::value::{ok, text, words};
use room_core::slots::slot_of;
use serde_json::json;

const OPTIONS: [&str; 2] = ["--heartbeat", "300ms"];
const BANS: &str = "roomcast:bans";

fn url(nodes: &[u16]) -> String {
    let nodes = nodes.iter().map(|port| format!("127.0.0.1:{port}"));
    let nodes: Vec<String> = nodes.collect();
    format!("redis+cluster://{}", nodes.join(","))
}

fn both(cluster: &Primaries) -> Vec<u16> {
    cluster.nodes.iter().map(|node| node.port).collect()
}

/// A room of this node's.
fn room_of(cluster: &Primaries, node: usize) -> String {
    let mut names = (0..).map(|number| number.to_string());
    let is_there = |room: &String| cluster.owner(&format!("room:{room}")) == node;
    names.find(is_there).expect("a room")
}

/// Says it until everybody hears it: what is refused in passing is said again.
fn all_hear(ann: &mut Client, bob: &mut Client, text: &str) {
    eventually(&format!("'{text}' is stored"), || {
        ann.send(&json!({"event": "message", "message": text, "id": text}));
        let answer = ann.find("an answer", |event| {
            (event["event"] == "sent" || event["event"] == "error") && event["id"] == text
        });
        (answer["event"] == "sent").then_some(())
    });
    for client in [ann, bob] {
        client.messages_until(text);
    }
}

/// How often a node was asked to do something.
fn calls(node: &Redis, command: &str) -> u64 {
    let stats: String = node.query(&words("INFO commandstats"));
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    let calls = line.and_then(|line| line.split(',').next());
    calls.and_then(|calls| calls.parse().ok()).unwrap_or(0)
}

#[test]
fn a_proxy_that_knows_replicas_only_starts_while_a_slot_is_half_moved() {
    let shards = Shards::start(2, &["--save", ""]);
    let key = "room:r";
    let from = shards.owner(key);
    let primaries = shards.primaries();
    let to = *primaries.iter().find(|at| **at != from).expect("another");
    let replicas = primaries.iter().map(|at| shards.replica_of(*at));
    let seeds: Vec<u16> = replicas.map(|at| shards.redis(at).port).collect();
    let first = Proxy::to(&url(&seeds), &OPTIONS);
    let mut ann = Client::login(first.port, "r", "ann");
    shards.move_slot(key, to, Way::Keys, || {
        let second = Proxy::to(&url(&seeds), &OPTIONS);
        let mut bob = Client::login(second.port, "r", "bob");
        all_hear(&mut ann, &mut bob, "between");
        all_hear(&mut bob, &mut ann, "and back");
    });
    let second = Proxy::to(&url(&seeds), &OPTIONS);
    let mut bob = Client::login(second.port, "r", "bob");
    all_hear(&mut ann, &mut bob, "behind");
    assert!(ann.seen.iter().all(|event| event["event"] != "reset"));
}

#[test]
fn bans_are_followed_to_where_their_stream_goes() {
    let cluster = Primaries::start();
    let proxy = Proxy::to(&url(&both(&cluster)), &OPTIONS);
    let mut operator = cluster.follower();
    let mut is_banned = |uid: &str| {
        let mut client = Client::login(proxy.port, "r", uid);
        let mut ban = words(&format!("XADD {BANS} * uid {uid} reason"));
        ban.arg("spam");
        operator.run(&ban).expect("it is banned");
        client.wait("kicked");
    };
    is_banned("first");
    for (between, behind) in [("second", "third"), ("fourth", "fifth")] {
        cluster.move_slot(Way::Keys, BANS, || is_banned(between));
        is_banned(behind);
    }
}

#[test]
fn bans_are_followed_when_the_node_of_their_stream_dies() {
    let mut shards = Shards::start(3, &["--save", ""]);
    let proxy = Proxy::to(&shards.url(), &OPTIONS);
    let owner = shards.owner(BANS);
    let replica = shards.replica_of(owner);
    shards.kill(owner);
    shards.takes_over(replica);
    proxy.becomes_ready(true);
    let mut client = Client::login(proxy.port, "r", "mallory");
    let ban = format!("XADD {BANS} * uid mallory reason spam");
    ok(&mut shards.redis(replica).connect(), &ban);
    client.wait("kicked");
}

#[test]
fn all_nodes_go_and_come_back() {
    let options = [
        "--save",
        "",
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
    ];
    let mut shards = Shards::start(2, &options);
    let proxy = Proxy::to(&shards.url(), &OPTIONS);
    let mut ann = Client::login(proxy.port, "r", "ann");
    let mut bob = Client::login(proxy.port, "r", "bob");
    all_hear(&mut ann, &mut bob, "before");
    let all = shards.places();
    for at in &all {
        shards.kill(*at);
    }
    proxy.becomes_ready(false);
    for at in &all {
        shards.start_again(*at);
    }
    shards.settled();
    proxy.becomes_ready(true);
    all_hear(&mut ann, &mut bob, "after");
    for client in [&ann, &bob] {
        assert!(client.seen.iter().all(|event| event["event"] != "reset"));
    }
}

#[test]
fn two_nodes_that_point_at_each_other_are_not_asked_without_an_end() {
    let cluster = Primaries::start();
    let proxy = Proxy::to(&url(&both(&cluster)), &OPTIONS);
    let room = room_of(&cluster, 0);
    let mut ann = Client::login(proxy.port, &room, "ann");
    let mut bob = Client::login(proxy.port, &room, "bob");
    let mut carl = Client::login(proxy.port, &room_of(&cluster, 1), "carl");
    all_hear(&mut ann, &mut bob, "before");
    let slot = slot_of(format!("room:{room}").as_bytes());
    let other: String = cluster.nodes[1].query(&words("CLUSTER MYID"));
    let setslot = format!("CLUSTER SETSLOT {slot} NODE {other}");
    // A node gives no slot away that has keys, and whoever is in the room makes it anew.
    eventually("the node says that it is not its own", || {
        let node = &cluster.nodes[0];
        ok(&mut node.connect(), &format!("DEL room:{room}"));
        node.run_words(&setslot).ok()
    });
    let asked = |command| calls(&cluster.nodes[0], command) + calls(&cluster.nodes[1], command);
    let before = ["ssubscribe", "cluster|slots"].map(asked);
    ann.send(&json!({"event": "message", "message": "nowhere", "id": "nowhere"}));
    for said in ["one", "two", "three", "four"] {
        carl.say(said);
        carl.messages_until(said);
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let after = ["ssubscribe", "cluster|slots"].map(asked);
    for (before, after) in before.iter().zip(after) {
        assert!(after - before < 200, "{before} {after}");
    }
    ok(&mut cluster.nodes[1].connect(), &setslot);
    all_hear(&mut ann, &mut bob, "after");
}

#[test]
fn a_slot_that_nobody_owns_concerns_its_rooms_only() {
    let cluster = Primaries::start();
    for node in &cluster.nodes {
        ok(
            &mut node.connect(),
            "CONFIG SET cluster-require-full-coverage no",
        );
    }
    let proxy = Proxy::to(&url(&both(&cluster)), &OPTIONS);
    let room = room_of(&cluster, 0);
    let mut ann = Client::login(proxy.port, &room, "ann");
    let mut bob = Client::login(proxy.port, &room, "bob");
    let mut carl = Client::login(proxy.port, &room_of(&cluster, 1), "carl");
    let slot = slot_of(format!("room:{room}").as_bytes());
    for node in &cluster.nodes {
        ok(&mut node.connect(), &format!("CLUSTER DELSLOTS {slot}"));
    }
    eventually("nobody has the room", || {
        ann.send(&json!({"event": "message", "message": "x", "id": "x"}));
        let answer = ann.find("an answer", |event| event["id"] == "x");
        (answer["event"] == "error").then_some(())
    });
    carl.say("still here");
    carl.messages_until("still here");
    ok(
        &mut cluster.nodes[1].connect(),
        &format!("CLUSTER ADDSLOTS {slot}"),
    );
    all_hear(&mut ann, &mut bob, "after");
}

#[test]
fn nodes_that_do_not_know_their_own_address_are_where_one_asked_them() {
    let cluster = Primaries::start();
    for node in &cluster.nodes {
        ok(
            &mut node.connect(),
            "CONFIG SET cluster-preferred-endpoint-type unknown-endpoint",
        );
    }
    let proxy = Proxy::to(&url(&both(&cluster)), &OPTIONS);
    let room = room_of(&cluster, 0);
    let mut ann = Client::login(proxy.port, &room, "ann");
    let mut bob = Client::login(proxy.port, &room, "bob");
    cluster.move_slot(Way::Keys, &format!("room:{room}"), || {
        all_hear(&mut ann, &mut bob, "between");
    });
    all_hear(&mut ann, &mut bob, "behind");
}

#[test]
fn a_cluster_that_does_not_let_the_proxy_in_is_named() {
    let cluster = Primaries::start();
    for node in &cluster.nodes {
        ok(&mut node.connect(), "CONFIG SET requirepass s3crEt");
    }
    let nodes = format!(
        "127.0.0.1:{},127.0.0.1:{}",
        cluster.nodes[0].port, cluster.nodes[1].port
    );
    for at in [nodes.clone(), format!(":wrong@{nodes}")] {
        let url = format!("redis+cluster://{at}");
        fails(&["--redis", &url], &[], 3, &["does not let this proxy in"]);
    }
}

#[test]
fn a_node_without_the_module_is_named_and_concerns_its_rooms_only() {
    let node = Redis::with(&OF_A_NODE);
    let bare = Bare::start(&OF_A_NODE);
    let mut other = Connection::to(bare.port).expect("a connection");
    let mut c = node.connect();
    ok(&mut c, "CLUSTER ADDSLOTSRANGE 0 16383");
    ok(&mut c, &format!("CLUSTER MEET 127.0.0.1 {}", bare.port));
    wait_for_state(&node, "ok");
    let proxy = Proxy::to(&url(&[node.port]), &OPTIONS);
    eventually("the other node knows whose the slots are", || {
        let info = text(&ok(&mut other, "CLUSTER INFO"));
        info.contains("cluster_slots_assigned:16384").then_some(())
    });
    for c in [&mut c, &mut other] {
        ok(c, "CLUSTER DELSLOTSRANGE 8192 16383");
    }
    ok(&mut other, "CLUSTER ADDSLOTSRANGE 8192 16383");
    ok(&mut other, "CLUSTER BUMPEPOCH");
    proxy.becomes_ready(false);
    let mut names = (0..).map(|number| number.to_string());
    let is_here = |room: &String| slot_of(format!("room:{room}").as_bytes()) < 8192;
    let room = names.find(is_here).expect("a room");
    let mut ann = Client::login(proxy.port, &room, "ann");
    let mut bob = Client::login(proxy.port, &room, "bob");
    all_hear(&mut ann, &mut bob, "hello");
    eventually("those of the other node are nowhere", || {
        (proxy.metric("roomcast_redis_slots_nowhere") == 8192).then_some(())
    });
    let port = bare.port.to_string();
    eventually("the log names it", || {
        let printed = proxy.process().printed();
        let named = |line: &str| line.contains("no ROOM.* commands") && line.contains(&port);
        printed.lines().any(named).then_some(())
    });
    assert!(!proxy.is_ready());
}
