//! A slot moves between two nodes of a cluster while people talk in its room.

use harness::cluster::Primaries;
use harness::connection::Connection;
use harness::eventually;
use harness::redis::Redis;
use harness::slots::Way;
use harness::value::{err, int, list, ok, payloads, text, words};
use redis::Value;
use room_core::announce::{self, Kind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const KEY: &str = "{r}1";
/// How often the slot moves.
const MOVES: usize = 20;
/// Who is online at the slot's owner.
const ONLINE: [&str; 2] = ["ann", "bob"];

#[test]
fn twenty_reshards_lose_and_double_nothing() {
    talk_while_the_slot_moves(Way::Keys);
}

#[test]
fn where_a_server_moves_slots_at_once_nothing_is_lost_either() {
    talk_while_the_slot_moves(Way::Atomic);
}

fn talk_while_the_slot_moves(way: Way) {
    let cluster = Primaries::start();
    if !cluster.know(way) {
        // Then the other test has shown all ways that there are.
        return;
    }
    let mut c = cluster.follower();
    c.run(&words(&format!("ROOM.INVITE {KEY} absent ann bob")))
        .expect("members");
    let over = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let writers = ["one", "two"].map(|uid| scope.spawn(|| write(&cluster, uid, &over)));
        // A failure here must not leave the writers running.
        let moved = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            // Connections stay, so that only the slot's way takes their sessions along.
            let _proxies: Vec<Connection> = (0..MOVES)
                .map(|turn| one_move(&cluster, way, turn))
                .collect();
        }));
        over.store(true, Ordering::Relaxed);
        let sent = writers.map(|writer| writer.join().expect("a writer"));
        if let Err(why) = moved {
            std::panic::resume_unwind(why);
        }
        sent
    });
    let owner = &cluster.nodes[cluster.owner(KEY)];
    let stored = all_payloads(owner);
    assert_eq!(stored.len(), sent[0] + sent[1], "as many as were confirmed");
    for (uid, sent) in ["one", "two"].iter().zip(sent) {
        let of_uid = stored.iter().filter(|text| text.starts_with(uid));
        let expected = (0..sent).map(|n| format!("{uid} {n}"));
        assert!(
            of_uid.eq(&expected.collect::<Vec<_>>()),
            "all of {uid}, in order"
        );
    }
    for node in &cluster.nodes {
        let slot: u16 = node.query(&words(&format!("CLUSTER KEYSLOT {KEY}")));
        let keys: i64 = node.query(&words(&format!("CLUSTER COUNTKEYSINSLOT {slot}")));
        assert_eq!(keys, i64::from(node.port == owner.port), "one room in all");
    }
}

/// Publishes `<uid> 0`, `<uid> 1` … one after another; how many were confirmed.
fn write(cluster: &Primaries, uid: &str, over: &AtomicBool) -> usize {
    let mut c = cluster.follower();
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        let mut publish = words(&format!("ROOM.PUBLISH {KEY} {uid}"));
        publish.arg(format!("{uid} {sent}"));
        c.run(&publish)
            .unwrap_or_else(|error| panic!("message {sent} of {uid}: {error}"));
        sent += 1;
        std::thread::sleep(Duration::from_millis(1));
    }
    sent
}

/// One move, with people online at the source and a listener there; the connection that they were online by.
fn one_move(cluster: &Primaries, way: Way, turn: usize) -> Connection {
    let from = cluster.owner(KEY);
    let (source, target) = (&cluster.nodes[from], &cluster.nodes[1 - from]);
    assert_eq!(
        online(source),
        [] as [&str; 0],
        "nobody is here before ATTACH"
    );
    let mut proxy = source.connect();
    ok(&mut proxy, &format!("ROOM.HELLO proxy{turn} LEASE 60000"));
    ok(
        &mut proxy,
        &format!("ROOM.ATTACH {KEY} {}", ONLINE.join(" ")),
    );
    assert_eq!(online(source), ONLINE);
    assert_eq!(source.info("room_uids_online"), 2);
    let mut ear = source.connect();
    ok(&mut ear, &format!("SSUBSCRIBE {KEY}"));

    cluster.move_slot(way, KEY, || asks(source));

    let controls = controls_until_unsubscribed(&mut ear);
    match way {
        Way::Keys => assert_eq!(controls, ["moved"]),
        Way::Atomic => assert!(
            controls.iter().all(|word| word == "moved"),
            "nothing is gone: {controls:?}"
        ),
    }
    no_ghosts(source);
    assert_eq!(online(target), [] as [&str; 0], "sessions do not move");
    let mut there = target.connect();
    let attached = ok(&mut there, &format!("ROOM.ATTACH {KEY} ann"));
    assert!(matches!(attached, Value::Array(_)));
    assert_eq!(online(target), ["ann"]);
    drop(there);
    eventually("who attached for a moment is gone", || {
        online(target).is_empty().then_some(())
    });
    proxy
}

/// The keys have gone, the slot has not: every command is sent on, once.
fn asks(source: &Redis) {
    let mut c = source.connect();
    for command in [
        "ROOM.PUBLISH {r}1 bot x",
        "ROOM.PUBLISH {r}1 bot x EPHEMERAL",
        "ROOM.HEADS {r}1",
        "ROOM.ATTACH {r}1 ann",
        "ROOM.JOIN {r}1 ann",
        "ROOM.KICK {r}1 ann",
        "ROOM.LEAVE {r}1 ann",
    ] {
        let said = err(&mut c, &words(command));
        assert!(said.starts_with("ASK "), "{command}: {said}");
    }
    no_ghosts(source);
}

/// Nobody is counted at a node whose room has gone.
fn no_ghosts(node: &Redis) {
    eventually("nobody is counted who is not here", || {
        let counted = node.info("room_uids_online") + node.info("room_rooms_online");
        (counted == 0).then_some(())
    });
}

fn online(node: &Redis) -> Vec<String> {
    let page = ok(&mut node.connect(), &format!("ROOM.MEMBERS {KEY} ONLINE"));
    let mut uids: Vec<String> = list(&list(&page)[1])
        .iter()
        .map(|row| text(&list(row)[0]))
        .collect();
    uids.sort();
    uids
}

/// The words of the control frames that a listener at the source hears until it is told that the slot is not here.
fn controls_until_unsubscribed(ear: &mut Connection) -> Vec<String> {
    let mut controls = Vec::new();
    loop {
        let push = ear.recv().expect("a push in time");
        let (Value::Array(parts) | Value::Push { data: parts, .. }) = push else {
            panic!("no push: {push:?}");
        };
        let Some(Value::BulkString(frame)) = parts.last() else {
            // `sunsubscribe`, the channel, how many are left.
            return controls;
        };
        let (header, payload) = announce::parse(frame).expect("a frame");
        if header.kind == Kind::Control {
            controls.push(String::from_utf8_lossy(payload).into_owned());
        }
    }
}

/// All that the room stores, page by page.
fn all_payloads(node: &Redis) -> Vec<String> {
    let mut c = node.connect();
    let mut all = Vec::new();
    loop {
        let from = all.len() + 1;
        let page = payloads(&ok(&mut c, &format!("ROOM.RANGE {KEY} {from} + COUNT 500")));
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[test]
fn with_the_cluster_down_nothing_is_accepted() {
    let cluster = Primaries::start();
    let node = &cluster.nodes[cluster.owner(KEY)];
    ok(&mut node.connect(), &format!("ROOM.INVITE {KEY} a"));
    // A slot that nobody serves takes all of them down (cluster-require-full-coverage).
    let slot: u16 = node.query(&words(&format!("CLUSTER KEYSLOT {KEY}")));
    let other = slot + 1;
    ok(&mut node.connect(), &format!("CLUSTER DELSLOTS {other}"));
    harness::cluster::wait_for_state(node, "fail");
    for command in [
        "ROOM.PUBLISH {r}1 a x",
        "ROOM.KICK {r}1 a",
        "ROOM.LEAVE {r}1 a",
    ] {
        let said = err(&mut node.connect(), &words(command));
        assert!(said.starts_with("CLUSTERDOWN"), "{command}: {said}");
    }
    ok(&mut node.connect(), &format!("CLUSTER ADDSLOTS {other}"));
    harness::cluster::wait_for_state(node, "ok");
    let published = ok(&mut node.connect(), &format!("ROOM.PUBLISH {KEY} a x"));
    assert_eq!(int(&list(&published)[0]), 1, "the first message");
}
