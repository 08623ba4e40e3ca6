use super::*;

fn key() -> RoomKey {
    RoomKey::new(0, b"room:a")
}

fn names(list: &[Arc<[u8]>]) -> Vec<&str> {
    list.iter()
        .map(|uid| std::str::from_utf8(uid).unwrap())
        .collect()
}

#[test]
fn a_dead_connection_takes_its_sessions_along() {
    let mut sessions = Sessions::default();
    sessions.join(1, &key(), b"a", 0);
    sessions.join(1, &key(), b"b", 0);
    sessions.join(2, &key(), b"b", 0);
    assert_eq!(sessions.online(&key()), 2);
    sessions.drop_client(1, 100);
    assert_eq!(sessions.online(&key()), 1);
    assert_eq!(sessions.sessions_of(&key(), b"a"), 0);
    assert_eq!(sessions.sessions_of(&key(), b"b"), 1);
}

#[test]
fn the_lowest_session_is_what_a_uid_has_acknowledged() {
    let mut sessions = Sessions::default();
    sessions.join(1, &key(), b"a", 40);
    sessions.join(2, &key(), b"a", 42);
    assert_eq!(sessions.ack(2, &key(), b"a", 50), 40);
    assert_eq!(sessions.ack(1, &key(), b"a", 44), 44);
    assert_eq!(
        sessions.ack(3, &key(), b"a", 60),
        60,
        "a connection without a session acts from outside"
    );
    assert!(sessions.detach(1, &key(), b"a", 0));
    assert_eq!(sessions.ack(2, &key(), b"a", 51), 51);
}

#[test]
fn a_second_tab_of_one_connection_takes_nothing_from_the_first() {
    let mut sessions = Sessions::default();
    assert_eq!(sessions.lowest(&key(), b"a"), None);
    sessions.join(1, &key(), b"a", 40);
    sessions.join(1, &key(), b"a", 50);
    assert_eq!(sessions.lowest(&key(), b"a"), Some(40));
    sessions.join(1, &key(), b"a", 30);
    assert_eq!(sessions.lowest(&key(), b"a"), Some(30));
}

#[test]
fn a_cursor_rises_when_the_slowest_session_ends() {
    let mut sessions = Sessions::default();
    let risen = |sessions: &mut Sessions| {
        let all = sessions.take_risen(10);
        all.iter().map(|risen| risen.to).collect::<Vec<_>>()
    };
    for (client, acked) in [(1, 0), (2, 10), (3, 20), (4, 30)] {
        sessions.join(client, &key(), b"a", acked);
    }
    sessions.detach(2, &key(), b"a", 0);
    assert!(risen(&mut sessions).is_empty(), "the slowest is still here");
    sessions.detach(1, &key(), b"a", 0);
    assert_eq!(risen(&mut sessions), [20]);
    sessions.drop_client(3, 0);
    sessions.drop_client(4, 0);
    assert_eq!(risen(&mut sessions), [30], "what was true when it ended");
    assert!(risen(&mut sessions).is_empty());
    sessions.join(1, &key(), b"a", 30);
    sessions.join(2, &key(), b"a", 40);
    sessions.detach(1, &key(), b"a", 0);
    sessions.join(3, &key(), b"a", 35);
    assert_eq!(risen(&mut sessions), [35], "another came meanwhile");
    sessions.attach(3, &key(), b"a", 30);
    assert_eq!(sessions.lowest(&key(), b"a"), Some(35));
}

#[test]
fn arrivals_are_told_once_and_a_blip_is_not_told_at_all() {
    let mut sessions = Sessions::default();
    sessions.join(1, &key(), b"a", 0);
    sessions.join(1, &key(), b"b", 0);
    let told = sessions.flush(0, 5000, 1000);
    assert_eq!(names(&told[0].1.came), ["a", "b"]);
    assert!(sessions.flush(0, 5000, 1000).is_empty());

    sessions.detach(1, &key(), b"a", 1000);
    assert!(sessions.flush(2000, 5000, 1000).is_empty());
    sessions.join(2, &key(), b"a", 0);
    assert!(
        sessions.flush(9000, 5000, 1000).is_empty(),
        "back within the grace period"
    );

    sessions.detach(2, &key(), b"a", 10_000);
    assert!(sessions.flush(14_999, 5000, 1000).is_empty());
    let told = sessions.flush(15_000, 5000, 1000);
    assert_eq!(names(&told[0].1.went), ["a"]);
    assert!(sessions.flush(99_000, 5000, 1000).is_empty());
}

#[test]
fn one_proxy_has_one_connection_and_a_lease() {
    let mut sessions = Sessions::default();
    assert!(sessions.hello(1, b"p", 1000, 0));
    sessions.join(1, &key(), b"a", 0);
    assert!(!sessions.hello(1, b"p", 1000, 500));
    assert_eq!(sessions.expire_leases(1400), 0);
    assert_eq!(sessions.expire_leases(1501), 1);
    assert_eq!(sessions.online(&key()), 0);
    assert!(
        sessions.hello(1, b"p", 1000, 1600),
        "the sessions ended: announce them again"
    );
    sessions.join(1, &key(), b"a", 0);
    assert!(
        sessions.hello(2, b"p", 1000, 1700),
        "a new connection supersedes the old one"
    );
    assert_eq!(sessions.online(&key()), 0);
}

#[test]
fn who_came_and_left_at_once_is_not_told() {
    let mut sessions = Sessions::default();
    let uids: Vec<String> = (0..1000).map(|i| format!("uid-{i}")).collect();
    for uid in &uids {
        sessions.join(1, &key(), uid.as_bytes(), 0);
    }
    for uid in uids.iter().skip(1) {
        assert_eq!(sessions.remove_uid(&key(), uid.as_bytes()), 1);
    }
    sessions.join(1, &key(), b"uid-9", 0);
    let told = sessions.flush(0, 5000, 1000);
    assert_eq!(names(&told[0].1.came), ["uid-0", "uid-9"]);
}

#[test]
fn a_crowd_is_told_a_part_at_a_time() {
    let mut sessions = Sessions::default();
    let other = RoomKey::new(0, b"room:b");
    for i in 0..25u8 {
        sessions.join(1, &key(), &[b'a' + i], 0);
    }
    sessions.join(2, &other, b"z", 0);
    let mut came = 0;
    for _ in 0..3 {
        let changes = sessions.flush(0, 100, 10);
        let some: usize = changes.iter().map(|(_, change)| change.came.len()).sum();
        assert!(some <= 10);
        came += some;
    }
    assert_eq!(came, 26);
    sessions.drop_client(1, 1000);
    assert_eq!(sessions.online(&key()), 0, "they are gone at once");
    let went = [1099, 1100, 1200, 1300, 1400].map(|now| {
        let changes = sessions.flush(now, 100, 10);
        changes.first().map_or(0, |(_, change)| change.went.len())
    });
    assert_eq!(went, [0, 10, 10, 5, 0]);
}

#[test]
fn who_came_and_went_unseen_was_here() {
    let mut sessions = Sessions::default();
    sessions.join(1, &key(), b"a", 0);
    sessions.drop_client(1, 1000);
    assert!(
        sessions.present_in(&key()).unwrap()(b"a"),
        "within the grace period"
    );
    assert!(sessions.flush(1099, 100, 10).is_empty());
    let changes = sessions.flush(1100, 100, 10);
    assert_eq!(names(&changes[0].1.passed), ["a"]);
    assert!(changes[0].1.came.is_empty() && changes[0].1.went.is_empty());
    assert!(sessions.present_in(&key()).is_none());
}

#[test]
fn a_connection_that_ends_takes_only_its_own_sessions() {
    let mut sessions = Sessions::default();
    for i in 0..1000 {
        sessions.join(1, &key(), format!("uid-{i}").as_bytes(), 0);
    }
    for client in 2..202 {
        sessions.join(client, &key(), b"uid-7", 0);
        sessions.drop_client(client, 0);
    }
    assert_eq!(sessions.sessions_of(&key(), b"uid-7"), 1);
}

#[test]
fn nothing_is_left_behind() {
    let mut sessions = Sessions::default();
    for uid in [&b"a"[..], b"b", b"c"] {
        sessions.join(1, &key(), uid, 0);
    }
    sessions.remove_uid(&key(), b"a");
    assert_eq!(sessions.online(&key()), 2);
    assert!(sessions.remove_room(&key()));
    assert!(!sessions.remove_room(&key()));
    sessions.join(1, &key(), b"d", 0);
    sessions.drop_client(1, 7);
    sessions.flush(7, 0, 1000);
    assert!(
        sessions.rooms.is_empty() && sessions.clients.is_empty() && sessions.changed.is_empty()
    );
    assert!(sessions.leaving.is_empty());
}
