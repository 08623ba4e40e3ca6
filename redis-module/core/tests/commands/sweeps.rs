//! What time alone brings about.

use crate::calls::{join, publish, with_id, with_room_id};
use crate::server::Server;
use room_core::commands::ROWS;
use room_core::limits::Limit;

const PROXY: u64 = 1;
const DAY: u64 = 86_400_000;

/// Five messages; `a` has read all of them, `b` none.
fn room() -> Server {
    let mut server = Server::settled();
    server.settings.limits.set(Limit::Keep, 2);
    server.invite("r", &["a", "b"]).unwrap();
    server.say("r", "a", 5);
    server.ack(0, "r", 5, &["a"]);
    server
}

fn first(server: &Server) -> u64 {
    server.room("r").log().first()
}

#[test]
fn where_nothing_is_due_nothing_is_found() {
    let mut server = room();
    let key = server.key("r");
    assert!(!server.sweep(&key, 0));
    server.settings.limits.set(Limit::MaxLen, 3);
    assert!(server.sweep(&key, 0));
    assert_eq!(first(&server), 3);
    assert!(!server.sweep(&key, 0));
}

#[test]
fn messages_end_at_their_age_whatever_the_wall_clock_does() {
    for jump in [0, 35 * DAY as i64, -3_600_000] {
        let mut server = room();
        server.settings.limits.set(Limit::MaxAge, 60_000);
        server.wall = server.wall.checked_add_signed(jump).unwrap();
        server.tick(60_000);
        assert_eq!(first(&server), 1, "{jump}");
        server.tick(1);
        assert!(server.room("r").log().is_empty(), "{jump}");
        assert_eq!(server.counted["Dropped"], 5);
    }
}

#[test]
fn ids_are_forgotten_where_nobody_publishes() {
    let mut server = room();
    server.settings.dedupe.age_ms = 1000;
    let one = |publish| [with_id(publish, "1"), with_room_id(publish, "1")];
    for publish in one(publish("a", "x")) {
        server.publish(0, "r", publish).unwrap();
        server.tick(500);
    }
    let known = |server: &Server| {
        let room = server.room("r");
        let of_uid = room.seen_before(b"a", b"1").is_some();
        (of_uid, room.seen_here(b"1").is_some())
    };
    server.tick(0);
    assert_eq!(known(&server), (true, true));
    server.tick(1);
    assert_eq!(known(&server), (false, true));
    server.tick(500);
    assert_eq!(known(&server), (false, false));
    assert!(server.room("r").oldest_id_ms().is_none());
}

#[test]
fn who_is_away_for_too_long_lets_go_of_the_log() {
    let mut server = room();
    server.settings.limits.set(Limit::MemberTtl, 8000);
    server.tick(9000);
    assert_eq!(
        first(&server),
        1,
        "an eighth more, as times may be so wrong"
    );
    server.tick(1);
    assert!(server.room("r").member(b"b").unwrap().released);
    assert_eq!(first(&server), 4);
    assert_eq!(server.counted["Released"], 2);
    let reply = server.join(PROXY, "r", join("b")).unwrap();
    assert_eq!(reply.get("lost").items()[2].text(), "member-ttl");
    assert!(!server.room("r").member(b"b").unwrap().released);
}

#[test]
fn nobody_is_absent_while_online_a_ghost_or_shortly_after_a_start() {
    for how in ["online", "ghost", "start"] {
        let mut server = room();
        server.settings.limits.set(Limit::MemberTtl, 8000);
        server.settings.newcomer_ttl = 8000;
        server.settings.forget_after = 8000;
        server.settings.device_grace = 1_000_000;
        server.settings.start_grace = 1_000_000;
        server.role_since = 1;
        match how {
            "online" => drop(server.join(PROXY, "r", join("b"))),
            "ghost" => {
                let at = server.at("r", 0);
                server.away(PROXY, "r", at, &["b"]).unwrap();
                server.pass(10);
            }
            _ => server.restart(),
        }
        for _ in 0..30 {
            server.tick(1000);
            let member = server.room("r").member(b"b");
            assert!(member.is_some_and(|member| !member.released), "{how}");
        }
        assert_eq!(first(&server), 1, "{how}");
    }
}

#[test]
fn newcomers_who_never_read_are_removed() {
    // What it does; whether it goes.
    for (what, goes) in [
        ("nothing", true),
        ("invited", false),
        ("acknowledged", false),
        ("published", false),
        ("nothing waits", false),
    ] {
        let mut server = room();
        server.settings.newcomer_ttl = 8000;
        server.join(PROXY, "r", join("new")).unwrap();
        if what != "nothing waits" {
            server.say("r", "a", 2);
        }
        match what {
            "invited" => drop(server.invite("r", &["new"])),
            "acknowledged" => drop(server.ack(PROXY, "r", 6, &["new"])),
            "published" => server.say("r", "new", 1),
            _ => {}
        }
        server.tick(1);
        server.detach(PROXY, "r", &["new"]).unwrap();
        server.tick(server.settings.grace);
        server.told.clear();
        server.tick(8000);
        assert!(server.room("r").member(b"new").is_some(), "{what}");
        server.tick(1001);
        assert_eq!(server.room("r").member(b"new").is_none(), goes, "{what}");
        let left = server.told.iter().filter(|told| told.2 == "left").count();
        assert_eq!(left, usize::from(goes), "{what}");
        assert_eq!(server.counted.contains_key("Forgotten"), goes, "{what}");
    }
}

#[test]
fn a_server_that_died_takes_nobody_for_longer_away_than_it_was() {
    let mut server = room();
    server.settings.newcomer_ttl = 80_000;
    server.join(PROXY, "r", join("new")).unwrap();
    server.say("r", "a", 1);
    // Online for long, so its time is refreshed now and then; then all die at once.
    for _ in 0..29 {
        server.tick(1000);
    }
    server.restart();
    server.tick(79_000);
    assert!(server.room("r").member(b"new").is_some());
    server.tick(12_000);
    assert!(server.room("r").member(b"new").is_none());
}

#[test]
fn any_member_is_forgotten_at_last_and_the_last_one_takes_the_room_along() {
    let mut server = room();
    server.settings.forget_after = 8000;
    server.join(PROXY, "r", join("a")).unwrap();
    server.tick(20_000);
    assert!(server.room("r").member(b"b").is_none());
    assert_eq!(first(&server), 4, "it no longer holds the log");
    server.detach(PROXY, "r", &["a"]).unwrap();
    server.tick(server.settings.grace);
    server.tick(9001);
    assert!(server.rooms.is_empty() && server.replica.is_empty());
}

#[test]
fn a_room_in_which_nothing_happens_goes() {
    let hows = ["idle", "online", "a message", "an act"];
    for how in hows.into_iter().chain(["a start", "a device's start"]) {
        let mut server = room();
        server.settings.idle_ttl = 8000;
        server.settings.start_grace = 60_000;
        match how {
            "online" => drop(server.join(PROXY, "r", join("b"))),
            "a start" => {
                server.settings.device_grace = 0;
                server.restart();
            }
            "a device's start" => {
                server.settings.start_grace = 0;
                server.restart();
            }
            _ => {}
        }
        server.tick(8000);
        assert!(!server.rooms.is_empty(), "{how}");
        match how {
            "a message" => server.say("r", "a", 1),
            "an act" => drop(server.ack(0, "r", 1, &["b"])),
            _ => {}
        }
        server.tick(8000);
        assert_eq!(server.rooms.is_empty(), how == "idle", "{how}");
        assert_eq!(server.replica.is_empty(), how == "idle", "{how}");
    }
}

#[test]
fn an_act_counts_also_after_the_wall_clock_was_put_forward_for_good() {
    let mut server = room();
    server.settings.idle_ttl = 7 * DAY;
    server.tick(1000);
    server.wall += 35 * DAY;
    for day in 0..20 {
        server.tick(DAY);
        server.join(PROXY, "r", join("a")).unwrap();
        server.tick(1);
        server.detach(PROXY, "r", &["a"]).unwrap();
        server.tick(server.settings.grace);
        assert!(!server.rooms.is_empty(), "day {day}");
    }
}

#[test]
fn one_look_looks_at_some_rows_and_the_next_goes_on() {
    let mut server = Server::settled();
    server.settings.max_uids = 1 << 20;
    let many: Vec<String> = (0..ROWS * 2 + 5).map(|i| format!("u{i}")).collect();
    let many: Vec<&str> = many.iter().map(|uid| &uid[..]).collect();
    server.invite("r", &many).unwrap();
    server.settings.forget_after = 8000;
    server.pass(9001);
    let key = server.key("r");
    for turn in 0..4 {
        let before = server.room("r").member_count();
        server.sweep(&key, turn);
        let Some(room) = server.rooms.get(&key) else {
            return;
        };
        assert!(before - room.member_count() <= ROWS);
    }
    for turn in 0..4 {
        if server.rooms.contains_key(&key) {
            server.sweep(&key, turn);
        }
    }
    assert!(server.rooms.is_empty());
}
