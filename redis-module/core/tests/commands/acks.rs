//! `ROOM.ACK`.

use crate::calls::join;
use crate::server::Server;
use room_core::position::{Position, Tag};

const PROXY: u64 = 1;
const OTHER: u64 = 2;
const CLI: u64 = 9;

/// Two members with a cursor of 0, ten messages; `a` has a session on each of two proxies.
fn room() -> Server {
    let mut server = Server::settled();
    server.hello(PROXY, "p1", 10_000).unwrap();
    server.hello(OTHER, "p2", 10_000).unwrap();
    server.invite("r", &["a", "b"]).unwrap();
    server.say("r", "b", 10);
    server.join(PROXY, "r", join("a")).unwrap();
    server.join(OTHER, "r", join("a")).unwrap();
    server
}

#[test]
fn a_cursor_is_what_all_devices_have() {
    let mut server = room();
    assert_eq!(server.ack(PROXY, "r", 7, &["a"]), 0);
    assert_eq!(server.cursor("r", "a"), 0);
    assert_eq!(server.ack(OTHER, "r", 4, &["a"]), 1);
    assert_eq!(server.cursor("r", "a"), 4);
    assert_eq!(server.ack(OTHER, "r", 2, &["a"]), 0, "it never falls");
    assert_eq!(server.ack(OTHER, "r", 9, &["a"]), 1);
    assert_eq!(server.cursor("r", "a"), 7);
    server.detach(PROXY, "r", &["a"]).unwrap();
    server.tick(1);
    assert_eq!(server.cursor("r", "a"), 9, "a logout holds nothing");
}

#[test]
fn who_has_no_session() {
    let mut server = room();
    server.ack(PROXY, "r", 7, &["a"]);
    server.ack(OTHER, "r", 6, &["a"]);
    // From outside: not above what the devices have; where there are none, as far as it says.
    assert_eq!(server.ack(CLI, "r", 10, &["a"]), 0);
    assert_eq!(server.ack(CLI, "r", 3, &["b"]), 1);
    // A proxy without a session of the uid moves nothing.
    assert_eq!(server.ack(PROXY, "r", 9, &["b"]), 0);
    assert_eq!((server.cursor("r", "a"), server.cursor("r", "b")), (6, 3));
    // Who is no member is nobody.
    assert_eq!(server.ack(CLI, "r", 9, &["nobody"]), 0);
}

#[test]
fn several_uids_rise_in_one_call_and_one_effect_for_each_height() {
    let mut server = room();
    server.detach(OTHER, "r", &["a"]).unwrap();
    server.effects.clear();
    server.ack(CLI, "r", 2, &["b"]);
    assert_eq!(
        server.ack(PROXY, "r", 5, &["a", "b", "a"]),
        1,
        "b has no session there"
    );
    assert_eq!(server.effects.len(), 2);
    assert!(server.effects[1].ends_with(" 5 a"), "{:?}", server.effects);
}

#[test]
fn positions_that_say_nothing() {
    let mut server = room();
    let elsewhere = Position::new(4, Tag(1));
    assert_eq!(
        server.ack_at(PROXY, "r", elsewhere, &["a"]),
        Err("BADPOS".into())
    );
    let ahead = Position::new(11, Tag(1));
    assert_eq!(
        server.ack_at(PROXY, "r", ahead, &["a"]),
        Err("BADPOS".into())
    );
    server
        .trim("r", room_core::commands::Trim::Before(5))
        .unwrap();
    let too_old = Position::new(2, Tag(1));
    let reply = server.ack_at(PROXY, "r", too_old, &["a"]).unwrap();
    assert_eq!(reply.int(), 0, "nobody can tell");
    assert_eq!(
        server.ack_at(PROXY, "x", ahead, &["a"]),
        Err("NOROOM".into())
    );
    server.settings.max_uids = 1;
    let head = server.at("r", 10);
    assert_eq!(
        server.ack_at(PROXY, "r", head, &["a", "b"]),
        Err("TOOMANY".into())
    );
    assert_eq!(
        server.ack_at(PROXY, "r", head, &["a b"]),
        Err("BADUID".into())
    );
}

#[test]
fn after_a_start_a_promotion_or_an_arrival_only_the_session_moves() {
    for how in ["restart", "promotion", "arrival"] {
        let mut server = room();
        match how {
            "restart" => server.restart(),
            "promotion" => server.promote(),
            _ => {
                let mut room = crate::server::loaded(server.room("r"));
                let came = room_core::Came {
                    at: server.times().mono,
                    arrived: true,
                };
                room.set_came(came);
                let key = server.key("r");
                server.unlink(&key);
                std::mem::swap(server.rooms.entry(key).or_insert(room.clone()), &mut room);
                server
                    .rooms
                    .get_mut(&server.key("r"))
                    .unwrap()
                    .set_came(came);
            }
        }
        server.hello(PROXY, "p1", 1_000_000).unwrap();
        server.attach(PROXY, "r", &["a"]).unwrap();
        assert_eq!(server.ack(PROXY, "r", 8, &["a"]), 0, "{how}");
        assert_eq!(server.ack(CLI, "r", 8, &["b"]), 0, "{how}");
        server.tick(server.settings.device_grace - 1);
        assert_eq!(server.cursor("r", "a"), 0, "{how}: the other may come yet");
        server.tick(1);
        assert_eq!(server.cursor("r", "a"), 8, "{how}");
        assert_eq!(server.ack(CLI, "r", 8, &["b"]), 1, "{how}");
    }
}

#[test]
fn a_room_that_is_born_later_is_free_at_once() {
    let mut server = Server::default();
    server.restart();
    server.pass(5);
    server.invite("r", &["a"]).unwrap();
    server.say("r", "a", 3);
    server.join(PROXY, "r", join("a")).unwrap();
    assert_eq!(server.ack(PROXY, "r", 2, &["a"]), 1);
}

#[test]
fn what_everybody_has_goes_and_the_last_ones_stay() {
    let mut server = room();
    server.limits("r", &[("keep", "3")]).unwrap();
    server.detach(OTHER, "r", &["a"]).unwrap();
    server.ack(PROXY, "r", 10, &["a"]);
    assert_eq!(server.room("r").log().first(), 1);
    server.ack(CLI, "r", 10, &["b"]);
    assert_eq!(server.room("r").log().first(), 8);
    assert!(
        !server.counted.contains_key("Dropped"),
        "read is not dropped"
    );
}
