//! Who is told that messages are gone is told again until it acknowledges something behind them. The raw commands, as a proxy
//! gives them; and the room is the same on a replica and after a restart.

use crate::devices::{cursor_in, proxy, server_with};
use harness::connection::Connection;
use harness::eventually::eventually;
use harness::redis::{Redis, STILL};
use harness::value::{field, int, list, ok, text};
use redis::Value;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(600);

/// Ten messages, of which `u` has acknowledged two and the first six are gone.
fn room(redis: &Redis) -> Connection {
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r u");
    let said: Vec<Value> = (1..=10)
        .map(|i| ok(&mut c, &format!("ROOM.PUBLISH r x m{i}")))
        .collect();
    let second = text(&list(&said[1])[4]);
    ok(&mut c, &format!("ROOM.ACK r {second} u"));
    ok(&mut c, "ROOM.TRIM r BEFORE 7");
    c
}

fn lost(joined: &Value) -> Option<(i64, i64)> {
    match field(joined, "lost") {
        Value::Nil => None,
        lost => Some((int(&list(&lost)[0]), int(&list(&lost)[1]))),
    }
}

fn no_sessions(redis: &Redis) {
    eventually("nobody is here", || {
        let pending = redis.run_words("ROOM.PENDING r u").expect("a member");
        (int(&field(&pending, "online")) == 0).then_some(())
    });
}

#[test]
fn a_loss_that_was_not_acknowledged_is_told_again() {
    for grace in [SHORT, LONG] {
        let redis = server_with(grace, &["--save", ""]);
        let mut c = room(&redis);
        for gone in [6, 7, 8] {
            let mut p = proxy(&redis, "p");
            assert_eq!(lost(&ok(&mut p, "ROOM.JOIN r u")), Some((3, gone)));
            drop(p);
            no_sessions(&redis);
            if grace == SHORT {
                eventually("its ghost ends", || {
                    (redis.info("room_ghosts") == 0).then_some(())
                });
            }
            ok(&mut c, &format!("ROOM.TRIM r BEFORE {}", gone + 2));
        }
        // The proxy says that it went, by its number: the log does not reach back to it.
        let mut p = proxy(&redis, "p");
        assert_eq!(lost(&ok(&mut p, "ROOM.JOIN r u")), Some((3, 9)));
        assert_eq!(int(&ok(&mut p, "ROOM.AWAY r 2-00000000 u")), 1);
        assert_eq!(int(&ok(&mut p, "ROOM.DETACH r u")), 1);
        let joined = ok(&mut p, "ROOM.JOIN r u");
        assert_eq!(lost(&joined), Some((3, 9)));
        assert_eq!(cursor_in(&redis, "r"), 2);
        let behind = text(&field(&joined, "position"));
        assert_eq!(int(&ok(&mut p, &format!("ROOM.ACK r {behind} u"))), 1);
        assert_eq!(cursor_in(&redis, "r"), 9);
        drop(p);
        no_sessions(&redis);
        assert_eq!(lost(&ok(&mut c, "ROOM.JOIN r u")), None);
    }
}

/// Its cursor lies before the log from the beginning.
#[test]
fn a_newcomer_behind_a_loss_is_the_same_everywhere() {
    let mut redis = Redis::with(
        &[
            &STILL[..],
            &["--appendonly", "yes", "--appendfsync", "always"],
        ]
        .concat(),
    );
    let replica = redis.replica();
    let mut c = room(&redis);
    let joined = ok(&mut c, "ROOM.JOIN r new SINCE 4-00000000");
    assert_eq!(lost(&joined), Some((5, 6)));
    ok(&mut c, "ROOM.PUBLISH r x more");
    redis.in_step(&replica);
    let digest = redis.digest("r");
    assert_eq!(replica.digest("r"), digest);
    redis.crash_and_restart();
    assert_eq!(redis.digest("r"), digest);
    let joined = ok(&mut redis.connect(), "ROOM.JOIN r new");
    assert_eq!(lost(&joined), Some((5, 6)));
}
