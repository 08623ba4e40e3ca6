use super::*;

#[test]
fn the_lowest_session_is_what_a_uid_has_acknowledged() {
    let mut sessions = Sessions::default();
    sessions.join(1, ROOM, b"a", 40, None);
    sessions.join(2, ROOM, b"a", 42, None);
    assert_eq!(sessions.ack(2, ROOM, b"a", 50, None), Some(40));
    assert_eq!(sessions.ack(1, ROOM, b"a", 44, None), Some(44));
    assert!(sessions.detach(1, ROOM, b"a", 0));
    assert_eq!(sessions.ack(2, ROOM, b"a", 51, None), Some(51));
}

#[test]
fn without_a_session_an_operator_passes_nobody_and_a_proxy_moves_nothing() {
    let mut sessions = Sessions::default();
    hello(&mut sessions, 9, "p", None, 0);
    assert_eq!(sessions.ack(3, ROOM, b"a", 60, None), Some(60));
    assert_eq!(sessions.ack(9, ROOM, b"a", 60, None), None);
    sessions.join(1, ROOM, b"a", 44, None);
    sessions.away(ROOM, b"a", 42, 1000);
    assert_eq!(sessions.ack(3, ROOM, b"a", 60, None), Some(42));
    assert_eq!(sessions.ack(3, ROOM, b"a", 41, None), Some(41));
    assert_eq!(sessions.ack(9, ROOM, b"a", 60, None), None);
    assert_eq!(sessions.ack(3, ROOM, b"a", 60, Some(500)), None, "held");
    assert!(risen(&mut sessions, 500).is_empty());
}

#[test]
fn a_second_tab_of_one_connection_takes_nothing_from_the_first() {
    let mut sessions = Sessions::default();
    assert_eq!(sessions.floor(ROOM, b"a", None), None);
    sessions.join(1, ROOM, b"a", 40, None);
    sessions.join(1, ROOM, b"a", 50, None);
    assert_eq!(sessions.floor(ROOM, b"a", None), Some(40));
    sessions.join(1, ROOM, b"a", 30, None);
    assert_eq!(sessions.floor(ROOM, b"a", None), Some(30));
    assert_eq!(sessions.sessions_of(ROOM, b"a"), 1);
    sessions.attach(1, ROOM, b"a", 35, false);
    assert_eq!(sessions.floor(ROOM, b"a", None), Some(35));
}

#[test]
fn a_cursor_rises_when_the_slowest_session_ends() {
    let mut sessions = Sessions::default();
    let rises = |to| vec![("a".to_string(), to)];
    for (client, acked) in [(1, 0), (2, 10), (3, 20), (4, 30)] {
        sessions.join(client, ROOM, b"a", acked, None);
    }
    sessions.detach(2, ROOM, b"a", 0);
    assert!(risen(&mut sessions, 0).is_empty(), "the slowest is here");
    sessions.detach(1, ROOM, b"a", 0);
    assert_eq!(risen(&mut sessions, 0), rises(20));
    sessions.detach(3, ROOM, b"a", 0);
    sessions.detach(4, ROOM, b"a", 0);
    assert_eq!(risen(&mut sessions, 0), rises(30), "what the last one had");
    assert!(risen(&mut sessions, 0).is_empty());
    sessions.join(1, ROOM, b"a", 30, None);
    sessions.join(2, ROOM, b"a", 40, None);
    sessions.detach(1, ROOM, b"a", 0);
    sessions.join(3, ROOM, b"a", 35, None);
    assert_eq!(risen(&mut sessions, 0), rises(35), "another came meanwhile");
}

#[test]
fn a_dead_connection_holds_back_until_its_ghosts_end() {
    let mut sessions = Sessions::default();
    sessions.join(1, ROOM, b"a", 10, None);
    sessions.join(2, ROOM, b"a", 30, None);
    gone(&mut sessions, 1, 100);
    for _ in 0..2 {
        assert_eq!(sessions.floor(ROOM, b"a", None), Some(10));
        assert_eq!(sessions.ack(2, ROOM, b"a", 40, None), Some(10));
        clear_up(&mut sessions, 100);
    }
    let end = 100 + DEVICE_GRACE;
    clear_up(&mut sessions, end - 1);
    assert!(risen(&mut sessions, end - 1).is_empty());
    clear_up(&mut sessions, end);
    assert_eq!(risen(&mut sessions, end), [("a".to_string(), 40)]);
    gone(&mut sessions, 2, end);
    clear_up(&mut sessions, end + DEVICE_GRACE);
    assert!(
        risen(&mut sessions, u64::MAX).is_empty(),
        "nobody else has acknowledged more"
    );
}

#[test]
fn a_join_takes_over_the_ghost_that_fits() {
    // (since, taken, taken if 20 stands for two tabs): ghosts at 10, 20, 30, of which 20 is a dead session that no chore
    // has reached.
    let table = [
        (None, Some(10), Some(10)),
        (Some(9), None, None),
        (Some(10), Some(10), Some(10)),
        (Some(15), Some(10), Some(10)),
        (Some(20), Some(20), None),
        (Some(25), Some(20), None),
        (Some(99), Some(30), Some(30)),
    ];
    let cases = table.map(|(since, one, two)| [(since, one, 1), (since, two, 2)]);
    for (since, wanted, tabs) in cases.into_iter().flatten() {
        let mut sessions = Sessions::default();
        sessions.join(9, ROOM, b"a", 50, None);
        assert_eq!(sessions.takeover(2, ROOM, b"a", since), None);
        sessions.away(ROOM, b"a", 30, 1000);
        sessions.away(ROOM, b"a", 10, 1000);
        for tab in 0..tabs {
            sessions.join(1, ROOM, b"a", 20 + tab, None);
        }
        gone(&mut sessions, 1, 0);
        let taken = sessions.takeover(2, ROOM, b"a", since);
        assert_eq!(taken.map(|ghost| ghost.at), wanted, "{since:?}");
        let rest = if wanted == Some(10) { 20 } else { 10 };
        assert_eq!(sessions.floor(ROOM, b"a", taken.as_ref()), Some(rest));
        sessions.join(2, ROOM, b"a", since.unwrap_or(10), taken);
        let floor = since.unwrap_or(10).min(rest);
        assert_eq!(sessions.floor(ROOM, b"a", None), Some(floor), "{since:?}");
        let rises = if floor > 10 { vec![floor] } else { vec![] };
        let to: Vec<u64> = risen(&mut sessions, 0).iter().map(|one| one.1).collect();
        assert_eq!(to, rises, "{since:?}");
        clear_up(&mut sessions, 0);
        assert_eq!(sessions.totals().ghosts, 3 - u64::from(wanted.is_some()));
    }
}

#[test]
fn an_attach_takes_over_what_its_proxy_left_and_nothing_else() {
    for chores_first in [false, true] {
        let mut sessions = Sessions::default();
        hello(&mut sessions, 1, "p", None, 0);
        hello(&mut sessions, 2, "q", None, 0);
        sessions.join(1, ROOM, b"a", 20, None);
        sessions.join(2, ROOM, b"a", 15, None);
        sessions.join(3, ROOM, b"a", 12, None);
        sessions.away(ROOM, b"a", 11, DEVICE_GRACE);
        for client in [1, 2, 3] {
            gone(&mut sessions, client, 10);
        }
        if chores_first {
            clear_up(&mut sessions, 10);
        }
        hello(&mut sessions, 4, "p", None, 20);
        sessions.attach(4, ROOM, b"a", 5, false);
        let without = |at| Ghost {
            at,
            until: DEVICE_GRACE,
            of: 0,
            single: true,
        };
        clear_up(&mut sessions, 20);
        assert_eq!(sessions.totals().ghosts, 3);
        assert_eq!(sessions.floor(ROOM, b"a", None), Some(11), "away stays");
        assert_eq!(
            sessions.floor(ROOM, b"a", Some(&without(11))),
            Some(12),
            "a connection without a name left one"
        );
        clear_up(&mut sessions, 10 + DEVICE_GRACE);
        assert_eq!(sessions.floor(ROOM, b"a", None), Some(20));
        assert_eq!(sessions.totals().ghosts, 0);
        sessions.attach(4, ROOM, b"a", 5, false);
        assert_eq!(sessions.floor(ROOM, b"a", None), Some(20));
    }
}

#[test]
fn what_a_lease_ended_is_no_one_elses_over_the_same_connection() {
    let mut sessions = Sessions::default();
    hello(&mut sessions, 1, "p", None, 0);
    sessions.join(1, ROOM, b"a", 3, None);
    assert_eq!(sessions.expire_leases(1001, DEVICE_GRACE), 1);
    let taken = |sessions: &Sessions, client, since| sessions.takeover(client, ROOM, b"a", since);
    for since in [None, Some(5)] {
        assert_eq!(taken(&sessions, 1, since), None, "it sits here still");
        assert_eq!(taken(&sessions, 2, since).map(|ghost| ghost.at), Some(3));
    }
    sessions.join(1, ROOM, b"a", 5, None);
    assert_eq!(hello(&mut sessions, 1, "p", None, 1002), Greeting::Announce);
    sessions.attach(1, ROOM, b"a", 0, false);
    assert_eq!(sessions.floor(ROOM, b"a", None), Some(3));
    clear_up(&mut sessions, 1002);
    assert_eq!(sessions.totals().ghosts, 0);
}

#[test]
fn a_proxy_takes_nothing_over_of_devices_that_were_kicked_or_logged_out_meanwhile() {
    type End = fn(&mut Sessions);
    let kick: End = |sessions| {
        sessions.kick(ROOM, b"a", 1001 + DEVICE_GRACE);
    };
    let detach: End = |sessions| assert!(!sessions.detach(1, ROOM, b"a", 1001));
    // Chores first, or not yet: what was a session is a ghost already, or counts as one.
    for (end, chores_first) in [(kick, false), (kick, true), (detach, false), (detach, true)] {
        let mut sessions = Sessions::default();
        hello(&mut sessions, 1, "p", None, 0);
        sessions.join(1, ROOM, b"a", 3, None);
        sessions.expire_leases(1001, DEVICE_GRACE);
        if chores_first {
            clear_up(&mut sessions, 1001);
        }
        end(&mut sessions);
        hello(&mut sessions, 1, "p", None, 1002);
        sessions.attach(1, ROOM, b"a", 5, false);
        clear_up(&mut sessions, 1002);
        let ends: Vec<u64> = sessions
            .ghosts(ROOM, b"a")
            .map(|ghost| ghost.until)
            .collect();
        assert_eq!(ends, [1001 + DEVICE_GRACE], "the other one may come back");
        clear_up(&mut sessions, 1001 + DEVICE_GRACE);
        assert_eq!(sessions.floor(ROOM, b"a", None), Some(5));
    }
}

#[test]
fn what_a_proxy_left_is_not_passed_by_a_tab_that_came_first() {
    let mut sessions = Sessions::default();
    hello(&mut sessions, 1, "p", None, 0);
    sessions.join(1, ROOM, b"a", 20, None);
    gone(&mut sessions, 1, 0);
    hello(&mut sessions, 2, "p", None, 0);
    sessions.join(2, ROOM, b"a", 50, None);
    sessions.attach(2, ROOM, b"a", 20, false);
    assert_eq!(sessions.floor(ROOM, b"a", None), Some(20));
    assert_eq!(sessions.sessions_of(ROOM, b"a"), 1);
    clear_up(&mut sessions, 0);
    assert_eq!(sessions.totals().ghosts, 0);
}

#[test]
fn held_cursors_rise_afterwards_to_what_is_true_then() {
    let mut sessions = Sessions::default();
    sessions.attach(1, ROOM, b"a", 10, false);
    sessions.attach(1, ROOM, b"b", 10, false);
    assert_eq!(sessions.ack(1, ROOM, b"a", 50, Some(1000)), None);
    sessions.join(2, ROOM, b"a", 30, None);
    assert_eq!(sessions.ack(1, ROOM, b"a", 60, Some(1000)), None);
    // Whatever else would rise in this room waits as well.
    sessions.join(2, ROOM, b"b", 30, None);
    sessions.detach(1, ROOM, b"b", 0);
    assert!(risen(&mut sessions, 999).is_empty());
    let all = [("a".to_string(), 30), ("b".to_string(), 30)];
    assert_eq!(risen(&mut sessions, 1000), all);
    assert!(risen(&mut sessions, 5000).is_empty(), "told once");
}

#[test]
fn a_held_cursor_rises_also_if_nobody_is_left() {
    let mut sessions = Sessions::default();
    sessions.attach(1, ROOM, b"a", 10, false);
    sessions.ack(1, ROOM, b"a", 20, Some(1000));
    sessions.ack(1, ROOM, b"a", 30, Some(1000));
    sessions.detach(1, ROOM, b"a", 100);
    sessions.flush(200, 100, 10);
    assert!(!sessions.is_here(ROOM, b"a") && !sessions.anybody(ROOM));
    assert_eq!(risen(&mut sessions, 1000), [("a".to_string(), 30)]);
    assert!(is_bare(&sessions));
}

#[test]
fn a_hold_that_grows_is_waited_for() {
    let mut sessions = Sessions::default();
    sessions.attach(1, ROOM, b"a", 10, false);
    sessions.ack(1, ROOM, b"a", 20, Some(1000));
    sessions.hold(ROOM, 2000);
    assert!(risen(&mut sessions, 1999).is_empty());
    assert_eq!(risen(&mut sessions, 2000), [("a".to_string(), 20)]);
}

#[test]
fn many_ghosts_become_sixteen_and_nothing_is_passed() {
    let mut sessions = Sessions::default();
    for at in (1..=40).rev() {
        sessions.away(ROOM, b"a", at, 1000 + at);
    }
    assert_eq!(sessions.totals().ghosts, 16);
    assert_eq!(sessions.floor(ROOM, b"a", None), Some(1));
    // The highest one stands for many now.
    let taken = |since| Some(sessions.takeover(2, ROOM, b"a", Some(since))?.at);
    assert_eq!([15, 16, 99].map(taken), [Some(15), None, None]);
    clear_up(&mut sessions, 1039);
    assert_eq!(sessions.floor(ROOM, b"a", None), Some(16));
    clear_up(&mut sessions, 1040);
    assert_eq!(risen(&mut sessions, 1040), [("a".to_string(), 16)]);
    assert!(is_bare(&sessions));
}
