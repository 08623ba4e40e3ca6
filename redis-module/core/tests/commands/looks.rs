//! Commands that only look: RANGE, QUEUE, MEMBERS, LAG, INFO, PENDING, WHY, HEADS.

use crate::calls::join;
use crate::server::Server;
use crate::value::Value;
use room_core::commands::{
    self, HeadOf, MOST_LAGGING, MOST_LOOKED_AT, MOST_ROWS, Members, Page, Trim,
};
use room_core::log::MAX_SEQ;

/// Ten messages of which the first three are gone; `a` has read five.
fn room() -> Server {
    let mut server = Server::settled();
    server.invite("r", &["a", "b"]).unwrap();
    server.say("r", "a", 10);
    server.ack(0, "r", 5, &["a"]);
    server.trim("r", Trim::Before(4)).unwrap();
    server
}

fn page(count: u64, bytes: u64) -> Page {
    Page { count, bytes }
}

fn range(server: &Server, (from, to): (u64, u64), page: Page) -> Value {
    Value::of(&commands::range(Some(server.room("r")), from, to, page).unwrap())
}

/// Numbers of the rows, `more`, and the number in `before`.
fn shape(reply: &Value) -> (Vec<u64>, u64, u64) {
    assert_eq!(reply.names(), ["head", "before", "rows", "more", "gone"]);
    let rows = reply.get("rows").items().iter();
    let rows = rows.map(|row| row.items()[0].int()).collect();
    let before = reply.get("before").text().split('-').next().unwrap();
    (rows, reply.get("more").int(), before.parse().unwrap())
}

#[test]
fn a_range_says_what_it_left_out() {
    let server = room();
    let all = page(1000, 1 << 20);
    // A payload has nine bytes.
    for (bounds, page, wanted) in [
        ((0, MAX_SEQ), all, ((4..=10).collect(), 0, 3)),
        ((1, 5), all, (vec![4, 5], 0, 3)),
        ((6, 8), all, (vec![6, 7, 8], 0, 5)),
        ((6, 8), page(3, 1000), (vec![6, 7, 8], 0, 5)),
        ((6, 8), page(2, 1000), (vec![6, 7], 1, 5)),
        ((9, MAX_SEQ), page(2, 1000), (vec![9, 10], 0, 8)),
        ((6, 9), page(9, 18), (vec![6, 7], 1, 5)),
        ((6, 9), page(9, 1), (vec![6], 1, 5)),
        ((11, MAX_SEQ), all, (vec![], 0, 10)),
        ((50, 40), all, (vec![], 0, 10)),
        ((8, 6), all, (vec![], 0, 7)),
    ] {
        let reply = range(&server, bounds, page);
        assert_eq!(shape(&reply), wanted, "{bounds:?} {page:?}");
    }
    let reply = range(&server, (4, 4), all);
    let row = reply.get("rows").items()[0].items();
    assert_eq!(
        row[1..],
        [
            Value::Int(server.wall),
            Value::Text("a".into()),
            Value::Text("message 3".into())
        ]
    );
    assert!(commands::range(None, 0, 1, all).is_err());
}

fn read(server: &Server, range: commands::Range<'_>) -> Value {
    Value::of(&range.run(Some(server.room("r"))).unwrap())
}

#[test]
fn backwards_the_last_messages_come_in_their_order() {
    let server = room();
    let all = page(1000, 1 << 20);
    // The last number says how many of those that were asked for are gone.
    for (bounds, page, wanted, gone) in [
        ((0, MAX_SEQ), all, ((4..=10).collect(), 0, 3), 3),
        ((1, 5), all, (vec![4, 5], 0, 3), 3),
        ((2, 8), page(2, 1000), (vec![7, 8], 1, 6), 2),
        ((6, 8), page(3, 1000), (vec![6, 7, 8], 0, 5), 0),
        ((6, 8), page(1, 1000), (vec![8], 1, 7), 0),
        ((1, 9), page(9, 18), (vec![8, 9], 1, 7), 3),
        ((1, 9), page(9, 1), (vec![9], 1, 8), 3),
        ((1, 4), page(1, 1), (vec![4], 0, 3), 3),
        ((1, 3), all, (vec![], 0, 3), 3),
        ((1, 2), all, (vec![], 0, 3), 2),
        ((11, MAX_SEQ), all, (vec![], 0, 10), 0),
        ((8, 6), all, (vec![], 0, 7), 0),
    ] {
        let (from, to) = bounds;
        let reply = read(
            &server,
            commands::Range {
                from,
                to,
                page,
                backwards: true,
                own: None,
            },
        );
        assert_eq!(shape(&reply), wanted, "{bounds:?} {page:?}");
        assert_eq!(reply.get("gone").int(), gone, "{bounds:?} {page:?}");
    }
}

#[test]
fn who_reads_only_what_is_its_own_begins_with_its_membership() {
    let mut server = room();
    server.invite("r", &["late"]).unwrap();
    server.say("r", "a", 2);
    for backwards in [false, true] {
        let of = |uid: &'static str, to| commands::Range {
            from: 1,
            to,
            page: page(1000, 1 << 20),
            backwards,
            own: Some(uid.as_bytes()),
        };
        let reply = read(&server, of("late", MAX_SEQ));
        assert_eq!(shape(&reply), (vec![11, 12], 0, 10), "{backwards}");
        assert_eq!(reply.get("gone").int(), 0, "they are not its own");
        assert_eq!(shape(&read(&server, of("late", 10))).0, Vec::<u64>::new());
        let reply = read(&server, of("a", MAX_SEQ));
        assert_eq!(shape(&reply), ((4..=12).collect(), 0, 3));
        assert_eq!(reply.get("gone").int(), 3);
        let code = |uid| {
            of(uid, 5)
                .run(Some(server.room("r")))
                .err()
                .map(|error| error.code())
        };
        assert_eq!(
            (code("stranger"), code("")),
            (Some("NOMEMBER"), Some("BADUID"))
        );
    }
}

#[test]
fn a_range_is_capped_whatever_is_asked() {
    let mut server = Server::settled();
    server
        .settings
        .limits
        .set(room_core::limits::Limit::Keep, 1 << 20);
    server.say("r", "a", MOST_ROWS as usize + 5);
    let reply = range(&server, (0, MAX_SEQ), page(MAX_SEQ, MAX_SEQ));
    let (rows, more, _) = shape(&reply);
    assert_eq!((rows.len() as u64, more), (MOST_ROWS, 1));
    let backwards = commands::Range {
        from: 0,
        to: MAX_SEQ,
        page: page(MAX_SEQ, MAX_SEQ),
        backwards: true,
        own: None,
    };
    let (rows, more, before) = shape(&read(&server, backwards));
    assert_eq!((rows.len() as u64, more, before), (MOST_ROWS, 1, 5));
}

#[test]
fn a_queue_is_what_waits() {
    let server = room();
    let queue = |uid: &str, page: Page| {
        commands::queue(Some(server.room("r")), uid.as_bytes(), page).map(|rows| Value::of(&rows))
    };
    assert_eq!(
        shape(&queue("a", Page::default()).unwrap()),
        ((6..=10).collect(), 0, 5)
    );
    assert_eq!(
        shape(&queue("b", Page::default()).unwrap()),
        ((4..=10).collect(), 0, 3)
    );
    assert_eq!(shape(&queue("a", page(2, 99)).unwrap()), (vec![6, 7], 1, 5));
    assert_eq!(queue("c", Page::default()).unwrap_err().code(), "NOMEMBER");
    assert_eq!(queue("a b", Page::default()).unwrap_err().code(), "BADUID");
}

fn members(server: &Server, arguments: Members) -> (usize, Vec<String>) {
    let room = server.rooms.get(&server.key("r")).map(|room| &**room);
    let reply = Value::of(
        &arguments
            .run(server.name("r"), room, &server.sessions)
            .unwrap(),
    );
    let next = reply.items()[0].text().parse().unwrap();
    let rows = reply.items()[1].items().iter();
    (
        next,
        rows.map(|row| row.items()[0].text().to_string()).collect(),
    )
}

#[test]
fn members_are_paged_and_filtered() {
    let mut server = room();
    server.invite("r", &["c", "d", "e"]).unwrap();
    server.join(1, "r", join("c")).unwrap();
    for count in 1..7 {
        for (online, wanted) in [
            (None, &["a", "b", "c", "d", "e"][..]),
            (Some(true), &["c"]),
            (Some(false), &["a", "b", "d", "e"]),
        ] {
            let (mut cursor, mut seen) = (0, Vec::new());
            loop {
                let (next, rows) = members(
                    &server,
                    Members {
                        online,
                        cursor,
                        count,
                    },
                );
                assert!(rows.len() <= count);
                seen.extend(rows);
                cursor = next;
                if cursor == 0 {
                    break;
                }
            }
            seen.sort();
            assert_eq!(seen, wanted, "{count} {online:?}");
        }
    }
    let (next, _) = members(
        &server,
        Members {
            online: None,
            cursor: 99,
            count: 99,
        },
    );
    assert_eq!(next, 0, "a cursor behind the end begins at the end");
}

#[test]
fn a_filter_that_few_pass_is_answered_in_pages_too() {
    let mut server = Server::settled();
    server.settings.max_uids = 1 << 20;
    let many: Vec<String> = (0..MOST_LOOKED_AT + 10).map(|i| format!("u{i}")).collect();
    let many: Vec<&str> = many.iter().map(|uid| &uid[..]).collect();
    server.invite("r", &many).unwrap();
    let all = Members {
        online: Some(true),
        cursor: 0,
        count: 100,
    };
    assert_eq!(members(&server, all), (10, vec![]));
    let rest = Members { cursor: 10, ..all };
    assert_eq!(members(&server, rest), (0, vec![]));
    let lag = commands::lag(
        server.name("r"),
        Some(server.room("r")),
        &server.sessions,
        1 << 20,
    );
    assert_eq!(Value::of(&lag.unwrap()).items().len(), MOST_LAGGING);
}

#[test]
fn lag_pending_info_and_heads() {
    let mut server = room();
    server.join(1, "r", join("a")).unwrap();
    let room = Some(server.room("r"));
    let lag = commands::lag(server.name("r"), room, &server.sessions, 1).unwrap();
    let row = Value::of(&lag).items()[0].items().to_vec();
    assert_eq!(
        row[..4],
        [
            Value::Text("b".into()),
            Value::Int(0),
            Value::Int(7),
            Value::Int(0)
        ]
    );
    let pending = |uid: &str| {
        let done = commands::pending(server.name("r"), room, &server.sessions, uid.as_bytes());
        done.map(|pending| Value::of(&pending))
    };
    let a = pending("a").unwrap();
    assert_eq!(
        a.names(),
        [
            "cursor",
            "head",
            "pending",
            "bytes",
            "oldest-ms",
            "lost",
            "online",
            "newest-ms"
        ]
    );
    let numbers = ["cursor", "pending", "lost", "online"];
    assert_eq!(numbers.map(|name| a.get(name).int()), [5, 5, 0, 1]);
    let b = pending("b").unwrap();
    assert_eq!(numbers.map(|name| b.get(name).int()), [0, 7, 3, 0]);
    assert_eq!(pending("c").unwrap_err().code(), "NOMEMBER");
    let limits = &server.settings.limits;
    let info = commands::info(server.name("r"), room, &server.sessions, limits).unwrap();
    let info = Value::of(&info);
    assert_eq!(info.get("dropped").get("trim").int(), 3);
    assert_eq!(info.get("limits").get("keep").int(), 100);
    let numbers = ["members", "online", "first", "messages"];
    assert_eq!(numbers.map(|name| info.get(name).int()), [2, 1, 4, 7]);
    assert_eq!(info.get("head"), a.get("head"));
    assert_eq!(Value::of(&HeadOf(None)), Value::Null);
    assert_eq!(Value::of(&HeadOf(Some(server.at("r", 10)))), *a.get("head"));
}

#[test]
fn why_tells_the_fate_of_each_message() {
    let mut server = room();
    server.invite("r", &["late"]).unwrap();
    server.say("r", "a", 1);
    for (uid, seq, wanted) in [
        ("a", 0, "not published"),
        ("a", 12, "not published"),
        ("nobody", 5, "not a member"),
        ("late", 10, "before it joined"),
        ("late", 11, "waiting"),
        ("b", 2, "dropped (trim)"),
        ("a", 5, "delivered"),
        ("a", 6, "waiting"),
    ] {
        let fate = commands::why(Some(server.room("r")), uid.as_bytes(), seq).unwrap();
        assert_eq!(Value::of(&fate).text(), wanted, "{uid} {seq}");
    }
    assert!(commands::why(None, b"a", 1).is_err());
    server.limits("r", &[("keep", "0")]).unwrap();
    server.ack(0, "r", 11, &["a", "b", "late"]);
    let fate = commands::why(Some(server.room("r")), b"a", 8).unwrap();
    assert_eq!(
        Value::of(&fate).text(),
        "delivered",
        "read by all is no loss"
    );
}
