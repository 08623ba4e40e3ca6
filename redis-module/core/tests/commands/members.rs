//! `ROOM.INVITE`, `ROOM.LEAVE`, `ROOM.KICK`: memberships.

use crate::calls::join;
use crate::server::Server;
use room_core::commands::{MOST_LEAVING, MOST_REASON};

const PROXY: u64 = 1;

fn room() -> Server {
    let mut server = Server::settled();
    server.invite("r", &["a", "b"]).unwrap();
    server.say("r", "a", 3);
    server.effects.clear();
    server.events.clear();
    server.told.clear();
    server
}

#[test]
fn invite_makes_members_at_the_head() {
    let mut server = room();
    let reply = server.invite("r", &["d", "a", "c", "d"]).unwrap();
    assert_eq!(reply.int(), 2);
    assert_eq!((server.cursor("r", "c"), server.cursor("r", "d")), (3, 3));
    assert_eq!(server.effects.len(), 1);
    assert!(
        server.effects[0].ends_with(" 3 c d"),
        "{:?}",
        server.effects
    );
    assert!(!server.room("r").member(b"c").unwrap().newcomer);
    assert_eq!(server.events, ["room.invite"]);
    assert_eq!(server.invite("r", &["a", "c"]).unwrap().int(), 0);
    assert_eq!(server.events.len(), 1, "nothing changed");
}

#[test]
fn invite_settles_a_newcomer() {
    let mut server = room();
    server.join(PROXY, "r", join("new")).unwrap();
    assert!(server.room("r").member(b"new").unwrap().newcomer);
    assert_eq!(server.invite("r", &["new", "a"]).unwrap().int(), 0);
    assert!(!server.room("r").member(b"new").unwrap().newcomer);
    assert!(server.effects.last().unwrap().ends_with(" invited new"));
}

#[test]
fn invite_refuses_all_or_nothing() {
    let mut server = room();
    server.settings.max_members = 3;
    assert_eq!(server.invite("r", &["c", "d"]), Err("LIMIT".into()));
    assert_eq!(
        server.invite("x", &["a", "b", "c", "d"]),
        Err("LIMIT".into())
    );
    assert_eq!(server.invite("x", &["a", "b", "c", "a"]).unwrap().int(), 3);
    server.settings.max_uids = 2;
    assert_eq!(server.invite("r", &["c", "a", "a"]), Err("TOOMANY".into()));
    for key in ["r", "new"] {
        for bad in ["", "a b", "a\u{7}", "\u{85}", "a\u{202e}b", "\u{200f}"] {
            assert_eq!(
                server.invite(key, &["c", bad]),
                Err("BADUID".into()),
                "{key} {bad:?}"
            );
        }
    }
    server.full = true;
    assert_eq!(server.invite("r", &["c"]), Err("OOM".into()));
    assert_eq!(
        server.invite("r", &["a"]).unwrap().int(),
        0,
        "nothing grows"
    );
}

#[test]
fn a_uid_that_may_not_come_any_more_may_still_do_all_a_member_does() {
    let mut server = room();
    let old = "a\u{202e}b";
    server.apply("r", &["join:5", "1", "1", old]).unwrap();
    server.join(PROXY, "r", join(old)).unwrap();
    server.attach(PROXY, "r", &[old]).unwrap();
    assert_eq!(server.ack(PROXY, "r", 2, &[old]), 1);
    assert_eq!(server.kick("r", old, "").unwrap().int(), 1);
    assert_eq!(server.leave("r", &[old]).unwrap().int(), 1);
}

#[test]
fn leave_ends_queue_and_sessions() {
    let mut server = room();
    server.join(PROXY, "r", join("a")).unwrap();
    server.effects.clear();
    let reply = server.leave("r", &["a", "nobody", "a"]).unwrap();
    assert_eq!(reply.int(), 1);
    assert_eq!(server.sessions.totals().sessions, 0);
    let told = ("Control".into(), "a".into(), "left".into(), (0, 1));
    assert_eq!(server.told, [told]);
    assert_eq!(server.effects, [format!("leave:{} a", server.wall)]);
    assert_eq!(server.leave("r", &["a"]).unwrap().int(), 0);
    assert_eq!(server.leave("nowhere", &["a"]).unwrap().int(), 0);
    server.tick(10_000);
    assert_eq!(server.told.len(), 1, "its departure was told");
}

#[test]
fn whoever_held_the_log_back_lets_go_of_it() {
    let mut server = room();
    server.limits("r", &[("keep", "1")]).unwrap();
    server.ack(0, "r", 3, &["a"]);
    assert_eq!(server.room("r").log().first(), 1);
    server.leave("r", &["b"]).unwrap();
    assert_eq!(server.room("r").log().first(), 3);
}

#[test]
fn the_last_one_takes_the_room_along() {
    let mut server = room();
    server.join(PROXY, "r", join("b")).unwrap();
    server.leave("r", &["b", "a"]).unwrap();
    assert!(server.rooms.is_empty() && server.replica.is_empty());
    assert_eq!(
        server.told.len(),
        2,
        "both left, and nobody is there to hear more"
    );
    // A room that is born again inherits nothing.
    let reply = server.join(PROXY, "r", join("a")).unwrap();
    assert_eq!(reply.get("online").int(), 1);
}

#[test]
fn leave_has_a_cap_of_its_own() {
    let mut server = room();
    let many: Vec<String> = (0..=MOST_LEAVING).map(|i| format!("u{i}")).collect();
    let many: Vec<&str> = many.iter().map(|uid| &uid[..]).collect();
    assert_eq!(server.leave("r", &many), Err("TOOMANY".into()));
    assert_eq!(server.leave("r", &many[1..]).unwrap().int(), 0);
    assert_eq!(server.leave("r", &["a b"]), Err("BADUID".into()));
    server.settings.max_uids = 1;
    assert_eq!(server.leave("r", &["a", "b"]), Err("TOOMANY".into()));
}

#[test]
fn kick_ends_sessions_everywhere_and_is_told() {
    // Was its arrival told, the reason; what is told.
    for (seen, reason, told) in [
        (true, "rude", vec!["kicked rude", "-a"]),
        (true, "", vec!["kicked", "-a"]),
        (false, "", vec!["kicked"]),
    ] {
        let mut server = room();
        server.join(PROXY, "r", join("a")).unwrap();
        server.join(2, "r", join("a")).unwrap();
        if seen {
            server.tick(1);
            server.told.clear();
        }
        assert_eq!(server.kick("r", "a", reason).unwrap().int(), 2);
        let payloads: Vec<&str> = server.told.iter().map(|told| &told.2[..]).collect();
        assert_eq!(payloads, told, "{seen} {reason:?}");
        assert!(server.told.iter().all(|told| told.3 == (0, 2)));
        let member = server.room("r").member(b"a").unwrap();
        assert_eq!(member.kicks, 1, "it stays a member");
        server.told.clear();
        server.tick(10_000);
        assert_eq!(server.told, [], "nothing is told twice");
        assert_eq!(server.cursor("r", "a"), 0);
    }
}

#[test]
fn kick_where_more_are_online_than_are_named() {
    let mut server = room();
    server.settings.presence_names = 1;
    for uid in ["a", "b", "c"] {
        server.join(PROXY, "r", join(uid)).unwrap();
    }
    server.tick(1);
    server.told.clear();
    server.kick("r", "a", "").unwrap();
    assert_eq!(server.told[1].2, "", "only the counters");
}

#[test]
fn kick_of_somebody_who_is_no_member_is_told_but_changes_nothing() {
    let mut server = room();
    assert_eq!(server.kick("r", "guest", "out").unwrap().int(), 0);
    let told = (
        "Control".into(),
        "guest".into(),
        "kicked out".into(),
        (0, 2),
    );
    assert_eq!(server.told, [told]);
    assert_eq!((server.effects.len(), server.events.len()), (0, 0));
    assert_eq!(server.kick("x", "a", ""), Err("NOROOM".into()));
    assert_eq!(server.kick("r", "a b", ""), Err("BADUID".into()));
    let long = "x".repeat(MOST_REASON + 1);
    assert_eq!(server.kick("r", "a", &long), Err("TOOBIG".into()));
    server.kick("r", "a", &long[1..]).unwrap();
}
