//! The tests' own tools do what the tests rely on.

use harness::clock::Clock;
use harness::eventually;
use harness::redis::Redis;
use harness::shown;
use harness::value::{list, ok, text};
use std::time::{SystemTime, UNIX_EPOCH};

const HOUR: i64 = 3_600_000;

/// By how many milliseconds a server's clock is ahead of this program's.
fn ahead(redis: &Redis) -> i64 {
    let time = ok(&mut redis.connect(), "TIME");
    let number = |at: usize| text(&list(&time)[at]).parse::<i64>().expect("a number");
    let own = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    number(0) * 1000 + number(1) / 1000 - own.as_millis() as i64
}

#[test]
fn a_clock_jumps_and_redis_goes_on() {
    let clock = Clock::new();
    let mut redis = Redis::with_clock(&["--save", ""], &clock);
    // A server may keep its time for a turn of its loop.
    let near = |wanted: i64, redis: &Redis| {
        eventually(&format!("it is {wanted} ms ahead"), || {
            ((wanted - ahead(redis)).abs() < 5000).then_some(())
        });
    };
    near(0, &redis);
    let mut off = 0;
    for by in [35 * 24 * HOUR, -35 * 24 * HOUR, -HOUR, HOUR] {
        off += by;
        clock.jump(by);
        near(off, &redis);
        ok(&mut redis.connect(), "SET a b");
    }
    assert!(redis.is_alive());
    clock.jump(HOUR);
    redis.restart();
    near(HOUR, &redis);
}

#[test]
fn a_failure_shows_little_of_much() {
    assert_eq!(shown::cut("äöü", 2), "äö… (2 bytes more)");
    assert_eq!(shown::cut("äö", 2), "äö");
    let long = vec!["x".repeat(100_000); 1000];
    assert!(shown::last(&long).len() < 5000);
    assert!(shown::first(&long).len() < 5000);
    let log = "line\n".repeat(1000);
    let lines: usize = (0..10).map(|_| shown::tail(&log).lines().count()).sum();
    assert!(lines < 50, "{lines} lines of ten programs");
}
