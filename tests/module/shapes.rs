//! How each command answers, field by field, in RESP2 and in RESP3.

use crate::workload::head;
use harness::redis::Redis;
use harness::value::{ok, words};
use redis::{Connection, Value};

/// A reply without its contents: `int`, `text`, `simple`, `nil`, `[…]` of its items, `{name: …}` for maps.
fn shape(value: &Value) -> String {
    match value {
        Value::Nil => "nil".into(),
        Value::Int(_) => "int".into(),
        Value::BulkString(_) => "text".into(),
        Value::SimpleString(_) | Value::Okay => "simple".into(),
        Value::Array(items) => {
            let shapes: Vec<String> = items.iter().map(shape).collect();
            format!("[{}]", shapes.join(" "))
        }
        Value::Map(pairs) => {
            let shapes: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("{}: {}", harness::value::text(name), shape(value)))
                .collect();
            format!("{{{}}}", shapes.join(", "))
        }
        other => format!("{other:?}"),
    }
}

/// The same without maps: their names and values one after the other.
fn flat(map: &str) -> String {
    let mut out = String::new();
    let mut rest = map;
    while let Some(at) = rest.find(['{', '}', ':', ',']) {
        let (before, mark) = (&rest[..at], rest.as_bytes()[at]);
        match mark {
            b'{' => out.push_str(&format!("{before}[")),
            b'}' => out.push_str(&format!("{before}]")),
            // A name, which is text.
            b':' => out.push_str("text"),
            _ => out.push_str(before),
        }
        rest = if mark == b',' {
            rest[at + 1..].trim_start()
        } else {
            &rest[at + 1..]
        };
        if mark == b',' {
            out.push(' ');
        }
    }
    out.push_str(rest);
    out
}

const JOIN: &str = "{position: text, head: text, pending: int, lost: nil, resumed: int, reset: int, new: int, members: int, online: int, kicks: int, now: int, dedupe-count: int, dedupe-age: int}";
const LOST: &str = "{position: text, head: text, pending: int, lost: [int int text], resumed: int, reset: int, new: int, members: int, online: int, kicks: int, now: int, dedupe-count: int, dedupe-age: int}";
const PAGE: &str =
    "{head: text, before: text, rows: [[int int text text] [int int text text]], more: int}";
const PENDING: &str =
    "{cursor: int, head: text, pending: int, bytes: int, oldest-ms: int, lost: int, online: int}";
const ROWS: &str = "[[text int int int int] [text int int int int]]";

/// On a room with two members and three messages of which the first was trimmed.
fn cases(since: &str, trimmed: &str) -> Vec<(String, String)> {
    let case = |command: &str, reply: &str| (command.to_owned(), reply.to_owned());
    vec![
        case("ROOM.JOIN r a", LOST),
        case(&format!("ROOM.JOIN r b SINCE {since}"), JOIN),
        case(&format!("ROOM.JOIN r a SINCE {trimmed}"), LOST),
        case(
            "ROOM.ATTACH r a stranger",
            "{head: text, gone: [text], kicks: []}",
        ),
        case("ROOM.DETACH r a", "int"),
        case("ROOM.DETACH none a", "int"),
        case("ROOM.INVITE r a", "int"),
        case("ROOM.LEAVE r stranger", "int"),
        case("ROOM.LEAVE none a", "int"),
        case("ROOM.PUBLISH r a typing EPHEMERAL", "[int int int int nil]"),
        case(&format!("ROOM.ACK r {trimmed} a"), "int"),
        case("ROOM.RANGE r - +", PAGE),
        case(
            "ROOM.RANGE r 99 +",
            "{head: text, before: text, rows: [], more: int}",
        ),
        case("ROOM.QUEUE r a", PAGE),
        case("ROOM.HEADS r none", "[text nil]"),
        case("ROOM.PENDING r a", PENDING),
        case("ROOM.MEMBERS r", &format!("[text {ROWS}]")),
        case("ROOM.MEMBERS r ONLINE", "[text [[text int int int int]]]"),
        case("ROOM.LAG r", ROWS),
        case("ROOM.WHY r a 1", "text"),
        case("ROOM.LIMITS r keep 5", "simple"),
        case("ROOM.TRIM r BEFORE 1", "int"),
        case("ROOM.KICK r a", "int"),
        case("ROOM.HELLO p LEASE 60000", "simple"),
    ]
}

fn prepared(c: &mut Connection) -> Vec<(String, String)> {
    ok(c, "ROOM.INVITE r a b");
    let trimmed = head(c, "r");
    for i in 0..3 {
        ok(c, &format!("ROOM.PUBLISH r x m{i}"));
    }
    ok(c, "ROOM.TRIM r BEFORE 2");
    let since = head(c, "r");
    cases(&since, &trimmed)
}

#[test]
fn replies_have_their_shape_in_both_protocols() {
    let redis = Redis::start();
    for (mut c, is_3) in [(redis.connect(), false), (redis.connect_resp3(), true)] {
        for (command, expected) in prepared(&mut c) {
            let reply = words(&command).query::<Value>(&mut c);
            let reply = reply.unwrap_or_else(|error| panic!("{command}: {error}"));
            let expected = if is_3 { expected } else { flat(&expected) };
            assert_eq!(shape(&reply), expected, "{command}, RESP3: {is_3}");
        }
        ok(&mut c, "DEL r");
    }
}

#[test]
fn info_names_what_a_room_has() {
    let redis = Redis::start();
    let mut c = redis.connect_resp3();
    prepared(&mut c);
    let Value::Map(info) = ok(&mut c, "ROOM.INFO r") else {
        panic!("no map");
    };
    let names: Vec<String> = info
        .iter()
        .map(|(name, _)| harness::value::text(name))
        .collect();
    for name in [
        "members", "online", "head", "first", "messages", "bytes", "memory", "dropped", "limits",
    ] {
        assert!(
            names.iter().any(|known| known == name),
            "{name} is missing in {names:?}"
        );
    }
    let limits = harness::value::field(&Value::Map(info), "limits");
    assert_eq!(
        shape(&limits),
        "{maxlen: int, maxbytes: int, maxage: int, keep: int, member-ttl: int}"
    );
}
