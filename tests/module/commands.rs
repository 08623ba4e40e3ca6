//! What each command does and answers.

use crate::workload::head;
use harness::eventually;
use harness::redis::Redis;
use harness::value::{field, int, list, ok, payloads, published, text, words};
use redis::Value;

#[test]
fn a_queue_is_the_log_after_the_cursor() {
    let redis = Redis::start();
    let mut c = redis.connect();
    let joined = ok(&mut c, "ROOM.JOIN room:1 a");
    assert_eq!(
        (int(&field(&joined, "new")), int(&field(&joined, "pending"))),
        (1, 0)
    );
    assert_eq!(field(&joined, "lost"), Value::Nil);
    assert_eq!(
        (
            int(&field(&joined, "members")),
            int(&field(&joined, "online"))
        ),
        (1, 1)
    );
    assert_eq!(int(&ok(&mut c, "ROOM.INVITE room:1 b a b")), 1);
    for i in 1..=3 {
        let published = ok(&mut c, &format!("ROOM.PUBLISH room:1 a m{i}"));
        assert_eq!(harness::value::published(&published), [i, 1, 1, 0]);
    }
    assert_eq!(
        payloads(&ok(&mut c, "ROOM.QUEUE room:1 b")),
        ["m1", "m2", "m3"]
    );
    assert_eq!(
        payloads(&ok(&mut c, "ROOM.QUEUE room:1 b COUNT 2")),
        ["m1", "m2"]
    );
    assert_eq!(payloads(&ok(&mut c, "ROOM.QUEUE room:1 b BYTES 1")), ["m1"]);
    let pending = ok(&mut c, "ROOM.PENDING room:1 b");
    assert_eq!(
        (
            int(&field(&pending, "pending")),
            int(&field(&pending, "online"))
        ),
        (3, 0)
    );
    assert!(int(&field(&pending, "oldest-ms")) > 1_700_000_000_000);

    let page = ok(&mut c, "ROOM.RANGE room:1 2 + COUNT 1");
    assert_eq!(payloads(&page), ["m2"]);
    assert!(text(&field(&page, "before")).starts_with("1-"));
    let second = text(&field(&ok(&mut c, "ROOM.RANGE room:1 3 3"), "before"));
    assert_eq!(
        int(&ok(&mut c, &format!("ROOM.ACK room:1 {second} b nobody"))),
        1
    );
    assert_eq!(
        int(&ok(&mut c, &format!("ROOM.ACK room:1 {second} b"))),
        0,
        "a cursor never goes back or stands"
    );
    assert_eq!(payloads(&ok(&mut c, "ROOM.QUEUE room:1 b")), ["m3"]);
    assert_eq!(
        payloads(&ok(&mut c, "ROOM.RANGE room:1 - +")),
        ["m1", "m2", "m3"]
    );
    let last = ok(&mut c, "ROOM.RANGE room:1 1 + COUNT 2 REV");
    assert_eq!(payloads(&last), ["m2", "m3"]);
    assert!(text(&field(&last, "before")).starts_with("1-"));
    assert_eq!(
        (int(&field(&last, "more")), int(&field(&last, "gone"))),
        (1, 0)
    );
    ok(&mut c, "ROOM.INVITE room:1 late");
    let own = ok(&mut c, "ROOM.RANGE room:1 - + REV OWN late");
    assert!(payloads(&own).is_empty(), "it came behind them");
}

#[test]
fn a_position_resumes_loses_or_resets() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.JOIN r a");
    let mut positions = Vec::new();
    for i in 0..20 {
        ok(&mut c, &format!("ROOM.PUBLISH r x m{i}"));
        positions.push(head(&mut c, "r"));
    }
    ok(&mut c, "ROOM.DETACH r a");
    let joined = ok(&mut c, &format!("ROOM.JOIN r a SINCE {}", positions[4]));
    assert_eq!(int(&field(&joined, "resumed")), 1);
    assert_eq!(
        (
            text(&field(&joined, "position")),
            int(&field(&joined, "pending"))
        ),
        (positions[4].clone(), 15)
    );
    // The cursor rose to it.
    assert_eq!(int(&field(&ok(&mut c, "ROOM.PENDING r a"), "cursor")), 5);

    let forged = positions[9].replace('-', "-0").replacen("-0", "-", 1);
    let wrong = format!(
        "10-{:08x}",
        u32::from_str_radix(forged.split_once('-').unwrap().1, 16).unwrap() ^ 1
    );
    let joined = ok(&mut c, &format!("ROOM.JOIN r a SINCE {wrong}"));
    assert_eq!(int(&field(&joined, "resumed")), 0);
    assert_eq!(field(&joined, "lost"), Value::Nil);
    assert_eq!(
        text(&field(&joined, "position")),
        positions[4],
        "back to the cursor"
    );

    assert_eq!(int(&ok(&mut c, "ROOM.TRIM r BEFORE 11")), 10);
    let joined = ok(&mut c, &format!("ROOM.JOIN r a SINCE {}", positions[6]));
    assert_eq!(int(&field(&joined, "resumed")), 0);
    let lost = field(&joined, "lost");
    assert_eq!(
        (
            int(&list(&lost)[0]),
            int(&list(&lost)[1]),
            text(&list(&lost)[2])
        ),
        (8, 10, "trim".into())
    );
    assert_eq!(text(&field(&joined, "position")), positions[9]);

    let far = ok(&mut c, "ROOM.JOIN r a SINCE 999-00000000");
    assert_eq!(int(&field(&far, "resumed")), 0);
    assert_eq!(text(&ok(&mut c, "ROOM.WHY r a 3")), "dropped (trim)");
    assert_eq!(text(&ok(&mut c, "ROOM.WHY r a 7")), "dropped (trim)");
    assert_eq!(text(&ok(&mut c, "ROOM.WHY r a 12")), "waiting");
    assert_eq!(text(&ok(&mut c, "ROOM.WHY r a 21")), "not published");
    assert_eq!(text(&ok(&mut c, "ROOM.WHY r z 12")), "not a member");
}

#[test]
fn why_tells_what_was_delivered_from_what_was_lost() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r u");
    ok(&mut c, "ROOM.LIMITS r maxlen 5 keep 0");
    for i in 1..=20 {
        ok(&mut c, &format!("ROOM.PUBLISH r x m{i}"));
    }
    ok(&mut c, "ROOM.INVITE r late other");
    ok(&mut c, "ROOM.JOIN r curious HISTORY 3");
    let end = head(&mut c, "r");
    for (uid, seq, wanted) in [
        ("u", 3, "dropped (maxlen)"),
        ("u", 18, "waiting"),
        ("late", 3, "before it joined"),
        ("late", 20, "before it joined"),
        ("curious", 17, "before it joined"),
        ("curious", 18, "waiting"),
    ] {
        assert_eq!(
            text(&ok(&mut c, &format!("ROOM.WHY r {uid} {seq}"))),
            wanted
        );
    }
    ok(&mut c, &format!("ROOM.ACK r {end} curious"));
    ok(&mut c, "DEBUG RELOAD");
    assert_eq!(
        text(&ok(&mut c, "ROOM.WHY r curious 18")),
        "delivered",
        "while it is stored"
    );
    // The room was loaded a moment ago: devices have their time to come.
    eventually("all is read", || {
        ok(&mut c, &format!("ROOM.ACK r {end} u"));
        let messages = int(&field(&ok(&mut c, "ROOM.INFO r"), "messages"));
        (messages == 0).then_some(())
    });
    for (uid, seq, wanted) in [
        ("u", 3, "dropped (maxlen)"),
        ("u", 18, "delivered"),
        ("curious", 17, "before it joined"),
        ("curious", 18, "delivered"),
        ("late", 20, "before it joined"),
    ] {
        assert_eq!(
            text(&ok(&mut c, &format!("ROOM.WHY r {uid} {seq}"))),
            wanted
        );
    }
}

#[test]
fn newcomers_start_empty_or_with_some_history() {
    let redis = Redis::start();
    let mut c = redis.connect();
    for i in 0..5 {
        ok(&mut c, &format!("ROOM.PUBLISH r bot m{i}"));
    }
    assert_eq!(int(&field(&ok(&mut c, "ROOM.JOIN r a"), "pending")), 0);
    assert_eq!(
        int(&field(&ok(&mut c, "ROOM.JOIN r b HISTORY 2"), "pending")),
        2
    );
    assert_eq!(
        int(&field(&ok(&mut c, "ROOM.JOIN r c HISTORY 99"), "pending")),
        5
    );
    assert_eq!(
        int(&field(&ok(&mut c, "ROOM.JOIN r b HISTORY 99"), "pending")),
        2,
        "only newcomers"
    );
}

#[test]
fn an_id_is_stored_once() {
    let redis = Redis::start();
    let mut c = redis.connect();
    assert_eq!(
        published(&ok(&mut c, "ROOM.PUBLISH r a one ID x")),
        [1, 0, 0, 0]
    );
    assert_eq!(
        published(&ok(&mut c, "ROOM.PUBLISH r a one ID x")),
        [1, 0, 0, 1]
    );
    assert_eq!(
        published(&ok(&mut c, "ROOM.PUBLISH r b two ID x")),
        [2, 0, 0, 0],
        "another uid's id is another"
    );
    ok(&mut c, "CONFIG SET room.dedupe-count 2");
    for id in ["y", "z"] {
        ok(&mut c, &format!("ROOM.PUBLISH r a more ID {id}"));
    }
    assert_eq!(
        published(&ok(&mut c, "ROOM.PUBLISH r a one ID x")),
        [5, 0, 0, 0],
        "forgotten by count"
    );
    ok(&mut c, "CONFIG SET room.dedupe-age 0");
    assert_eq!(
        published(&ok(&mut c, "ROOM.PUBLISH r a one ID x"))[3],
        0,
        "switched off"
    );
}

#[test]
fn ephemeral_events_leave_nothing() {
    let redis = Redis::start();
    let mut c = redis.connect();
    assert_eq!(
        published(&ok(&mut c, "ROOM.PUBLISH r a typing EPHEMERAL")),
        [0, 0, 0, 0]
    );
    assert_eq!(int(&ok(&mut c, "EXISTS r")), 0);
    ok(&mut c, "ROOM.JOIN r a");
    let before = redis.digest("r");
    assert_eq!(
        published(&ok(&mut c, "ROOM.PUBLISH r a typing EPHEMERAL")),
        [0, 1, 0, 0]
    );
    assert_eq!(redis.digest("r"), before);
}

#[test]
fn the_last_one_to_leave_takes_the_room_along() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r a b");
    let birth = head(&mut c, "r");
    assert_eq!(int(&ok(&mut c, "ROOM.LEAVE r a nobody")), 1);
    assert_eq!(int(&ok(&mut c, "EXISTS r")), 1);
    assert_eq!(int(&ok(&mut c, "ROOM.LEAVE r b")), 1);
    assert_eq!(int(&ok(&mut c, "EXISTS r")), 0);
    assert_eq!(int(&ok(&mut c, "ROOM.LEAVE r b")), 0);
    ok(&mut c, "ROOM.INVITE r a");
    assert_ne!(
        head(&mut c, "r"),
        birth,
        "a room that is born again has other positions"
    );
}

#[test]
fn members_are_paged_without_hiding_anybody() {
    let redis = Redis::start();
    let mut c = redis.connect();
    let mut invite = words("ROOM.INVITE r");
    (0..250).for_each(|i| {
        invite.arg(format!("m{i}"));
    });
    assert_eq!(invite.query::<i64>(&mut c).unwrap(), 250);
    let (mut cursor, mut seen, mut pages) =
        (String::from("0"), std::collections::BTreeSet::new(), 0);
    loop {
        let page = ok(&mut c, &format!("ROOM.MEMBERS r CURSOR {cursor} COUNT 40"));
        cursor = text(&list(&page)[0]);
        seen.extend(list(&list(&page)[1]).iter().map(|row| text(&list(row)[0])));
        pages += 1;
        // Somebody leaves while we read: the others must all come.
        ok(&mut c, &format!("ROOM.LEAVE r m{pages}"));
        if cursor == "0" {
            break;
        }
    }
    assert!(
        (0..250)
            .filter(|i| !(1..=pages).contains(i))
            .all(|i| seen.contains(&format!("m{i}")))
    );
    ok(&mut c, "ROOM.JOIN r here");
    let online = ok(&mut c, "ROOM.MEMBERS r ONLINE");
    assert_eq!(
        list(&list(&online)[1])
            .iter()
            .map(|row| text(&list(row)[0]))
            .collect::<Vec<_>>(),
        ["here"]
    );
    let offline = ok(&mut c, "ROOM.MEMBERS r OFFLINE COUNT 1000");
    assert_eq!(
        list(&list(&offline)[1]).len() as i64,
        250 - i64::from(pages)
    );
}

#[test]
fn lag_names_those_furthest_behind() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r slow middle fast");
    for i in 0..3 {
        ok(&mut c, &format!("ROOM.PUBLISH r x m{i}"));
        let head = head(&mut c, "r");
        ok(&mut c, &format!("ROOM.ACK r {head} fast"));
        if i == 0 {
            ok(&mut c, &format!("ROOM.ACK r {head} middle"));
        }
    }
    let rows = ok(&mut c, "ROOM.LAG r TOP 2");
    let rows: Vec<_> = list(&rows)
        .iter()
        .map(|row| (text(&list(row)[0]), int(&list(row)[2])))
        .collect();
    assert_eq!(rows, [("slow".to_owned(), 3), ("middle".to_owned(), 2)]);
}

#[test]
fn resp3_gets_maps() {
    let redis = Redis::start();
    let mut c = redis.connect_resp3();
    assert!(matches!(ok(&mut c, "ROOM.JOIN r a"), Value::Map(_)));
    ok(&mut c, "ROOM.PUBLISH r a hi");
    for command in [
        "ROOM.RANGE r - +",
        "ROOM.QUEUE r a",
        "ROOM.PENDING r a",
        "ROOM.INFO r",
        "ROOM.ATTACH r a",
    ] {
        assert!(matches!(ok(&mut c, command), Value::Map(_)), "{command}");
    }
    let info = ok(&mut c, "ROOM.INFO r");
    assert_eq!(int(&field(&field(&info, "limits"), "keep")), 100);
    assert_eq!(int(&field(&info, "messages")), 1);
    assert_eq!(int(&field(&field(&info, "dropped"), "maxlen")), 0);
}

#[test]
fn publishing_in_a_transaction_or_script_keeps_its_place() {
    let redis = Redis::start();
    let mut c = redis.connect();
    for command in [
        "MULTI",
        "ROOM.PUBLISH r a one",
        "ROOM.PUBLISH r a two",
        "ROOM.RANGE r - +",
    ] {
        ok(&mut c, command);
    }
    let done = ok(&mut c, "EXEC");
    assert_eq!(payloads(&list(&done)[2]), ["one", "two"]);
    let script = "return redis.call('ROOM.PUBLISH', KEYS[1], 'a', 'three')";
    let reply: Value = redis.query(redis::cmd("EVAL").arg(script).arg(1).arg("r"));
    assert_eq!(published(&reply)[0], 3);
}
