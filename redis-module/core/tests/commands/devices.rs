//! `ROOM.ATTACH`, `ROOM.AWAY`, `ROOM.DETACH`, and connections that die.

use crate::calls::join;
use crate::server::Server;
use crate::value::Value;
use room_core::position::{Position, Tag};

const PROXY: u64 = 1;
const AGAIN: u64 = 2;
const OTHER: u64 = 3;
const LEASE: u64 = 100_000;

fn room() -> Server {
    let mut server = Server::settled();
    server.hello(PROXY, "p1", LEASE).unwrap();
    server.invite("r", &["a", "b"]).unwrap();
    server.say("r", "b", 10);
    server.join(PROXY, "r", join("a")).unwrap();
    server
}

fn floor(server: &Server) -> Option<u64> {
    server.sessions.floor(server.name("r"), b"a", None)
}

#[test]
fn attach_says_who_is_gone_and_who_was_kicked() {
    let mut server = room();
    server.kick("r", "b", "").unwrap();
    let reply = server.attach(OTHER, "r", &["a", "b", "c"]).unwrap();
    let names = [
        "head",
        "gone",
        "kicks",
        "members",
        "online",
        "who",
        "now",
        "dedupe-count",
        "dedupe-age",
    ];
    assert_eq!(reply.names(), names);
    assert_eq!(reply.get("gone").items(), [Value::Text("c".into())]);
    let kick = Value::Array(vec![Value::Text("b".into()), Value::Int(1)]);
    assert_eq!(reply.get("kicks").items(), [kick]);
    assert_eq!(reply.get("head").text(), server.at("r", 10).to_string());
    assert_eq!(server.counted["Joined"], 3);
    assert_eq!(server.attach(OTHER, "x", &["a"]), Err("NOROOM".into()));
    let counts = ["members", "online"].map(|name| reply.get(name).clone());
    assert_eq!(counts, [Value::Int(2), Value::Int(2)]);
    let mut who: Vec<&str> = reply.get("who").items().iter().map(Value::text).collect();
    who.sort();
    assert_eq!(who, ["a", "b"]);
    server.settings.presence_names = 1;
    let reply = server.attach(OTHER, "r", &["a"]).unwrap();
    assert_eq!(*reply.get("who"), Value::Null, "too many to be named");
    server.settings.max_uids = 1;
    assert_eq!(
        server.attach(OTHER, "r", &["a", "b"]),
        Err("TOOMANY".into())
    );
    server.counts = false;
    let before = server.sessions.totals();
    server.attach(7, "r", &["a"]).unwrap();
    assert_eq!(server.sessions.totals(), before, "not in a script");
}

#[test]
fn attach_of_nobody_only_looks() {
    let mut server = room();
    let before = server.sessions.totals();
    let reply = server.attach(OTHER, "r", &[]).unwrap();
    assert_eq!(reply.get("head").text(), server.at("r", 10).to_string());
    for name in ["gone", "kicks"] {
        assert_eq!(reply.get(name).items(), []);
    }
    assert_eq!(*reply.get("members"), Value::Int(2));
    assert_eq!(server.sessions.totals(), before);
    assert_eq!(server.attach(OTHER, "x", &[]), Err("NOROOM".into()));
}

#[test]
fn a_proxy_that_comes_back_takes_over_what_it_left() {
    let mut server = room();
    server.ack(PROXY, "r", 4, &["a"]);
    server.hello(OTHER, "p2", LEASE).unwrap();
    server.join(OTHER, "r", join("a")).unwrap();
    server.ack(OTHER, "r", 9, &["a"]);
    server.gone(PROXY);
    assert_eq!((floor(&server), server.cursor("r", "a")), (Some(4), 4));
    server.hello(AGAIN, "p1", LEASE).unwrap();
    server.attach(AGAIN, "r", &["a"]).unwrap();
    server.tick(server.settings.device_grace + 1);
    assert_eq!(server.sessions.totals().ghosts, 0, "it was taken over");
    assert_eq!((floor(&server), server.cursor("r", "a")), (Some(4), 4));
    server.ack(AGAIN, "r", 10, &["a"]);
    assert_eq!(server.cursor("r", "a"), 9);
}

#[test]
fn a_ghost_ends_and_then_the_others_go_on() {
    let mut server = room();
    server.join(OTHER, "r", join("a")).unwrap();
    server.gone(PROXY);
    assert_eq!(server.ack(OTHER, "r", 9, &["a"]), 0);
    server.tick(server.settings.device_grace - 1);
    assert_eq!(server.cursor("r", "a"), 0);
    server.tick(1);
    assert_eq!(server.cursor("r", "a"), 9);
}

#[test]
fn away_keeps_a_position_also_where_another_tab_stays() {
    let mut server = room();
    server.ack(PROXY, "r", 3, &["a"]);
    let at = server.at("r", 5);
    assert_eq!(
        server.away(PROXY, "r", at, &["a", "nobody"]).unwrap().int(),
        1
    );
    assert_eq!(server.ack(PROXY, "r", 9, &["a"]), 1);
    assert_eq!(server.cursor("r", "a"), 5);
    server.tick(server.settings.device_grace);
    assert_eq!(server.cursor("r", "a"), 9);
}

#[test]
fn what_a_device_had_when_it_went_counts_once_the_others_have_had_their_time() {
    let mut server = room();
    server.ack(PROXY, "r", 3, &["a"]);
    server.restart();
    server.hello(PROXY, "p1", LEASE).unwrap();
    let at = server.at("r", 5);
    server.away(PROXY, "r", at, &["a"]).unwrap();
    server.join(OTHER, "r", join("a")).unwrap();
    server.tick(server.settings.device_grace - 1);
    assert_eq!(server.cursor("r", "a"), 3, "another may come yet");
    server.tick(1);
    assert_eq!(server.cursor("r", "a"), 5, "nobody says it again");
}

#[test]
fn away_has_errors_and_a_grace_that_may_be_none() {
    let mut server = room();
    let (at, bad) = (server.at("r", 5), Position::new(5, Tag(1)));
    assert_eq!(server.away(PROXY, "r", bad, &["a"]), Err("BADPOS".into()));
    assert_eq!(server.away(PROXY, "x", at, &["a"]), Err("NOROOM".into()));
    server.settings.max_uids = 0;
    assert_eq!(server.away(PROXY, "r", at, &["a"]), Err("TOOMANY".into()));
    server.settings.max_uids = 9;
    server.settings.device_grace = 0;
    assert_eq!(server.away(PROXY, "r", at, &["a"]).unwrap().int(), 0);
    server.settings.device_grace = 10;
    server.counts = false;
    assert_eq!(server.away(PROXY, "r", at, &["a"]).unwrap().int(), 0);
    assert_eq!(server.sessions.totals().ghosts, 0);
}

#[test]
fn detach_is_a_logout_of_this_connection_only() {
    let mut server = room();
    server.join(OTHER, "r", join("a")).unwrap();
    server.ack(OTHER, "r", 6, &["a"]);
    assert_eq!(server.detach(7, "r", &["a"]).unwrap().int(), 0);
    assert_eq!(
        server.detach(PROXY, "r", &["a", "b", "a"]).unwrap().int(),
        1
    );
    assert_eq!(
        server.detach(PROXY, "x", &["a"]).unwrap().int(),
        0,
        "it may be gone"
    );
    server.counts = false;
    assert_eq!(server.detach(OTHER, "r", &["a"]).unwrap().int(), 0);
    server.counts = true;
    server.tick(1);
    assert_eq!(server.cursor("r", "a"), 6);
    assert_eq!(server.detach(OTHER, "r", &["a"]).unwrap().int(), 1);
    server.tick(1);
    assert_eq!(
        server.cursor("r", "a"),
        6,
        "what it did not acknowledge waits"
    );
}

#[test]
fn a_lease_that_ends_leaves_ghosts_and_asks_for_all_sessions() {
    let mut server = room();
    server.ack(PROXY, "r", 4, &["a"]);
    assert_eq!(server.tick(LEASE + 1), 1);
    assert_eq!(server.sessions.sessions_of(server.name("r"), b"a"), 0);
    assert_eq!(floor(&server), Some(4));
    let greeting = server.hello(PROXY, "p1", LEASE).unwrap();
    assert_eq!(greeting.text(), "ANNOUNCE");
    server.attach(PROXY, "r", &["a"]).unwrap();
    assert_eq!(server.sessions.totals().ghosts, 0);
    assert_eq!(floor(&server), Some(4));
}

#[test]
fn databases_are_separate() {
    let mut server = room();
    server.db = 1;
    server.invite("r", &["a"]).unwrap();
    server.join(OTHER, "r", join("a")).unwrap();
    assert_eq!(server.detach(PROXY, "r", &["a"]).unwrap().int(), 0);
    assert_eq!(server.kick("r", "a", "").unwrap().int(), 1);
    server.leave("r", &["a"]).unwrap();
    server.db = 0;
    assert_eq!(server.sessions.sessions_of(server.name("r"), b"a"), 1);
}
