//! `ROOM._APPLY`: each verb, and that damaged ones change nothing.

use crate::calls::{publish, with_id, with_room_id};
use crate::server::{Server, saved};
use room_core::room::Room;

fn room() -> Server {
    let mut server = Server::settled();
    server.invite("r", &["a", "b"]).unwrap();
    server.say("r", "a", 5);
    server
}

#[test]
fn each_verb() {
    let member = |room: &Room, uid: &str| {
        let member = room.member(uid.as_bytes());
        member.map(|member| {
            (
                member.cursor,
                member.kicks,
                member.released,
                member.newcomer,
            )
        })
    };
    type Check<'a> = &'a dyn Fn(&Room) -> bool;
    let checks: &[(&[&str], Check<'_>)] = &[
        (&["append:9", "z", "x"], &|room| room.log().head().seq == 6),
        (&["append:9", "z", "x", "ID", "i", "5", "60000"], &|room| {
            room.seen_before(b"z", b"i").is_some()
        }),
        (&["append:9", "z", "x", "ROOMID", "i", "AT", "7"], &|room| {
            room.seen_here(b"i") == Some((6, 7)) && room.seen_before(b"z", b"i").is_none()
        }),
        (&["append:9:3:maxlen", "z", "x"], &|room| {
            room.log().first() == 3
        }),
        (&["join:9", "7", "2", "c", "a"], &|room| {
            member(room, "c") == Some((2, 0, false, false))
                && member(room, "a") == Some((2, 0, false, false))
        }),
        (&["come:9", "7", "2", "c"], &|room| {
            member(room, "c") == Some((2, 0, false, true))
        }),
        (&["join:9", "7", "99", "c"], &|room| {
            member(room, "c") == Some((5, 0, false, false))
        }),
        (&["leave:9", "a", "nobody"], &|room| {
            room.member_count() == 1
        }),
        (&["ack:9", "3", "a", "nobody"], &|room| {
            member(room, "a").unwrap().0 == 3
        }),
        (&["ack:9", "99", "a"], &|room| {
            member(room, "a").unwrap().0 == 5
        }),
        (&["limits:9", "keep", "1", "maxlen", "default"], &|room| {
            room.limits(&Default::default())
                .get(room_core::limits::Limit::Keep)
                == 1
        }),
        (&["mark:9", "release", "a"], &|room| {
            member(room, "a").unwrap().2
        }),
        (&["mark:9", "kick", "a"], &|room| {
            member(room, "a").unwrap().1 == 1
        }),
        (&["told:9", "3", "1", "b", "0", "nobody"], &|room| {
            let telling = room.telling(b"b").unwrap();
            (telling.seq, telling.at, telling.quiet) == (3, 9, true)
                && room.telling(b"nobody").is_none()
        }),
        (&["told:9", "99", "0", "a"], &|room| {
            let telling = room.telling(b"a").unwrap();
            (telling.seq, telling.many, telling.quiet) == (5, 1, false)
        }),
        (&["drop:9:4:trim"], &|room| room.log().first() == 4),
        (&["drop:9:2:read-elsewhere:3:maxlen"], &|room| {
            room.log().first() == 3
        }),
        (&["drop:9:99:trim"], &|room| room.log().is_empty()),
    ];
    for (words, check) in checks {
        let mut server = room();
        let reply = server.apply("r", words).unwrap();
        assert_eq!(reply.text(), "OK", "{words:?}");
        assert!(check(server.room("r")), "{words:?}");
    }
    let mut server = room();
    server.apply("r", &["leave:9", "a", "b"]).unwrap();
    assert!(server.rooms.is_empty(), "the last one takes the room along");
}

#[test]
fn rooms_are_born_by_what_brings_a_birth() {
    for (words, born) in [
        (&["append:9", "a", "x", "BIRTH", "7"][..], true),
        (&["join:9", "7", "0", "a"], true),
        (&["come:9", "7", "0", "a"], true),
        (&["append:9", "a", "x"], false),
        (&["ack:9", "1", "a"], false),
        (&["mark:9", "kick", "a"], false),
        (&["drop:9"], false),
    ] {
        let mut server = Server::default();
        let done = server.apply("r", words);
        assert_eq!(done.is_ok(), born, "{words:?}");
        assert_eq!(server.rooms.len(), usize::from(born), "{words:?}");
        if born {
            assert!(
                server.room("r").came().arrived,
                "its devices are yet to come"
            );
        }
    }
}

#[test]
fn damaged_effects_change_nothing() {
    for words in [
        &[""][..],
        &["append"],
        &["append:"],
        &["append:x", "a", "p"],
        &["append:9007199254740992", "a", "p"],
        &["append:9", "a"],
        &["append:9", "a b", "p"],
        &["append:9", "a", "p", "WHAT"],
        &["append:9", "a", "p", "BIRTH"],
        &["append:9", "a", "p", "ID", "i", "5", "60000", "BIRTH"],
        &["append:9", "a", "p", "BIRTH", "4294967296"],
        &["append:9", "a", "p", "ID"],
        &["append:9", "a", "p", "ID", "i", "5"],
        &["append:9", "a", "p", "ID", "", "5", "5"],
        &["append:9", "a", "p", "ID", "i", "x", "5"],
        &["append:9", "a", "p", "ROOMID"],
        &["append:9", "a", "p", "ROOMID", ""],
        &["append:9", "a", "p", "ROOMID", "i", "5"],
        &["append:9:3", "a", "p"],
        &["append:9:3:", "a", "p"],
        &["append:9:3:why", "a", "p"],
        &["append:9:0:trim", "a", "p"],
        &["drop:9:1:trim:2:trim:3:trim:4:trim:5:trim:6:trim"],
        &["join:9"],
        &["join:9", "7"],
        &["join:9", "7", "x", "c"],
        &["join:9", "7", "0", "c", "a b"],
        &["come:9", "-7", "0", "c"],
        &["leave:9", "a", ""],
        &["ack:9", "x", "a"],
        &["ack:9", "3", "a", "a b"],
        &["limits:9", "keep"],
        &["limits:9", "keep", "1", "what", "1"],
        &["mark:9"],
        &["mark:9", "what", "a"],
        &["mark:9", "kick", "a", "a b"],
        &["told:9"],
        &["told:9", "x", "1", "a"],
        &["told:9", "3", "1"],
        &["told:9", "3", "2", "a"],
        &["told:9", "3", "1", "a b"],
        &["unknown:9", "a"],
        &["load"],
        &["load", "S"],
    ] {
        let mut server = room();
        let before = server.bytes("r");
        assert!(server.apply("r", words).is_err(), "{words:?}");
        assert!(before == server.bytes("r"), "{words:?}");
        let mut empty = Server::default();
        assert!(empty.apply("r", words).is_err(), "{words:?}");
        assert!(empty.rooms.is_empty(), "{words:?}");
    }
}

/// The parts of a snapshot as text is not what they are: here as bytes.
fn load(server: &mut Server, part: &[u8]) -> Result<crate::value::Value, String> {
    server.run(0, "r", |place, env| {
        room_core::commands::apply(place, b"load", &[part], env)
    })
}

#[test]
fn a_room_is_loaded_part_by_part_or_not_at_all() {
    let mut from = room();
    for publish in [
        with_id(publish("a", "x"), "i"),
        with_room_id(publish("a", "x"), "i"),
    ] {
        from.publish(0, "r", publish).unwrap();
    }
    let parts = saved(from.room("r"));
    let mut server = Server::default();
    for part in &parts {
        assert_eq!(load(&mut server, part).unwrap().text(), "OK");
    }
    assert!(server.room("r").is_whole() && server.bytes("r") == parts);
    assert!(
        load(&mut server, &parts[0]).is_err(),
        "a whole room stays as it is"
    );
    assert!(server.bytes("r") == parts);
    // Without a part in the middle: what does not fit takes the half room away.
    for missing in 1..parts.len() - 1 {
        let mut server = Server::default();
        let mut parts = parts.clone();
        parts.remove(missing);
        for part in &parts {
            let _ = load(&mut server, part);
        }
        assert!(
            server.rooms.is_empty() || !matches!(parts.len(), 0) && missing_id(&parts),
            "without part {missing}"
        );
    }
}

/// Publish ids are not counted at the end: a room without them is whole.
fn missing_id(parts: &[Vec<u8>]) -> bool {
    !parts.iter().any(|part| part[0] == b'D') || !parts.iter().any(|part| part[0] == b'I')
}
