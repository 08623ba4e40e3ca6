use super::*;

#[test]
fn a_dead_connection_takes_its_sessions_along() {
    let mut sessions = Sessions::default();
    sessions.join(1, ROOM, b"a", 0, None);
    sessions.join(1, ROOM, b"b", 0, None);
    sessions.join(2, ROOM, b"b", 0, None);
    assert_eq!(sessions.online(ROOM), 2);
    gone(&mut sessions, 1, 100);
    assert_eq!(sessions.sessions_of(ROOM, b"a"), 0);
    assert_eq!(sessions.sessions_of(ROOM, b"b"), 1);
    assert_eq!((sessions.connected(ROOM), sessions.totals().chores), (2, 2));
    assert_eq!(sessions.chores(100, 1), 1);
    assert_eq!(sessions.totals().chores, 1);
    clear_up(&mut sessions, 100);
    assert_eq!((sessions.connected(ROOM), sessions.totals().chores), (1, 0));
    assert_eq!(sessions.totals().ghosts, 2);
}

#[test]
fn arrivals_are_told_once_and_a_blip_is_not_told_at_all() {
    let mut sessions = Sessions::default();
    sessions.join(1, ROOM, b"a", 0, None);
    sessions.join(1, ROOM, b"b", 0, None);
    let told = sessions.flush(0, 5000, 1000);
    assert_eq!(texts(&told[0].1.came), ["a", "b"]);
    assert!(sessions.flush(0, 5000, 1000).is_empty());

    sessions.detach(1, ROOM, b"a", 1000);
    assert!(sessions.flush(2000, 5000, 1000).is_empty());
    sessions.join(2, ROOM, b"a", 0, None);
    let told = sessions.flush(9000, 5000, 1000);
    assert!(told.is_empty(), "back within the grace period");

    sessions.detach(2, ROOM, b"a", 10_000);
    assert!(sessions.flush(14_999, 5000, 1000).is_empty());
    let told = sessions.flush(15_000, 5000, 1000);
    assert_eq!(texts(&told[0].1.went), ["a"]);
    assert!(sessions.flush(99_000, 5000, 1000).is_empty());
}

/// A blip is told to nobody: so whoever asks during one is to be told what the others take for true.
#[test]
fn during_a_blip_all_count_the_same() {
    let mut sessions = Sessions::default();
    for (client, uid) in [(1, b"a"), (2, b"b")] {
        sessions.join(client, ROOM, uid, 0, None);
    }
    sessions.flush(0, 100, 10);
    let seen = |sessions: &Sessions| {
        let who = sessions.who(ROOM, 10).unwrap();
        assert_eq!(sessions.online(ROOM), who.len() as u64);
        who.len()
    };
    gone(&mut sessions, 1, 1000);
    assert_eq!(seen(&sessions), 2);
    clear_up(&mut sessions, 1000);
    assert_eq!((seen(&sessions), sessions.connected(ROOM)), (2, 1));
    assert!(sessions.who(ROOM, 1).is_none());
    sessions.attach(3, ROOM, b"a", 0, false);
    assert_eq!(seen(&sessions), 2);
    assert!(sessions.flush(9000, 100, 10).is_empty());

    sessions.detach(3, ROOM, b"a", 9000);
    assert_eq!(seen(&sessions), 2);
    let told = sessions.flush(9100, 100, 10);
    assert_eq!((texts(&told[0].1.went), seen(&sessions)), (vec!["a"], 1));
    // Who was never told of by name is counted all the same, from its coming until all are told.
    sessions.join(1, ROOM, b"c", 0, None);
    sessions.detach(1, ROOM, b"c", 9200);
    assert_eq!(seen(&sessions), 2);
    assert!(sessions.flush(9200, 100, 10).is_empty());
    assert_eq!(seen(&sessions), 2);
    assert!(sessions.flush(9300, 100, 10)[0].1.again);
    assert_eq!(seen(&sessions), 1);
}

#[test]
fn who_comes_back_before_the_chores_did_not_go() {
    let mut sessions = Sessions::default();
    sessions.join(1, ROOM, b"a", 0, None);
    sessions.flush(0, 100, 10);
    gone(&mut sessions, 1, 1000);
    sessions.join(2, ROOM, b"a", 0, None);
    clear_up(&mut sessions, 1050);
    assert_eq!(sessions.online(ROOM), 1);
    assert!(sessions.flush(9000, 100, 10).is_empty());
}

#[test]
fn who_came_and_left_at_once_is_not_told() {
    let mut sessions = Sessions::default();
    let uids: Vec<String> = (0..1000).map(|i| format!("uid-{i}")).collect();
    for uid in &uids {
        sessions.join(1, ROOM, uid.as_bytes(), 0, None);
    }
    for uid in uids.iter().skip(1) {
        assert_eq!(sessions.remove_uid(ROOM, uid.as_bytes()), 1);
    }
    sessions.join(1, ROOM, b"uid-9", 0, None);
    let told = sessions.flush(0, 5000, 1000);
    assert_eq!(texts(&told[0].1.came), ["uid-0", "uid-9"]);
}

#[test]
fn a_crowd_is_told_a_part_at_a_time() {
    let mut sessions = Sessions::default();
    let other = RoomName {
        db: 0,
        name: b"room:b",
    };
    for i in 0..25u8 {
        sessions.join(1, ROOM, &[b'a' + i], 0, None);
    }
    sessions.join(2, other, b"z", 0, None);
    let mut came = 0;
    for _ in 0..3 {
        let changes = sessions.flush(0, 100, 10);
        let some: usize = changes.iter().map(|(_, change)| change.came.len()).sum();
        assert!(some <= 10);
        came += some;
    }
    assert_eq!(came, 26);
    gone(&mut sessions, 1, 1000);
    clear_up(&mut sessions, 1050);
    assert_eq!((sessions.connected(ROOM), sessions.online(ROOM)), (0, 25));
    let went = [1099, 1100, 1200, 1300, 1400].map(|now| {
        let changes = sessions.flush(now, 100, 10);
        changes.first().map_or(0, |(_, change)| change.went.len())
    });
    assert_eq!(went, [0, 10, 10, 5, 0]);
}

#[test]
fn a_departure_counts_from_the_death_and_not_from_the_chores() {
    let mut sessions = Sessions::default();
    sessions.join(1, ROOM, b"a", 0, None);
    sessions.flush(0, 100, 10);
    gone(&mut sessions, 1, 1000);
    clear_up(&mut sessions, 1090);
    assert!(sessions.flush(1099, 100, 10).is_empty());
    let told = sessions.flush(1100, 100, 10);
    assert_eq!(texts(&told[0].1.went), ["a"]);
    assert!(sessions.is_here(ROOM, b"a"), "its ghost is");
    clear_up(&mut sessions, 1000 + DEVICE_GRACE);
    assert!(is_bare(&sessions));
    assert!(sessions.flush(u64::MAX, 100, 10).is_empty(), "told once");
}

#[test]
fn who_came_and_went_unseen_was_here() {
    let mut sessions = Sessions::default();
    sessions.join(1, ROOM, b"a", 0, None);
    assert!(sessions.detach(1, ROOM, b"a", 1000));
    assert!(!sessions.detach(1, ROOM, b"a", 1000));
    assert!(sessions.is_here(ROOM, b"a"), "within the grace period");
    assert!(sessions.anybody(ROOM));
    assert!(sessions.flush(1099, 100, 10).is_empty());
    let changes = sessions.flush(1100, 100, 10);
    assert_eq!(texts(&changes[0].1.passed), ["a"]);
    assert!(changes[0].1.again, "it was counted meanwhile");
    assert!(changes[0].1.came.is_empty() && changes[0].1.went.is_empty());
    assert!(!sessions.anybody(ROOM) && is_bare(&sessions));
}

#[test]
fn a_connection_that_ends_takes_only_its_own_sessions() {
    let mut sessions = Sessions::default();
    for i in 0..1000 {
        sessions.join(1, ROOM, format!("uid-{i}").as_bytes(), 0, None);
    }
    for client in 2..202 {
        sessions.join(client, ROOM, b"uid-7", 0, None);
        gone(&mut sessions, client, 0);
    }
    assert_eq!(sessions.sessions_of(ROOM, b"uid-7"), 1);
    clear_up(&mut sessions, 0);
    assert_eq!(sessions.sessions_of(ROOM, b"uid-7"), 1);
    assert_eq!(sessions.totals().sessions, 1000);
}

#[test]
fn who_is_announced_quietly_is_known_and_its_departure_is_told() {
    let mut sessions = Sessions::default();
    sessions.attach(1, ROOM, b"a", 5, true);
    let told = sessions.flush(0, 100, 10);
    assert!(told[0].1.again && told[0].1.came.is_empty());
    assert!(sessions.flush(0, 100, 10).is_empty(), "once");
    sessions.detach(1, ROOM, b"a", 0);
    let told = sessions.flush(100, 100, 10);
    assert_eq!(texts(&told[0].1.went), ["a"]);

    sessions.join(1, ROOM, b"b", 5, None);
    sessions.attach(2, ROOM, b"b", 5, true);
    let told = sessions.flush(200, 100, 10);
    assert_eq!(texts(&told[0].1.came), ["b"], "it was no news only if new");
}

/// The list of who is here still goes out without it: so the others take it for gone.
#[test]
fn who_is_announced_quietly_and_goes_before_that_is_told_comes_anew() {
    let mut sessions = Sessions::default();
    sessions.attach(1, ROOM, b"a", 5, true);
    gone(&mut sessions, 1, 0);
    clear_up(&mut sessions, 0);
    assert!(sessions.flush(0, 100, 10).is_empty());
    sessions.join(2, ROOM, b"a", 5, None);
    let told = sessions.flush(50, 100, 10);
    assert_eq!(texts(&told[0].1.came), ["a"]);
}

#[test]
fn a_kicked_uid_goes_for_the_others_at_once() {
    let mut sessions = Sessions::default();
    assert_eq!(sessions.kick(ROOM, b"a", 500), Kicked::default());
    for client in [1, 2] {
        sessions.join(client, ROOM, b"a", 7, None);
    }
    sessions.flush(0, 100, 10);
    let kicked = sessions.kick(ROOM, b"a", 500);
    assert_eq!((kicked.sessions, kicked.told), (2, true));
    assert_eq!(
        (sessions.online(ROOM), sessions.sessions_of(ROOM, b"a")),
        (0, 0)
    );
    assert_eq!(sessions.floor(ROOM, b"a", None), Some(7));
    assert!(!sessions.detach(1, ROOM, b"a", 10));
    assert!(sessions.flush(400, 100, 10).is_empty(), "the kick was told");
    sessions.join(1, ROOM, b"a", 7, None);
    let told = sessions.flush(400, 100, 10);
    assert_eq!(texts(&told[0].1.came), ["a"]);
    sessions.detach(1, ROOM, b"a", 450);
    let kicked = sessions.kick(ROOM, b"a", 500);
    assert_eq!(
        (kicked.sessions, kicked.told),
        (0, true),
        "within the grace"
    );
    clear_up(&mut sessions, 500);
    assert!(sessions.flush(900, 100, 10).is_empty() && is_bare(&sessions));
}

#[test]
fn who_left_is_not_told_of_later() {
    let mut sessions = Sessions::default();
    for client in [1, 2, 3] {
        sessions.join(client, ROOM, b"a", client, None);
    }
    sessions.away(ROOM, b"a", 3, 500);
    gone(&mut sessions, 3, 0);
    sessions.detach(1, ROOM, b"a", 0);
    assert_eq!(sessions.remove_uid(ROOM, b"a"), 1, "one is dead, one gone");
    assert!(is_bare(&sessions));
    clear_up(&mut sessions, 1000);
    assert!(sessions.flush(1000, 100, 10).is_empty());
    assert!(risen(&mut sessions, 1000).is_empty());
}
