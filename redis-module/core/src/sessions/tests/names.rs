use super::*;
use Greeting::{Announce, Ok, Superseded};

#[test]
fn one_proxy_has_one_connection_and_a_lease() {
    let mut sessions = Sessions::default();
    assert_eq!(hello(&mut sessions, 1, "p", None, 0), Announce);
    sessions.join(1, ROOM, b"a", 0, None);
    assert_eq!(hello(&mut sessions, 1, "p", None, 500), Ok);
    assert_eq!(sessions.expire_leases(1500, DEVICE_GRACE), 0);
    assert_eq!(sessions.expire_leases(1501, DEVICE_GRACE), 1);
    assert_eq!(sessions.sessions_of(ROOM, b"a"), 0);
    assert_eq!(sessions.expire_leases(1502, DEVICE_GRACE), 0);
    clear_up(&mut sessions, 1502);
    assert_eq!(sessions.connected(ROOM), 0);
    let again = hello(&mut sessions, 1, "p", None, 1600);
    assert_eq!(again, Announce, "the sessions ended");
    sessions.join(1, ROOM, b"a", 0, None);
    assert_eq!(hello(&mut sessions, 2, "p", None, 1700), Announce);
    assert_eq!(sessions.sessions_of(ROOM, b"a"), 0, "superseded");
    assert_eq!(sessions.totals().proxies, 1);
}

#[test]
fn a_pause_of_redis_is_not_the_silence_of_its_proxies() {
    let mut sessions = Sessions::default();
    hello(&mut sessions, 1, "p", None, 0);
    sessions.join(1, ROOM, b"a", 0, None);
    sessions.late(9000);
    assert_eq!(sessions.expire_leases(10_000, DEVICE_GRACE), 0);
    assert_eq!(hello(&mut sessions, 1, "p", None, 10_000), Ok);
    assert_eq!(sessions.expire_leases(11_001, DEVICE_GRACE), 1);
    sessions.late(9000);
    assert_eq!(
        hello(&mut sessions, 1, "p", None, 11_002),
        Announce,
        "what has ended does not come back"
    );
}

/// When Redis was held up it does what came meanwhile, and only then looks at the time.
#[test]
fn a_lease_goes_on_until_somebody_ends_it() {
    let mut sessions = Sessions::default();
    hello(&mut sessions, 1, "p", None, 0);
    sessions.join(1, ROOM, b"a", 0, None);
    assert_eq!(hello(&mut sessions, 1, "p", None, 4000), Ok);
    assert_eq!(sessions.expire_leases(4001, DEVICE_GRACE), 0);
    assert_eq!(sessions.sessions_of(ROOM, b"a"), 1);
}

#[test]
fn who_has_the_name_in_the_end() {
    // The IDs of an older and a newer connection, and what the older one's next HELLO gets.
    let table = [
        (None, None, Announce),
        (Some("x"), Some("x"), Announce),
        (Some("x"), Some("y"), Superseded),
        (Some("x"), None, Superseded),
        (None, Some("y"), Announce),
    ];
    for (older, newer, answer) in table {
        let mut sessions = Sessions::default();
        hello(&mut sessions, 1, "p", older, 0);
        sessions.join(1, ROOM, b"a", 7, None);
        assert_eq!(hello(&mut sessions, 2, "p", newer, 10), Announce);
        assert_eq!(sessions.sessions_of(ROOM, b"a"), 0);
        assert_eq!(sessions.floor(ROOM, b"a", None), Some(7), "as a ghost");
        let case = format!("{older:?} {newer:?}");
        assert_eq!(hello(&mut sessions, 1, "p", older, 20), answer, "{case}");
        assert_eq!(sessions.totals().proxies, 1);
        if answer == Superseded {
            assert_eq!(hello(&mut sessions, 1, "p", older, 30), Superseded);
            assert_eq!(hello(&mut sessions, 2, "p", newer, 30), Ok, "{case}");
            assert_eq!(hello(&mut sessions, 1, "p-2", older, 40), Announce);
            assert_eq!(sessions.totals().proxies, 2);
        }
    }
}

#[test]
fn a_lost_name_that_nobody_holds_any_more_is_free() {
    let mut sessions = Sessions::default();
    hello(&mut sessions, 1, "p", Some("x"), 0);
    hello(&mut sessions, 2, "p", Some("y"), 0);
    assert_eq!(hello(&mut sessions, 1, "p", Some("x"), 0), Superseded);
    gone(&mut sessions, 2, 0);
    assert_eq!(hello(&mut sessions, 1, "p", Some("x"), 0), Announce);
}

#[test]
fn a_name_belongs_to_a_user() {
    let mut sessions = Sessions::default();
    let other = |sessions: &mut Sessions, now| hello_as(sessions, 2, "p", "v", None, now);
    hello(&mut sessions, 1, "p", None, 0);
    sessions.join(1, ROOM, b"a", 0, None);
    assert_eq!(other(&mut sessions, 0), Err(NameTaken));
    assert_eq!(sessions.sessions_of(ROOM, b"a"), 1);
    sessions.expire_leases(5000, DEVICE_GRACE);
    assert_eq!(
        other(&mut sessions, 5000),
        Err(NameTaken),
        "its holder lives"
    );
    hello(&mut sessions, 1, "p", None, 5000);
    gone(&mut sessions, 1, 5500);
    assert_eq!(
        other(&mut sessions, 6000),
        Err(NameTaken),
        "its lease lives"
    );
    assert_eq!(other(&mut sessions, 6001), Result::Ok(Announce));
    assert_eq!(
        hello_as(&mut sessions, 3, "p", "u", None, 6001),
        Err(NameTaken)
    );
    // Who changes its name gives up the other at once.
    assert_eq!(
        hello_as(&mut sessions, 2, "q", "v", None, 6001),
        Result::Ok(Ok)
    );
    assert_eq!(hello(&mut sessions, 3, "p", None, 6001), Announce);
}

#[test]
fn who_changes_its_name_keeps_its_sessions() {
    let mut sessions = Sessions::default();
    hello(&mut sessions, 1, "p", None, 0);
    sessions.join(1, ROOM, b"a", 7, None);
    assert_eq!(hello(&mut sessions, 1, "q", None, 10), Ok);
    assert_eq!(sessions.sessions_of(ROOM, b"a"), 1);
    gone(&mut sessions, 1, 20);
    for (client, name, floor) in [(2, "p", 7), (3, "q", 7)] {
        hello(&mut sessions, client, name, None, 30);
        sessions.attach(client, ROOM, b"a", 9, false);
        assert_eq!(sessions.floor(ROOM, b"a", None), Some(floor), "{name}");
        assert!(sessions.detach(client, ROOM, b"a", 30));
    }
    assert_eq!(sessions.floor(ROOM, b"a", None), None, "q took it over");
}

#[test]
fn names_are_forgotten_when_their_lease_and_their_ghosts_are_over() {
    let mut sessions = Sessions::default();
    for client in 0..100 {
        hello(&mut sessions, client, &format!("p{client}"), None, 0);
        if client < 10 {
            sessions.join(client, ROOM, b"a", 0, None);
        }
        gone(&mut sessions, client, 0);
    }
    assert_eq!(sessions.totals().proxies, 0);
    sessions.expire_leases(1000, DEVICE_GRACE);
    assert_eq!(sessions.names.len(), 100);
    sessions.expire_leases(1001, DEVICE_GRACE);
    assert_eq!(sessions.names.len(), 10, "ghosts refer to these");
    sessions.expire_leases(DEVICE_GRACE, DEVICE_GRACE);
    assert_eq!(sessions.names.len(), 0);
    assert!(sessions.clients.is_empty());
}
