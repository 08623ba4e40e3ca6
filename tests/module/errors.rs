//! Bad input to every command: a clear error with a code, nothing changed, the server alive.

use crate::workload::fill;
use harness::process::{self, built, free_port, installed};
use harness::redis::{Redis, STILL};
use harness::value::{err, ok, words};
use redis::{Cmd, cmd};
use room_core::position::Tag;
use room_core::room::Room;
use room_core::snapshot;

/// Commands as words, and what the error must begin with.
const REFUSED: &[(&str, &str)] = &[
    ("ROOM.JOIN r", "ERR wrong number of arguments"),
    ("ROOM.JOIN r a SINCE", "ERR wrong number of arguments"),
    ("ROOM.JOIN r a SINCE nonsense", "BADPOS"),
    ("ROOM.JOIN r a SINCE 5", "BADPOS"),
    ("ROOM.JOIN r a HISTORY -1", "ERR '-1' is not a whole number"),
    ("ROOM.JOIN r a HISTORY 99999999999999999999999", "ERR"),
    ("ROOM.JOIN r a WHATEVER", "ERR syntax error near 'WHATEVER'"),
    ("ROOM.JOIN s a", "WRONGTYPE"),
    ("ROOM.JOIN s a XX", "WRONGTYPE"),
    ("ROOM.JOIN r stranger XX", "NOMEMBER"),
    ("ROOM.JOIN r stranger HISTORY 5 xx", "NOMEMBER"),
    ("ROOM.JOIN none a XX", "NOROOM"),
    ("ROOM.ATTACH", "ERR wrong number"),
    ("ROOM.ATTACH none", "NOROOM"),
    ("ROOM.ATTACH none a", "NOROOM"),
    ("ROOM.ATTACH s a", "WRONGTYPE"),
    ("ROOM.DETACH r", "ERR wrong number"),
    ("ROOM.INVITE r", "ERR wrong number"),
    ("ROOM.INVITE s a", "WRONGTYPE"),
    ("ROOM.LEAVE r", "ERR wrong number"),
    ("ROOM.LEAVE s a", "WRONGTYPE"),
    ("ROOM.PUBLISH r a", "ERR wrong number"),
    ("ROOM.PUBLISH r a x ID", "ERR wrong number"),
    ("ROOM.PUBLISH r a x ID i EPHEMERAL", "ERR syntax error"),
    ("ROOM.PUBLISH r a x EPHEMERAL ID i", "ERR syntax error"),
    ("ROOM.PUBLISH r a x y", "ERR syntax error near 'y'"),
    ("ROOM.PUBLISH s a x", "WRONGTYPE"),
    ("ROOM.PUBLISH s a x EPHEMERAL", "WRONGTYPE"),
    ("ROOM.ACK r 1-00000000", "ERR wrong number"),
    ("ROOM.ACK r x a", "BADPOS"),
    ("ROOM.ACK r 400-00000000 a", "BADPOS"),
    ("ROOM.ACK r 99999-00000000 a", "BADPOS"),
    ("ROOM.ACK r 18446744073709551616-00000000 a", "BADPOS"),
    ("ROOM.ACK none 1-00000000 a", "NOROOM"),
    ("ROOM.ACK s 1-00000000 a", "WRONGTYPE"),
    ("ROOM.RANGE r 1", "ERR wrong number"),
    ("ROOM.RANGE r a b", "ERR 'a' is not a whole number"),
    (
        "ROOM.RANGE r - + COUNT 0",
        "ERR '0' is not a whole number from 1",
    ),
    ("ROOM.RANGE r - + BYTES x", "ERR"),
    ("ROOM.RANGE r - + OWN", "ERR wrong number"),
    ("ROOM.RANGE r - + OWN stranger", "NOMEMBER"),
    ("ROOM.RANGE r - + REVERSE", "ERR syntax error"),
    ("ROOM.RANGE none - +", "NOROOM"),
    ("ROOM.RANGE s - +", "WRONGTYPE"),
    ("ROOM.HEADS", "ERR wrong number"),
    ("ROOM.HEADS r s", "WRONGTYPE"),
    ("ROOM.QUEUE r stranger", "NOMEMBER"),
    ("ROOM.QUEUE none a", "NOROOM"),
    ("ROOM.QUEUE r alice SIDEWAYS", "ERR syntax error"),
    ("ROOM.PENDING r stranger", "NOMEMBER"),
    ("ROOM.PENDING none a", "NOROOM"),
    ("ROOM.PENDING r", "ERR wrong number"),
    ("ROOM.MEMBERS r ONLINE OFFLINE", "ERR syntax error"),
    ("ROOM.MEMBERS r CURSOR x", "ERR"),
    ("ROOM.MEMBERS r COUNT 0", "ERR"),
    ("ROOM.MEMBERS none", "NOROOM"),
    ("ROOM.LAG r TOP", "ERR wrong number"),
    ("ROOM.LAG none", "NOROOM"),
    ("ROOM.WHY r alice x", "ERR"),
    ("ROOM.WHY none a 1", "NOROOM"),
    ("ROOM.INFO none", "NOROOM"),
    ("ROOM.INFO s", "WRONGTYPE"),
    ("ROOM.INFO r r", "ERR wrong number"),
    ("ROOM.LIMITS r maxlen", "ERR wrong number"),
    ("ROOM.LIMITS r maxlen -5", "BADLIMIT"),
    ("ROOM.LIMITS r maxlen 1 colour 7", "BADLIMIT 'colour'"),
    ("ROOM.LIMITS r maxlen 1 keep", "ERR wrong number"),
    ("ROOM.LIMITS none maxlen 1", "NOROOM"),
    ("ROOM.TRIM r MAXLEN", "ERR wrong number"),
    ("ROOM.TRIM r LEFT 5", "ERR syntax error near 'LEFT'"),
    ("ROOM.TRIM r MAXLEN x", "ERR"),
    ("ROOM.TRIM none MAXLEN 1", "NOROOM"),
    ("ROOM.KICK none a", "NOROOM"),
    ("ROOM.KICK r alice because of", "ERR syntax error near 'of'"),
    ("ROOM.HELLO p", "ERR wrong number"),
    ("ROOM.HELLO p LEASE x", "ERR"),
    ("ROOM.HELLO p LEASE 1", "ERR"),
    ("ROOM.HELLO p RENT 1000", "ERR syntax error near 'RENT'"),
    (
        "ROOM._APPLY r drop:1:5:trim",
        "ERR ROOM._APPLY carries effects between servers; it is not for clients",
    ),
    ("ROOM._APPLY r load nonsense", "ERR ROOM._APPLY"),
    ("ROOM._APPLY none ack:1 5 a", "ERR ROOM._APPLY"),
    ("ROOM._APPLY s load nonsense", "ERR ROOM._APPLY"),
];

fn refuse(redis: &mut Redis, command: &Cmd, wanted: &str, what: &str) {
    let error = err(&mut redis.connect(), command);
    assert!(
        error.starts_with(wanted),
        "{what}: {wanted} was expected, not {error}"
    );
    assert!(
        error.len() < 400 && !error.contains(['\r', '\n']),
        "{what}: {error:?}"
    );
    assert!(redis.is_alive());
}

#[test]
fn every_command_refuses_nonsense_and_changes_nothing() {
    let mut redis = Redis::with(&STILL);
    fill(&redis, "r");
    ok(&mut redis.connect(), "SET s text");
    let before = redis.digest("r");
    for (text, wanted) in REFUSED {
        refuse(&mut redis, &words(text), wanted, text);
        assert_eq!(redis.digest("r"), before, "{text} changed the room");
        assert_eq!(redis.query::<i64>(&cmd("DBSIZE")), 2, "{text} left a key");
    }
}

/// Names that are hostile to C, to logs, to terminals and to headers.
const NO_UIDS: &[&[u8]] = &[
    b"",
    b"a b",
    b"a\nb",
    b"a\r\nb",
    b"\0",
    b"a\0b",
    b"\x1b[31m",
    b"\xff\xfe",
    &[b'x'; 129],
    "a\u{85}".as_bytes(),
];

#[test]
fn every_command_refuses_what_is_no_uid() {
    let mut redis = Redis::with(&STILL);
    fill(&redis, "r");
    let before = redis.digest("r");
    for uid in NO_UIDS {
        let head = "1-00000000";
        let commands: [(&str, &[&[u8]]); 11] = [
            ("ROOM.JOIN", &[b"r", uid]),
            ("ROOM.ATTACH", &[b"r", uid]),
            ("ROOM.DETACH", &[b"r", b"fine", uid]),
            ("ROOM.INVITE", &[b"r", b"fine", uid]),
            ("ROOM.LEAVE", &[b"r", b"alice", uid]),
            ("ROOM.PUBLISH", &[b"r", uid, b"x"]),
            ("ROOM.ACK", &[b"r", head.as_bytes(), b"alice", uid]),
            ("ROOM.QUEUE", &[b"r", uid]),
            ("ROOM.PENDING", &[b"r", uid]),
            ("ROOM.WHY", &[b"r", uid, b"1"]),
            ("ROOM.KICK", &[b"r", uid]),
        ];
        for (name, args) in commands {
            refuse(&mut redis, cmd(name).arg(args), "BADUID", name);
            assert_eq!(redis.digest("r"), before, "{name} changed the room");
        }
    }
    refuse(
        &mut redis,
        cmd("ROOM.HELLO").arg("a b").arg("LEASE").arg(1000),
        "BADUID",
        "HELLO",
    );
}

#[test]
fn text_of_a_caller_is_never_a_format() {
    let mut redis = Redis::start();
    let hostile = "%s%s%s%n%p%x%d%%%s%s%s%n";
    for name in ["ROOM.JOIN", "ROOM.INVITE", "ROOM.PUBLISH"] {
        let mut command = cmd(name);
        command.arg(hostile).arg(hostile);
        if name == "ROOM.PUBLISH" {
            command.arg(hostile).arg("ID").arg(hostile);
        }
        command
            .query::<redis::Value>(&mut redis.connect())
            .expect("it is a fine name");
    }
    refuse(
        &mut redis,
        cmd("ROOM.JOIN")
            .arg(hostile)
            .arg("a")
            .arg("SINCE")
            .arg(hostile),
        "BADPOS",
        "SINCE",
    );
    refuse(
        &mut redis,
        cmd("ROOM.PENDING").arg(hostile).arg("nobody%s%n"),
        "NOMEMBER",
        "PENDING",
    );
}

#[test]
fn sizes_are_bounded() {
    let mut redis = Redis::with(&STILL);
    ok(&mut redis.connect(), "ROOM.JOIN r a");
    let before = redis.digest("r");
    let big = vec![b'x'; 64 * 1024 + 1];
    refuse(
        &mut redis,
        cmd("ROOM.PUBLISH").arg("r").arg("a").arg(&big),
        "TOOBIG",
        "payload",
    );
    refuse(
        &mut redis,
        cmd("ROOM.PUBLISH")
            .arg("r")
            .arg("a")
            .arg("x")
            .arg("ID")
            .arg(&big[..65]),
        "BADID",
        "id",
    );
    refuse(
        &mut redis,
        cmd("ROOM.PUBLISH")
            .arg("r")
            .arg("a")
            .arg("x")
            .arg("ID")
            .arg(""),
        "BADID",
        "id",
    );
    refuse(
        &mut redis,
        cmd("ROOM.KICK").arg("r").arg("a").arg(&big),
        "TOOBIG",
        "reason",
    );
    assert_eq!(redis.digest("r"), before);
    ok(&mut redis.connect(), "CONFIG SET room.max-members 2");
    refuse(&mut redis, &words("ROOM.INVITE r b c"), "LIMIT", "members");
    ok(&mut redis.connect(), "ROOM.JOIN r b");
    refuse(&mut redis, &words("ROOM.JOIN r c"), "LIMIT", "members");
    assert_ne!(redis.digest("r"), before);
    for setting in [
        "room.maxlen -1",
        "room.max-payload 0",
        "room.grace x",
        "room.max-members 0",
    ] {
        let error = err(
            &mut redis.connect(),
            &words(&format!("CONFIG SET {setting}")),
        );
        assert!(error.contains("CONFIG SET failed"), "{setting}: {error}");
    }
}

#[test]
fn wrong_arguments_of_the_module_stop_the_server_with_a_sentence() {
    let module = built("ROOMCAST_MODULE", "libroomcast.so");
    for (args, wanted) in [
        ("nonsense 1", "'nonsense' is no setting"),
        ("maxlen x", "'x' cannot be room.maxlen"),
        ("keep", "'keep' is no setting"),
    ] {
        let mut command = installed("REDIS_SERVER", "redis-server", "redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--port"])
            .arg(free_port().to_string())
            .arg("--loadmodule")
            .arg(&module)
            .args(args.split(' '));
        let output = process::run(command);
        let log = String::from_utf8_lossy(&output.stdout);
        assert!(
            !output.status.success() && log.contains(wanted),
            "{args}: {log}"
        );
    }
}

/// Effects that no primary wrote, and what the log says of them.
const NO_EFFECTS: &[(&str, &str)] = &[
    ("r append:1", "ERR 'append' is no effect"),
    ("r append:1 a", "ERR 'append' is no effect"),
    ("r append a b", "ERR 'append' is no effect"),
    ("r append:x a b", "ERR 'x' is no effect"),
    ("r append:1:9 a b", "ERR 'append:1:9' is no effect"),
    ("r drop:1:0:trim", "ERR 'drop:1:0:trim' is no effect"),
    ("r drop:1:5:weather", "ERR 'drop:1:5:weather' is no effect"),
    (
        "r drop:1:2:trim:3:trim:4:trim:5:trim:6:trim:7:trim",
        "ERR 'drop:1:2:trim:3",
    ),
    ("r dance:1", "ERR 'dance' is no effect"),
    ("r limits:1 maxlen 7 bogus 1", "BADLIMIT 'bogus'"),
    ("r limits:1 maxlen 7 keep", "ERR 'limits' is no effect"),
    ("r load nonsense", "CORRUPT"),
    ("none ack:1 5 a", "NOROOM"),
    ("none load nonsense", "CORRUPT"),
    ("s load nonsense", "WRONGTYPE"),
];

#[test]
fn damaged_effects_in_an_aof_change_nothing_and_are_logged() {
    let mut redis = Redis::with(
        &[
            &STILL[..],
            &["--appendonly", "yes", "--appendfsync", "always"],
        ]
        .concat(),
    );
    fill(&redis, "r");
    ok(&mut redis.connect(), "SET s text");
    let before = redis.digest("r");
    let folder: Vec<String> = redis.query(cmd("CONFIG").arg("GET").arg("dir"));
    redis.stop();
    let folder = std::path::Path::new(&folder[1]).join("appendonlydir");
    let aof = std::fs::read_dir(folder)
        .expect("the AOF's folder")
        .map(|file| file.expect("a file").path())
        .find(|path| path.to_string_lossy().ends_with(".incr.aof"))
        .expect("the AOF");
    let mut bytes = std::fs::read(&aof).expect("the AOF");
    for (effect, _) in NO_EFFECTS {
        bytes.extend(words(&format!("ROOM._APPLY {effect}")).get_packed_command());
    }
    // Half a room does not live.
    let mut parts = Vec::new();
    snapshot::save(&Room::new(Tag(7)), |part| parts.push(part.to_vec()));
    for part in [&parts[0][..], b"nonsense"] {
        let mut effect = words("ROOM._APPLY half load");
        bytes.extend(effect.arg(part).get_packed_command());
    }
    std::fs::write(&aof, bytes).expect("a longer AOF");
    redis.start_again();
    assert_eq!(redis.digest("r"), before);
    assert_eq!(redis.query::<i64>(&cmd("DBSIZE")), 2);
    let log = redis.process().printed();
    for (effect, wanted) in NO_EFFECTS {
        let line = format!("an effect could not be applied: {wanted}");
        assert!(log.contains(&line), "{effect}: {log}");
    }
}
