//! `ROOM.HELLO`.

use crate::calls::join;
use crate::server::Server;
use room_core::commands::MOST_ID;

const LEASE: u64 = 1000;

/// The answers to these, one after another: client, name, user, ID.
fn answers(steps: &[(u64, &str, &str, Option<&str>)]) -> Vec<String> {
    let mut server = Server::settled();
    let hello = |step: &(u64, &str, &str, Option<&str>)| {
        let reply = server.hello_as(step.0, (step.1, step.2, step.3), LEASE);
        reply.map_or_else(|code| code, |reply| reply.text().to_string())
    };
    steps.iter().map(hello).collect()
}

#[test]
fn who_holds_a_name() {
    let (a, b) = (Some("A"), Some("B"));
    for (steps, wanted) in [
        (
            &[(1, "p", "u", None), (1, "p", "u", None)][..],
            &["ANNOUNCE", "OK"][..],
        ),
        // The same process on a new connection.
        (
            &[(1, "p", "u", a), (2, "p", "u", a), (2, "p", "u", a)],
            &["ANNOUNCE", "ANNOUNCE", "OK"],
        ),
        // Two processes: the newest wins, and the older one is told.
        (
            &[(1, "p", "u", a), (2, "p", "u", b), (1, "p", "u", a)],
            &["ANNOUNCE", "ANNOUNCE", "SUPERSEDED"],
        ),
        (
            &[(1, "p", "u", a), (2, "p", "u", b), (1, "q", "u", a)],
            &["ANNOUNCE"; 3],
        ),
        // Without an ID as ever: they take it from each other.
        (
            &[
                (1, "p", "u", None),
                (2, "p", "u", None),
                (1, "p", "u", None),
            ],
            &["ANNOUNCE"; 3],
        ),
        (
            &[(1, "p", "u", a), (2, "p", "other", a)],
            &["ANNOUNCE", "NOPERM"],
        ),
        (&[(1, "a b", "u", a)], &["BADUID"]),
        (&[(1, "p", "u", Some(""))], &["BADID"]),
    ] {
        assert_eq!(answers(steps), wanted, "{steps:?}");
    }
    let long = "x".repeat(MOST_ID + 1);
    assert_eq!(answers(&[(1, "p", "u", Some(&long))]), ["BADID"]);
    assert_eq!(answers(&[(1, "p", "u", Some(&long[1..]))]), ["ANNOUNCE"]);
}

#[test]
fn in_a_script_nothing_is_named() {
    let mut server = Server::settled();
    server.counts = false;
    assert_eq!(server.hello(1, "p", LEASE).unwrap().text(), "OK");
    assert_eq!(server.sessions.totals().proxies, 0);
}

#[test]
fn a_lease_goes_by_time_that_no_jump_moves() {
    for jump in [-3_600_000_i64, 0, 35 * 86_400_000] {
        let mut server = Server::settled();
        server.hello(1, "p", LEASE).unwrap();
        server.join(1, "r", join("a")).unwrap();
        server.wall = server.wall.checked_add_signed(jump).unwrap();
        assert_eq!(server.tick(LEASE), 0, "{jump}");
        assert_eq!(server.tick(1), 1, "{jump}");
        assert_eq!(server.sessions.sessions_of(server.name("r"), b"a"), 0);
        assert_eq!(server.hello(1, "p", LEASE).unwrap().text(), "ANNOUNCE");
    }
}

#[test]
fn the_sessions_of_a_name_that_is_taken_end_but_hold() {
    let mut server = Server::settled();
    server.hello_as(1, ("p", "u", Some("A")), LEASE).unwrap();
    server.join(1, "r", join("a")).unwrap();
    server.hello_as(2, ("p", "u", Some("A")), LEASE).unwrap();
    assert_eq!(server.sessions.sessions_of(server.name("r"), b"a"), 0);
    assert_eq!(server.sessions.floor(server.name("r"), b"a", None), Some(0));
    server.attach(2, "r", &["a"]).unwrap();
    server.tick(1);
    let totals = server.sessions.totals();
    assert_eq!((totals.sessions, totals.ghosts, totals.proxies), (1, 0, 1));
}
