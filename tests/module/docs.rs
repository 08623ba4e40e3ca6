//! Every command is documented where Redis' own are.

use harness::redis::Redis;
use harness::value::{field, int, list, text};
use redis::{Value, cmd};

/// Each command with its arity and what it does to its key.
const COMMANDS: &[(&str, i64, &str)] = &[
    ("ROOM.JOIN", -3, "RW access insert"),
    ("ROOM.ATTACH", -2, "RW access update"),
    ("ROOM.AWAY", -4, "RW access update"),
    ("ROOM.DETACH", -3, "RW access update"),
    ("ROOM.INVITE", -3, "RW access insert"),
    ("ROOM.LEAVE", -3, "RW access delete"),
    ("ROOM.PUBLISH", -4, "RW access insert"),
    ("ROOM.ACK", -4, "RW access update"),
    ("ROOM.RANGE", -4, "RO access"),
    ("ROOM.HEADS", -2, "RO access"),
    ("ROOM.QUEUE", -3, "RO access"),
    ("ROOM.PENDING", 3, "RO access"),
    ("ROOM.MEMBERS", -2, "RO access"),
    ("ROOM.LAG", -2, "RO access"),
    ("ROOM.WHY", 4, "RO access"),
    ("ROOM.INFO", 2, "RO access"),
    ("ROOM.LIMITS", -4, "RW access update"),
    ("ROOM.TRIM", 4, "RW access delete"),
    ("ROOM.WAITING", -4, ""),
    ("ROOM.TOLD", -4, "RW access update"),
    ("ROOM.KICK", -3, "RW access update"),
    ("ROOM.HELLO", -4, ""),
    ("ROOM._APPLY", -3, "RW access insert"),
];

#[test]
fn commands_have_docs_arity_and_key_specs() {
    let redis = Redis::start();
    let all: Vec<String> = redis.query(
        cmd("COMMAND")
            .arg("LIST")
            .arg("FILTERBY")
            .arg("MODULE")
            .arg("room"),
    );
    assert_eq!(all.len(), COMMANDS.len(), "{all:?}");
    for (name, arity, access) in COMMANDS {
        let info: Value = redis.query(cmd("COMMAND").arg("INFO").arg(name));
        let info = list(&list(&info)[0]).to_vec();
        assert_eq!(int(&info[1]), *arity, "{name}");
        let specs = list(&info[8]);
        let flags: Vec<String> = specs.first().map_or(Vec::new(), |spec| {
            list(&field(spec, "flags")).iter().map(text).collect()
        });
        assert_eq!(flags.join(" "), *access, "{name}");
        let docs: Value = redis.query(cmd("COMMAND").arg("DOCS").arg(name));
        let docs = field(&docs, name);
        for part in ["summary", "complexity", "since"] {
            assert!(
                !text(&field(&docs, part)).is_empty(),
                "{name} has no {part}"
            );
        }
        let names: Vec<String> = list(&field(&docs, "arguments"))
            .iter()
            .map(|arg| text(&field(arg, "name")))
            .collect();
        assert_eq!(names[0] == "key", !access.is_empty(), "{name}: {names:?}");
        if *name == "ROOM.JOIN" {
            let last = list(&field(&docs, "arguments")).last().map(|arg| {
                let of = |part| text(&field(arg, part));
                (of("token"), of("type"))
            });
            assert_eq!(last, Some(("XX".into(), "pure-token".into())));
        }
    }
}

#[test]
fn cluster_clients_find_the_keys() {
    let redis = Redis::start();
    let keys = |words: &str| -> Vec<String> {
        redis.query(
            cmd("COMMAND")
                .arg("GETKEYS")
                .arg(words.split(' ').collect::<Vec<_>>()),
        )
    };
    assert_eq!(keys("ROOM.PUBLISH k uid payload"), ["k"]);
    assert_eq!(keys("ROOM.HEADS a b c"), ["a", "b", "c"]);
    assert_eq!(keys("ROOM.ACK k 1-00000000 a b"), ["k"]);
}
