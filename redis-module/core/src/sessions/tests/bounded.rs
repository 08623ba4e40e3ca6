//! No call looks at many rows, however many there are: rows touched are counted, as time cannot be trusted.

use super::*;

/// Sessions in the test, in rooms of ten and one large room.
const MANY: usize = 60_000;
/// Rows that a call may touch. An index that grows touches none.
const MOST: u64 = 1000;

fn touched(sessions: &Sessions) -> u64 {
    sessions.devices.touched.get()
        + sessions.presences.touched.get()
        + sessions.rooms.touched.get()
        + sessions.lives.touched.get()
        + sessions.dbs.touched.get()
}

/// Runs one call and holds the rows it touched against the bound.
#[track_caller]
fn bounded<T>(sessions: &mut Sessions, call: impl FnOnce(&mut Sessions) -> T) -> T {
    let before = touched(sessions);
    let done = call(sessions);
    // A demotion begins a new count.
    let rows = touched(sessions).saturating_sub(before);
    assert!(rows <= MOST, "{rows} rows");
    done
}

fn room(i: usize) -> RoomKey {
    match i % 2 {
        0 => RoomKey::new(0, b"large"),
        _ => RoomKey::new(1, format!("room:{}", i / 20).as_bytes()),
    }
}

fn crowd() -> Sessions {
    let mut sessions = Sessions::default();
    hello(&mut sessions, 1, "p", None, 0);
    for i in 0..MANY {
        let uid = format!("uid-{i}");
        bounded(&mut sessions, |s| {
            s.join(1, room(i).as_name(), uid.as_bytes(), 5, None)
        });
    }
    while !bounded(&mut sessions, |s| s.flush(0, 10, 50)).is_empty() {}
    sessions
}

/// Clears up in small pieces; how many rows that were.
fn piecewise(sessions: &mut Sessions, now: u64) -> usize {
    let mut rows = 0;
    loop {
        match bounded(sessions, |s| s.chores(now, 20)) {
            0 => return rows,
            some => rows += some,
        }
    }
}

#[test]
fn a_dead_connection_of_many_sessions() {
    let mut sessions = crowd();
    bounded(&mut sessions, |s| s.client_gone(1, 100, 1000));
    assert_eq!(sessions.totals().chores, MANY as u64);
    assert_eq!(
        bounded(&mut sessions, |s| s
            .sessions_of(room(0).as_name(), b"uid-0")),
        0
    );
    assert!(piecewise(&mut sessions, 100) >= MANY);
    assert_eq!(sessions.totals().ghosts, MANY as u64);
    while !bounded(&mut sessions, |s| s.flush(200, 10, 50)).is_empty() {}
    assert!(piecewise(&mut sessions, 1100) >= MANY);
    assert!(is_bare(&sessions));
}

#[test]
fn a_lease_that_runs_out_and_a_name_that_is_lost() {
    let mut sessions = crowd();
    let ended = bounded(&mut sessions, |s| s.expire_leases(5000, 1000));
    assert_eq!(ended, 1);
    hello(&mut sessions, 1, "p", None, 5000);
    for i in 0..MANY {
        let uid = format!("uid-{i}");
        bounded(&mut sessions, |s| {
            s.attach(1, room(i).as_name(), uid.as_bytes(), 5, false)
        });
    }
    piecewise(&mut sessions, 5000);
    assert_eq!(sessions.totals().ghosts, 0, "all were taken over");
    bounded(&mut sessions, |s| hello(s, 2, "p", None, 5000));
    assert_eq!(sessions.totals().chores, MANY as u64);
}

#[test]
fn rooms_and_databases_that_go() {
    let mut sessions = crowd();
    assert!(bounded(&mut sessions, |s| s.remove_room(room(0).as_name())));
    bounded(&mut sessions, |s| s.remove_db(None));
    assert_eq!(sessions.totals().online, 0);
    let mut told = 0;
    while sessions.dead_dbs.front().is_some() {
        told += bounded(&mut sessions, |s| s.take_gone(20)).len();
    }
    assert_eq!(told, MANY / 20);
    // Each uid has a session.
    assert!(piecewise(&mut sessions, 0) >= 2 * MANY);
    assert!(is_bare(&sessions));
    assert_eq!(sessions.totals().chores, 0);
}

#[test]
fn a_demotion() {
    let mut sessions = crowd();
    bounded(&mut sessions, Sessions::clear);
    assert!(piecewise(&mut sessions, 0) >= 2 * MANY);
    assert!(is_bare(&sessions) && sessions.rubbish.is_empty());
}

#[test]
fn cursors_that_rise_and_a_walk() {
    let mut sessions = crowd();
    for i in 0..MANY {
        let uid = format!("uid-{i}");
        bounded(&mut sessions, |s| {
            s.ack(1, room(i).as_name(), uid.as_bytes(), 9, Some(1000))
        });
    }
    let mut risen = 0;
    loop {
        match bounded(&mut sessions, |s| s.take_risen(1000, 50)).len() {
            0 => break,
            some => risen += some,
        }
    }
    assert_eq!(risen, MANY);
    bounded(&mut sessions, |s| s.remove_db(Some(1)));
    for _ in 0..100 {
        bounded(&mut sessions, |s| s.next_rooms(50));
    }
}
