//! A wall clock that jumps moves nothing: no message is lost, nobody is told to have gone too early or too late, leases
//! end on time, and the tick goes on. By how far and whether it comes back makes no difference.

use crate::ear::Ear;
use harness::clock::Clock;
use harness::connection::Connection;
use harness::eventually::{eventually, within};
use harness::redis::Redis;
use harness::value::{field, int, list, ok, payloads, words};
use redis::Value;
use std::time::{Duration, Instant};

const HOUR_MS: i64 = 3_600_000;
const DAYS_35_MS: i64 = 35 * 24 * HOUR_MS;
/// How long a wrong clock goes unnoticed, where somebody puts it right: the module looks at all rooms in that time.
const WRONG_FOR: Duration = Duration::from_secs(3);
/// What is due must come within so many milliseconds on a busy machine, ticks and a round over all rooms included.
const LATE_MS: u64 = 6000;
/// Ends of ticks and milliseconds that are cut off.
const EARLY_MS: u64 = 50;

/// How a clock goes wrong.
#[derive(Clone, Copy)]
struct Jump {
    by_ms: i64,
    comes_back: bool,
}

impl Jump {
    /// Runs `check` while the clock is wrong (it gets what makes it wrong), and while it is put right if it is.
    fn each(self, clock: &Clock, check: impl Fn(&dyn Fn())) {
        check(&|| clock.jump(self.by_ms));
        if self.comes_back {
            check(&|| clock.jump(-self.by_ms));
        }
    }
}

macro_rules! each {
    ($($name:ident: $by_ms:expr, $comes_back:expr;)*) => {
        $(mod $name {
            use super::*;
            const JUMP: Jump = Jump { by_ms: $by_ms, comes_back: $comes_back };
            #[test] fn no_message_is_lost() { super::no_message_is_lost(JUMP); }
            #[test] fn no_publish_id_is_forgotten() { super::no_publish_id_is_forgotten(JUMP); }
            #[test] fn ages_end_on_time() { super::ages_end_on_time(JUMP); }
            #[test] fn departures_and_leases_are_on_time() { super::departures_and_leases_are_on_time(JUMP); }
        })*
    };
}

each! {
    it_is_35_days_fast_for_3_seconds: DAYS_35_MS, true;
    it_is_35_days_fast: DAYS_35_MS, false;
    it_is_an_hour_slow_for_3_seconds: -HOUR_MS, true;
    it_is_an_hour_slow: -HOUR_MS, false;
}

fn server(clock: &Clock) -> Redis {
    Redis::with_clock(
        &[
            "--save",
            "",
            "--room.start-grace",
            "0",
            "--room.grace",
            "1000",
        ],
        clock,
    )
}

/// How many messages a room stores.
fn messages(redis: &Redis, key: &str) -> i64 {
    let page = redis.run_words(&format!("ROOM.INFO {key}"));
    int(&field(&page.expect("a room"), "messages"))
}

/// By `member-ttl`'s default of 30 days, or by a `maxage` of a day.
fn no_message_is_lost(jump: Jump) {
    let clock = Clock::new();
    let redis = server(&clock);
    let mut c = redis.connect();
    for room in ["absent", "aged"] {
        ok(&mut c, &format!("ROOM.INVITE {room} away"));
    }
    ok(&mut c, "ROOM.LIMITS absent keep 0");
    ok(
        &mut c,
        &format!("ROOM.LIMITS aged keep 0 maxage {}", 24 * HOUR_MS),
    );
    let mut published = 0;
    let mut publish = |c: &mut Connection| {
        let mut pipe = redis::pipe();
        for n in published..published + 100 {
            for room in ["absent", "aged"] {
                pipe.cmd("ROOM.PUBLISH")
                    .arg(room)
                    .arg("bot")
                    .arg(n)
                    .ignore();
            }
        }
        pipe.query::<()>(c).expect("published messages");
        published += 100;
    };
    publish(&mut c);
    clock.jump(jump.by_ms);
    publish(&mut c);
    std::thread::sleep(WRONG_FOR);
    if jump.comes_back {
        clock.jump(-jump.by_ms);
        publish(&mut c);
        std::thread::sleep(WRONG_FOR / 2);
    }
    publish(&mut c);
    let expected: Vec<String> = (0..published).map(|n: i32| n.to_string()).collect();
    for room in ["absent", "aged"] {
        let queue = ok(&mut c, &format!("ROOM.QUEUE {room} away COUNT 1000"));
        assert!(
            payloads(&queue) == expected,
            "{} of {published} wait in '{room}'",
            payloads(&queue).len()
        );
    }
    assert_eq!(redis.info("room_members_released"), 0);
}

/// The number of a message that is published with this id, and whether it was known.
fn publish_with_id(redis: &Redis, id: &str) -> (i64, bool) {
    let reply = redis.run_words(&format!("ROOM.PUBLISH r u m ID {id}"));
    let reply = reply.expect("a published message");
    (int(&list(&reply)[0]), int(&list(&reply)[3]) == 1)
}

fn no_publish_id_is_forgotten(jump: Jump) {
    let clock = Clock::new();
    let redis = server(&clock);
    let (before, _) = publish_with_id(&redis, "before");
    let mut known = vec![("before".to_owned(), before)];
    let turn = std::cell::Cell::new(0);
    let known = std::cell::RefCell::new(&mut known);
    jump.each(&clock, |make| {
        make();
        turn.set(turn.get() + 1);
        let id = format!("during-{}", turn.get());
        let (seq, _) = publish_with_id(&redis, &id);
        known.borrow_mut().push((id, seq));
        for (id, seq) in known.borrow().iter() {
            assert_eq!(publish_with_id(&redis, id), (*seq, true), "{id}");
        }
    });
}

/// Waits until `over` and says how many milliseconds that was after `began`; judges whether it was when it had to be.
fn on_time(what: &str, began: Instant, due_ms: u64, over: impl FnMut() -> Option<()>) {
    within(Duration::from_millis(due_ms + LATE_MS), what, over);
    let came_ms = began.elapsed().as_millis() as u64;
    assert!(
        came_ms + EARLY_MS >= due_ms,
        "after {came_ms} ms instead of {due_ms} ms: {what}"
    );
}

/// What was said before a jump and what is said after it is dropped after its time: neither at once nor never.
fn ages_end_on_time(jump: Jump) {
    const AGE_MS: u64 = 1500;
    let clock = Clock::new();
    let redis = server(&clock);
    let mut c = redis.connect();
    ok(&mut c, &format!("CONFIG SET room.dedupe-age {AGE_MS}"));
    let turn = std::cell::Cell::new(0);
    jump.each(&clock, |make| {
        let mut c = redis.connect();
        turn.set(turn.get() + 1);
        let say = |c: &mut Connection, when: &str| -> Instant {
            let began = Instant::now();
            let (aged, absent) = (
                format!("aged-{when}-{}", turn.get()),
                format!("absent-{when}-{}", turn.get()),
            );
            for (room, limit) in [(aged, "maxage"), (absent, "member-ttl")] {
                ok(c, &format!("ROOM.INVITE {room} away"));
                ok(c, &format!("ROOM.LIMITS {room} keep 0 {limit} {AGE_MS}"));
                ok(c, &format!("ROOM.PUBLISH {room} bot m"));
            }
            ok(c, &format!("ROOM.PUBLISH ids u m ID {when}-{}", turn.get()));
            began
        };
        let before = say(&mut c, "before");
        make();
        let after = say(&mut c, "after");
        for (when, began) in [("before", before), ("after", after)] {
            for kind in ["aged", "absent"] {
                let room = format!("{kind}-{when}-{}", turn.get());
                on_time(&format!("{room} is empty"), began, AGE_MS, || {
                    (messages(&redis, &room) == 0).then_some(())
                });
            }
        }
        // Both are old now: another message of that id is another message.
        for when in ["before", "after"] {
            let again = ok(
                &mut c,
                &format!("ROOM.PUBLISH ids u m ID {when}-{}", turn.get()),
            );
            assert_eq!(int(&list(&again)[3]), 0, "the id of {when} is remembered");
        }
    });
}

/// A uid is here whose arrival was told.
fn comes(redis: &Redis, ear: &mut Ear, uid: &str) -> Connection {
    let mut connection = redis.connect();
    ok(&mut connection, &format!("ROOM.JOIN r {uid}"));
    ear.hears(&format!("+{uid}"));
    connection
}

fn departures_and_leases_are_on_time(jump: Jump) {
    const GRACE_MS: u64 = 1000;
    const LEASE_MS: u64 = 1500;
    let patience = Duration::from_millis(GRACE_MS + LATE_MS);
    let clock = Clock::new();
    let redis = server(&clock);
    jump.each(&clock, |make| {
        let mut ear = Ear::on(&redis, "r");
        let expired = redis.info("room_leases_expired");
        let early = comes(&redis, &mut ear, "early");
        let late = comes(&redis, &mut ear, "late");
        let mut leased = redis.connect();
        ok(&mut leased, "ROOM.JOIN leased x");
        ok(&mut leased, &format!("ROOM.HELLO p LEASE {LEASE_MS}"));
        let began = Instant::now();
        drop(early);
        eventually("the server knows that it went", || {
            let pending = redis.run_words("ROOM.PENDING r early").ok()?;
            (int(&field(&pending, "online")) == 0).then_some(())
        });
        make();
        ear.hears_within(patience, "-early");
        let told_ms = began.elapsed().as_millis() as u64;
        assert!(
            told_ms + EARLY_MS >= GRACE_MS,
            "a departure was told after {told_ms} ms"
        );
        on_time("the lease ends", began, LEASE_MS, || {
            (redis.info("room_leases_expired") > expired).then_some(())
        });
        // The tick goes on.
        drop(late);
        ear.hears_within(patience, "-late");
        let mut again = redis.connect();
        let hello = words("ROOM.HELLO p LEASE 60000").query::<Value>(&mut again);
        hello.expect("a lease that ended is free");
    });
}
