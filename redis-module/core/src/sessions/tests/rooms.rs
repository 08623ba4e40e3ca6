use super::*;

fn key(db: i32, name: &str) -> RoomKey {
    RoomKey::new(db, name.as_bytes())
}

#[test]
fn a_borrowed_key_is_the_same_key() {
    let (hasher, owned) = (std::hash::RandomState::new(), key(3, "room:x"));
    use std::hash::BuildHasher;
    assert_eq!(hasher.hash_one(&owned), hasher.hash_one(owned.as_name()));
    assert_eq!(RoomKey::from(owned.as_name()), owned);
}

#[test]
fn a_room_that_goes_and_is_born_again_inherits_nothing() {
    let mut sessions = Sessions::default();
    hello(&mut sessions, 1, "p", None, 0);
    for uid in [&b"a"[..], b"b"] {
        sessions.join(1, ROOM, uid, 5, None);
    }
    sessions.away(ROOM, b"c", 3, 1000);
    sessions.ack(1, ROOM, b"a", 6, Some(50));
    sessions.flush(0, 100, 1);
    assert!(sessions.remove_room(ROOM));
    assert!(!sessions.remove_room(ROOM));
    assert!(!sessions.is_here(ROOM, b"a") && !sessions.anybody(ROOM));
    assert_eq!(sessions.floor(ROOM, b"c", None), None);
    assert_eq!(sessions.totals().sessions + sessions.totals().ghosts, 0);

    sessions.join(1, ROOM, b"a", 0, None);
    assert_eq!(sessions.sessions_of(ROOM, b"a"), 1);
    assert_eq!((sessions.online(ROOM), sessions.totals().online), (1, 1));
    assert!(!sessions.is_here(ROOM, b"b"));
    let told = sessions.flush(0, 100, 10);
    assert_eq!(texts(&told[0].1.came), ["a"]);
    assert_eq!(told.len(), 1);
    gone(&mut sessions, 1, 0);
    clear_up(&mut sessions, 10);
    assert_eq!(sessions.totals().chores, 0);
    assert_eq!(sessions.totals().ghosts, 1);
    assert!(risen(&mut sessions, 100).is_empty());
    clear_up(&mut sessions, 2 * DEVICE_GRACE);
    sessions.flush(u64::MAX, 0, 10);
    assert!(is_bare(&sessions));
}

#[test]
fn a_database_goes_in_one_step_and_its_rooms_are_told_piecewise() {
    let mut sessions = Sessions::default();
    for i in 0..10 {
        for db in [0, 1] {
            let room = key(db, &format!("room:{i}"));
            sessions.join(1, room.as_name(), b"a", 0, None);
            if i % 2 == 0 {
                sessions.detach(1, room.as_name(), b"a", 0);
            }
        }
    }
    sessions.remove_db(Some(1));
    let room = key(1, "room:1");
    assert_eq!(sessions.sessions_of(room.as_name(), b"a"), 0);
    assert_eq!(
        (sessions.totals().online, sessions.totals().rooms_online),
        (5, 5)
    );
    sessions.join(2, room.as_name(), b"b", 0, None);
    // Not told meanwhile: what a room that went had still to tell.
    let told = sessions.flush(5000, 100, 100);
    assert!(
        told.iter()
            .all(|(key, change)| key.db == 0 || texts(&change.came) == ["b"])
    );
    let mut gone_rooms = Vec::new();
    for _ in 0..4 {
        gone_rooms.extend(sessions.take_gone(3));
        clear_up(&mut sessions, 5000);
    }
    gone_rooms.sort();
    let odd: Vec<RoomKey> = [1, 3, 5, 7, 9].map(|i| key(1, &format!("room:{i}"))).into();
    assert_eq!(gone_rooms, odd);
    assert_eq!(sessions.sessions_of(room.as_name(), b"b"), 1);
    assert_eq!(sessions.totals().chores, 0);

    sessions.remove_db(None);
    assert_eq!(sessions.totals().online, 0);
    assert_eq!(sessions.take_gone(100).len(), 6);
    clear_up(&mut sessions, 5000);
    gone(&mut sessions, 1, 5000);
    gone(&mut sessions, 2, 5000);
    clear_up(&mut sessions, 5000);
    assert!(is_bare(&sessions));
}

#[test]
fn who_was_online_when_a_database_went_is_told_whatever_happens_then() {
    let mut sessions = Sessions::default();
    sessions.join(1, ROOM, b"a", 0, None);
    sessions.remove_db(Some(0));
    gone(&mut sessions, 1, 0);
    clear_up(&mut sessions, 0);
    assert_eq!(sessions.take_gone(10), [key(0, "room:a")]);
    clear_up(&mut sessions, 0);
    assert!(is_bare(&sessions));
}

#[test]
fn the_walk_over_rooms_finds_each_one_again_and_again() {
    let mut sessions = Sessions::default();
    assert!(sessions.next_rooms(10).is_empty());
    for i in 0..25 {
        sessions.join(1, key(0, &format!("room:{i}")).as_name(), b"a", 0, None);
    }
    sessions.remove_room(key(0, "room:7").as_name());
    sessions.join(1, key(2, "x").as_name(), b"a", 0, None);
    sessions.remove_db(Some(2));
    let mut met = std::collections::BTreeMap::new();
    for _ in 0..400 {
        let some = sessions.next_rooms(10);
        assert!(some.len() <= 10);
        for key in some {
            *met.entry(key).or_insert(0) += 1;
        }
    }
    assert_eq!(met.len(), 24);
    let (least, most) = (met.values().min().unwrap(), met.values().max().unwrap());
    assert!(most - least <= 1, "{least} {most}");
    assert!(!met.contains_key(&key(0, "room:7")));
}

#[test]
fn after_a_demotion_nobody_is_here_and_nothing_is_told() {
    let mut sessions = Sessions::default();
    hello(&mut sessions, 1, "p", None, 0);
    for i in 0..1000 {
        sessions.join(1, ROOM, format!("u{i}").as_bytes(), 0, None);
    }
    sessions.clear();
    assert!(!sessions.anybody(ROOM) && !sessions.is_here(ROOM, b"u1"));
    assert!(sessions.flush(9999, 0, 10).is_empty());
    assert_eq!(hello(&mut sessions, 1, "p", None, 10), Greeting::Announce);
    sessions.attach(1, ROOM, b"u1", 3, false);
    assert_eq!(sessions.floor(ROOM, b"u1", None), Some(3));
    let mut before = u64::MAX;
    for _ in 0..1000 {
        assert!(sessions.chores(10, 10) <= 10);
        assert!(sessions.totals().chores <= before);
        before = sessions.totals().chores;
    }
    assert_eq!(before, 0);
    assert!(sessions.rubbish.is_empty());
    assert_eq!(sessions.totals().online, 1);
}

#[test]
fn nothing_is_left_behind() {
    let mut sessions = Sessions::default();
    for uid in [&b"a"[..], b"b", b"c"] {
        sessions.join(1, ROOM, uid, 0, None);
    }
    sessions.remove_uid(ROOM, b"a");
    assert_eq!(sessions.online(ROOM), 2);
    assert!(sessions.remove_room(ROOM));
    assert!(!sessions.remove_room(ROOM));
    sessions.join(1, ROOM, b"d", 0, None);
    gone(&mut sessions, 1, 7);
    clear_up(&mut sessions, 7);
    sessions.flush(7, 0, 1000);
    clear_up(&mut sessions, 7 + DEVICE_GRACE);
    assert!(is_bare(&sessions) && sessions.clients.is_empty());
    assert!(sessions.leaving.is_empty() && sessions.ending.is_empty());
    assert!(sessions.came.front().is_none() || sessions.flush(9, 0, 9).is_empty());
}
