//! `ROOM.JOIN`.

use crate::calls::join;
use crate::server::Server;
use crate::value::Value;
use room_core::commands::Join;
use room_core::position::{Position, Tag};

const PROXY: u64 = 1;
const OTHER: u64 = 2;

/// A room with ten messages of which the first three are gone, and a member whose cursor is 5. Nobody is connected.
fn room() -> Server {
    let mut server = Server::settled();
    server.invite("r", &["old", "slow"]).unwrap();
    server.say("r", "old", 10);
    server.ack(0, "r", 5, &["old"]);
    server
        .trim("r", room_core::commands::Trim::Before(4))
        .unwrap();
    server.told.clear();
    server.effects.clear();
    server
}

/// What JOIN says of where it starts: seq, lost (from, to), resumed, reset.
fn start(reply: &Value) -> (u64, Option<(u64, u64)>, u64, u64) {
    let position = Position::parse(reply.get("position").text().as_bytes()).unwrap();
    let lost = match reply.get("lost") {
        Value::Null => None,
        lost => Some((lost.items()[0].int(), lost.items()[1].int())),
    };
    (
        position.seq,
        lost,
        reply.get("resumed").int(),
        reply.get("reset").int(),
    )
}

#[derive(Clone, Copy, Debug)]
enum Since {
    None,
    At(u64),
    /// In this history, but the log does not reach back to it.
    TooOld,
    Elsewhere,
}

#[test]
fn where_a_session_starts() {
    use Since::*;
    // uid, since, history, own; where it starts, what was lost, resumed, reset; the cursor after it.
    for (uid, since, history, own, wanted, cursor) in [
        ("old", None, 0, false, (5, Option::None, 0, 0), 5),
        ("old", None, 9, true, (5, Option::None, 0, 0), 5),
        ("old", At(7), 0, false, (7, Option::None, 1, 0), 7),
        ("old", At(4), 0, false, (4, Option::None, 1, 0), 5),
        ("old", TooOld, 0, false, (3, Some((2, 3)), 0, 0), 5),
        ("old", Elsewhere, 0, false, (5, Option::None, 0, 1), 5),
        ("old", At(7), 0, true, (7, Option::None, 1, 0), 7),
        ("slow", None, 0, false, (3, Some((1, 3)), 0, 0), 0),
        ("new", None, 0, false, (10, Option::None, 0, 0), 10),
        ("new", None, 4, false, (6, Option::None, 0, 0), 6),
        ("new", None, 99, false, (3, Option::None, 0, 0), 3),
        ("new", At(7), 2, false, (7, Option::None, 1, 0), 7),
        ("new", TooOld, 0, false, (3, Some((2, 3)), 0, 0), 1),
        ("new", Elsewhere, 0, false, (3, Option::None, 0, 1), 3),
        ("new", None, 4, true, (10, Option::None, 0, 0), 10),
        ("new", At(7), 4, true, (10, Option::None, 0, 0), 10),
        ("new", TooOld, 4, true, (10, Option::None, 0, 0), 10),
        ("new", Elsewhere, 4, true, (10, Option::None, 0, 1), 10),
    ] {
        let mut server = room();
        let since = match since {
            None => Option::None,
            At(seq) => Some(server.at("r", seq)),
            TooOld => Some(Position::new(1, Tag(1))),
            Elsewhere => Some(Position::new(6, Tag(1))),
        };
        let arguments = Join {
            since,
            history,
            own,
            ..join(uid)
        };
        let shown = format!("{arguments:?}");
        let reply = server.join(PROXY, "r", arguments).unwrap();
        assert_eq!(start(&reply), wanted, "{shown}");
        assert_eq!(server.cursor("r", uid), cursor, "{shown}");
        assert_eq!(reply.get("new").int(), u64::from(uid == "new"), "{shown}");
        assert_eq!(reply.get("pending").int(), 10 - wanted.0, "{shown}");
        assert_eq!(
            server
                .sessions
                .sessions_of(server.name("r"), uid.as_bytes()),
            1
        );
        // Its session is where it starts, or before what it is told is gone: nothing moves before it acknowledges.
        let floor = server
            .sessions
            .floor(server.name("r"), uid.as_bytes(), Option::None);
        let has = wanted.1.map_or(wanted.0, |(from, _)| from - 1);
        assert_eq!(floor, Some(has), "{shown}");
    }
}

#[test]
fn what_came_before_a_membership_is_not_read_with_own() {
    let mut server = room();
    server.join(PROXY, "r", join("late")).unwrap();
    server.say("r", "old", 2);
    for (since, at) in [(4, 10), (9, 10), (10, 10), (11, 11)] {
        let arguments = Join {
            since: Some(server.at("r", since)),
            own: true,
            ..join("late")
        };
        let reply = server.join(OTHER, "r", arguments).unwrap();
        assert_eq!(start(&reply).0, at, "since {since}");
        server.detach(OTHER, "r", &["late"]).unwrap();
    }
}

#[test]
fn a_room_is_born_by_the_first_join() {
    let mut server = Server::settled();
    let reply = server.join(PROXY, "r", join("a")).unwrap();
    assert_eq!(
        reply.names(),
        [
            "position",
            "head",
            "pending",
            "lost",
            "resumed",
            "reset",
            "new",
            "members",
            "online",
            "kicks",
            "now",
            "dedupe-count",
            "dedupe-age"
        ]
    );
    assert_eq!(reply.get("now").int(), server.wall);
    assert_eq!(
        (reply.get("members").int(), reply.get("online").int()),
        (1, 1)
    );
    assert_eq!(reply.get("head"), reply.get("position"));
    let birth = server.room("r").birth().0;
    assert_eq!(
        server.effects,
        [format!("come:{} {birth} 0 a", server.wall)]
    );
    assert_eq!(server.events, ["room.join"]);
    assert!(server.room("r").member(b"a").unwrap().newcomer);
}

#[test]
fn with_xx_only_members_come_back() {
    let xx = |uid| Join {
        only_member: true,
        ..join(uid)
    };
    let mut server = room();
    let before = server.room("r").member_count();
    let refused = server.join(PROXY, "r", xx("new")).unwrap_err();
    assert!(refused.starts_with("NOMEMBER"), "{refused}");
    // Not even one who brings a position of this history.
    let since = Some(server.at("r", 7));
    let refused = server.join(PROXY, "r", Join { since, ..xx("new") });
    assert!(refused.unwrap_err().starts_with("NOMEMBER"));
    let refused = server.join(PROXY, "none", xx("old")).unwrap_err();
    assert!(refused.starts_with("NOROOM"), "{refused}");
    assert_eq!(server.rooms.len(), 1);
    assert_eq!(server.room("r").member_count(), before);
    assert_eq!(server.sessions.totals().sessions, 0);
    assert_eq!((server.effects.len(), server.told.len()), (0, 0));
    let reply = server.join(PROXY, "r", Join { since, ..xx("old") });
    let reply = reply.unwrap();
    assert_eq!((start(&reply).0, reply.get("new").int()), (7, 0));
    // Whoever was removed is a stranger.
    server.leave("r", &["slow"]).unwrap();
    assert!(server.join(PROXY, "r", xx("slow")).is_err());
}

#[test]
fn what_changes_nothing_sends_nothing() {
    let mut server = room();
    server.join(PROXY, "r", join("old")).unwrap();
    assert_eq!(server.effects, [""; 0]);
    server.join_since(OTHER, "r", "old", 7).unwrap();
    assert_eq!(server.effects, [""; 0], "the other session is at 5");
    assert_eq!(server.cursor("r", "old"), 5);
    assert_eq!(server.counted["Joined"], 2);
}

#[test]
fn a_ghost_is_taken_over_by_the_device_that_fits() {
    // Ghosts at these, the position that comes back: the ghosts that stay, where it starts.
    for (ghosts, since, stay, at) in [
        (&[6, 8][..], Some(9), &[6][..], 9),
        (&[6, 8], Some(8), &[6], 8),
        (&[6, 8], Some(7), &[8], 7),
        (&[6, 8], Some(5), &[6, 8], 5),
        (&[6, 8], None, &[8], 6),
        (&[], None, &[], 5),
    ] {
        let mut server = room();
        for ghost in ghosts {
            let at = server.at("r", *ghost);
            server.away(PROXY, "r", at, &["old"]).unwrap();
        }
        let since = since.map(|since| server.at("r", since));
        let reply = server
            .join(
                PROXY,
                "r",
                Join {
                    since,
                    ..join("old")
                },
            )
            .unwrap();
        assert_eq!(start(&reply).0, at, "{ghosts:?} {since:?}");
        assert_eq!(server.sessions.totals().ghosts, stay.len() as u64);
        let lowest = stay.iter().copied().chain([at]).min();
        let floor = server.sessions.floor(server.name("r"), b"old", None);
        assert_eq!(floor, lowest, "{ghosts:?} {since:?}");
        let cursor = since.map_or(5, |_| lowest.unwrap().max(5));
        assert_eq!(server.cursor("r", "old"), cursor, "{ghosts:?} {since:?}");
    }
}

#[test]
fn a_second_tab_on_one_proxy_stays_at_what_the_first_has() {
    for held in [false, true] {
        let mut server = room();
        if held {
            server.restart();
        }
        server.join(PROXY, "r", join("old")).unwrap();
        server.join_since(PROXY, "r", "old", 9).unwrap();
        server.tick(server.settings.device_grace + 1);
        let floor = server.sessions.floor(server.name("r"), b"old", None);
        assert_eq!(floor, Some(5), "held: {held}");
        assert_eq!(server.cursor("r", "old"), 5, "held: {held}");
    }
}

#[test]
fn while_it_is_held_a_join_moves_no_cursor_but_later() {
    let mut server = room();
    server.restart();
    server.join_since(PROXY, "r", "old", 9).unwrap();
    assert_eq!(server.cursor("r", "old"), 5);
    server.tick(server.settings.device_grace - 1);
    assert_eq!(server.cursor("r", "old"), 5);
    server.tick(1);
    assert_eq!(server.cursor("r", "old"), 9);
}

#[test]
fn in_a_script_or_on_a_replica_no_session_begins() {
    let mut server = room();
    let at = server.at("r", 6);
    server.away(PROXY, "r", at, &["old"]).unwrap();
    server.counts = false;
    server.join_since(PROXY, "r", "old", 9).unwrap();
    let totals = server.sessions.totals();
    assert_eq!((totals.sessions, totals.ghosts), (0, 1));
    assert_eq!(server.cursor("r", "old"), 6, "the ghost waits");
}

#[test]
fn a_full_redis_and_a_full_room_take_no_newcomer() {
    let mut server = room();
    server.full = true;
    assert_eq!(server.join(PROXY, "r", join("new")), Err("OOM".into()));
    assert_eq!(server.join(PROXY, "other", join("new")), Err("OOM".into()));
    server.join(PROXY, "r", join("old")).unwrap();
    server.full = false;
    server.settings.max_members = 2;
    assert_eq!(server.join(PROXY, "r", join("new")), Err("LIMIT".into()));
    server.join(PROXY, "r", join("old")).unwrap();
    for bad in ["", "a b", "a\u{202e}b"] {
        assert_eq!(server.join(PROXY, "x", join(bad)), Err("BADUID".into()));
    }
}
