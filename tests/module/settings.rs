//! Settings: units, nonsense, which of several values holds; and uids that are no longer given.

use harness::connection::Connection;
use harness::eventually::eventually;
use harness::process::{Process, built, free_port, installed};
use harness::redis::Redis;
use harness::value::{err, field, int, list, ok, text, words};
use redis::{Value, cmd};
use room_core::settings::Settings;
use std::fs::{read_to_string, write};
use tempfile::TempDir;

const PAGE: &str = include_str!("../../docs/operating.md");

fn get(c: &mut Connection, name: &str) -> String {
    let pair = ok(c, &format!("CONFIG GET room.{name}"));
    text(&field(&pair, &format!("room.{name}")))
}

/// As people write them, and as they are.
const WRITTEN: [(&str, &str, &str); 8] = [
    ("maxbytes", "1mb", "1048576"),
    ("maxbytes", "2g", "2000000000"),
    ("max-payload", "100KB", "102400"),
    ("member-ttl", "30d", "2592000000"),
    ("maxage", "2h", "7200000"),
    ("device-grace", "500ms", "500"),
    ("grace", "3s", "3000"),
    ("keep", "7", "7"),
];

#[test]
fn units_are_taken_behind_loadmodule_and_by_config_set() {
    for (name, written, is) in WRITTEN {
        let redis = Redis::with(&[name, written, "--save", ""]);
        let mut c = redis.connect();
        assert_eq!(get(&mut c, name), is, "{name} {written} as an argument");
        ok(&mut c, &format!("CONFIG SET room.{name} 101"));
        assert_eq!(get(&mut c, name), "101");
        ok(&mut c, &format!("CONFIG SET room.{name} {written}"));
        assert_eq!(get(&mut c, name), is, "{name} {written} by CONFIG SET");
    }
}

/// Each row of the page's table, as somebody would type it.
#[test]
fn the_defaults_are_those_of_the_page_and_the_page_has_all_settings() {
    // The tests' servers have another one, which is set back to what stands in the code.
    let device_grace = Settings::default().device_grace.to_string();
    let redis = Redis::with(&["--save", "", "--room.device-grace", &device_grace]);
    let mut c = redis.connect();
    let mut told = 0;
    for row in PAGE.lines().filter(|line| line.starts_with("| `room.")) {
        let cells: Vec<&str> = row.split('|').collect();
        let names = cells[1]
            .split(',')
            .map(|name| name.trim().trim_matches('`'));
        for (name, default) in names.zip(cells[2].split(',')) {
            let name = name.trim_start_matches("room.");
            let before = get(&mut c, name);
            ok(
                &mut c,
                &format!("CONFIG SET room.{name} {}", default.trim()),
            );
            assert_eq!(get(&mut c, name), before, "{row}");
            told += 1;
        }
    }
    let all = ok(&mut c, "CONFIG GET room.*");
    assert_eq!(told, list(&all).len() / 2, "{all:?}");
}

#[test]
fn a_room_has_limits_with_units() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r ann");
    ok(
        &mut c,
        "ROOM.LIMITS r maxbytes 1mb maxage 2h member-ttl 30d",
    );
    let limits = |c: &mut Connection| {
        let limits = field(&ok(c, "ROOM.INFO r"), "limits");
        ["maxbytes", "maxage", "member-ttl"].map(|name| int(&field(&limits, name)))
    };
    let set = [1 << 20, 7_200_000, 2_592_000_000];
    assert_eq!(limits(&mut c), set);
    for wrong in ["maxbytes 30d", "maxage 1mb", "keep 1k", "maxlen -1"] {
        let said = err(&mut c, &words(&format!("ROOM.LIMITS r {wrong}")));
        assert!(said.starts_with("BADLIMIT"), "{said}");
    }
    assert_eq!(limits(&mut c), set);
    ok(&mut c, "ROOM.LIMITS r maxbytes default");
    assert_eq!(limits(&mut c)[0], 64 << 20);
}

#[test]
fn nonsense_is_refused_with_a_sentence_and_changes_nothing() {
    let redis = Redis::start();
    let mut c = redis.connect();
    for (name, wrong) in [
        ("maxbytes", "30d"),
        ("member-ttl", "64mb"),
        ("keep", "many"),
        ("grace", "-1"),
        ("device-grace", "2h"),
        ("max-payload", "0"),
        ("max-uids", "1.5"),
    ] {
        let before = get(&mut c, name);
        let said = err(&mut c, &words(&format!("CONFIG SET room.{name} {wrong}")));
        let sentence = format!("'{wrong}' cannot be room.{name}: ");
        assert!(said.contains(&sentence), "{said}");
        assert_eq!(get(&mut c, name), before);
    }
}

/// A server that has a `redis.conf`.
struct WithFile {
    port: u16,
    // Before its folder: a log that is gone cannot be shown.
    process: Option<Process>,
    folder: TempDir,
}

impl WithFile {
    /// `args` stand behind `loadmodule`, `lines` below.
    fn new(args: &str, lines: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("roomcast-").tempdir();
        let (folder, port) = (folder.expect("a folder"), free_port());
        let module = built("ROOMCAST_MODULE", "libroomcast.so");
        let conf = format!(
            "port {port}\nbind 127.0.0.1\nsave \"\"\ndir {}\nloadmodule {} {args}\n{lines}\n",
            folder.path().display(),
            module.display()
        );
        write(folder.path().join("redis.conf"), conf).expect("a written file");
        Self {
            folder,
            port,
            process: None,
        }
    }

    /// Starts it, again too; its exit code if it does not run.
    fn start(&mut self) -> Result<Connection, i32> {
        self.process = None;
        let mut command = installed("REDIS_SERVER", "redis-server", "redis-server");
        command.arg(self.folder.path().join("redis.conf"));
        let log = self.folder.path().join("redis-server.log");
        let process = self.process.insert(Process::start(command, &log));
        process.listens_or_ends(&[self.port])?;
        Ok(eventually("it answers", || Connection::to(self.port).ok()))
    }

    fn printed(&self) -> String {
        self.process
            .as_ref()
            .map_or(String::new(), Process::printed)
    }
}

#[test]
fn a_server_with_nonsense_does_not_start_and_says_why() {
    for (args, lines, sentence) in [
        (
            "maxbytes lots",
            "",
            "'lots' cannot be room.maxbytes: bytes, such as",
        ),
        ("keep", "", "'keep' is no setting with a value"),
        ("nonsense 1", "", "'nonsense' is no setting with a value"),
        (
            "",
            "room.grace 5mb",
            "'5mb' cannot be room.grace: milliseconds, or a time such as",
        ),
    ] {
        let mut server = WithFile::new(args, lines);
        let started = server.start();
        assert!(started.is_err(), "it runs with '{args}' and '{lines}'");
        let log = server.printed();
        assert!(log.contains(sentence), "{sentence}: {log}");
    }
}

#[test]
fn redis_conf_stands_above_the_arguments_and_what_was_rewritten_too() {
    let mut server = WithFile::new("keep 7 maxbytes 1mb member-ttl 1d", "room.keep 8");
    let mut c = server.start().expect("a server");
    assert_eq!(get(&mut c, "keep"), "8", "redis.conf");
    assert_eq!(get(&mut c, "maxbytes"), "1048576", "an argument");
    assert_eq!(get(&mut c, "maxlen"), "100000", "our own default");
    // One that is our own default, one with a unit, one that is the argument's value again.
    for set in ["keep 100", "maxbytes 2mb", "member-ttl 2d", "member-ttl 1d"] {
        ok(&mut c, &format!("CONFIG SET room.{set}"));
    }
    ok(&mut c, "CONFIG REWRITE");
    let conf = read_to_string(server.folder.path().join("redis.conf")).expect("a file");
    assert!(conf.contains("2097152"), "a plain number: {conf}");
    let mut c = server.start().expect("a server");
    let found = ["keep", "maxbytes", "member-ttl"].map(|name| get(&mut c, name));
    assert_eq!(found, ["100", "2097152", "86400000"], "{conf}");
}

/// It turns the direction of writing round.
const TURNING: &str = "ann\u{202e}moc";

/// An AOF of before, in which such a uid came to a room.
///
/// The folder comes first, so that it goes last: the server's log lies in it.
fn with_turning() -> (TempDir, Redis) {
    let folder = tempfile::Builder::new().prefix("roomcast-").tempdir();
    let folder = folder.expect("a folder");
    let mut aof = Vec::new();
    for args in [
        ["ROOM._APPLY", "r", "join:1700000000000", "7", "0", TURNING],
        ["ROOM._APPLY", "r", "join:1700000000000", "7", "0", "ben"],
    ] {
        aof.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
        for arg in args {
            aof.extend_from_slice(format!("${}\r\n{arg}\r\n", arg.len()).as_bytes());
        }
    }
    write(folder.path().join("appendonly.aof"), aof).expect("a written file");
    // They came years ago: nobody is to be released while a test looks at digests.
    let options = ["--appendonly", "yes", "--room.member-ttl", "0"];
    let redis = Redis::at(free_port(), Some(folder.path()), &options);
    (folder, redis)
}

fn with_uid(c: &mut Connection, before: &[&str], after: &[&str]) -> Value {
    let mut command = cmd(before[0]);
    command.arg(&before[1..]).arg(TURNING).arg(after);
    command
        .query(c)
        .unwrap_or_else(|error| panic!("{before:?}: {error}"))
}

#[test]
fn new_members_do_not_turn_the_direction_of_writing_round() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r ben");
    let digest = redis.digest("r");
    for uid in [TURNING, "\u{2066}a", "a\u{200f}", "a\u{7}", "a\u{85}b"] {
        for command in ["ROOM.JOIN", "ROOM.INVITE"] {
            for room in ["r", "none"] {
                let said = err(&mut c, cmd(command).arg(room).arg(uid));
                assert!(said.starts_with("BADUID"), "{command} {uid:?}: {said}");
            }
        }
    }
    assert_eq!(redis.digest("r"), digest);
    assert_eq!(int(&ok(&mut c, "EXISTS none")), 0);
}

#[test]
fn members_who_have_such_a_uid_go_on() {
    let (_folder, redis) = with_turning();
    let mut c = redis.connect();
    let attached = with_uid(&mut c, &["ROOM.ATTACH", "r"], &[]);
    assert!(list(&field(&attached, "gone")).is_empty());
    with_uid(&mut c, &["ROOM.PUBLISH", "r"], &["hello"]);
    let head = crate::workload::head(&mut c, "r");
    with_uid(&mut c, &["ROOM.ACK", "r", &head], &[]);
    let pending = with_uid(&mut c, &["ROOM.PENDING", "r"], &[]);
    assert_eq!(int(&field(&pending, "online")), 1);
    with_uid(&mut c, &["ROOM.AWAY", "r", &head], &[]);
    let joined = with_uid(&mut c, &["ROOM.JOIN", "r"], &["SINCE", &head]);
    assert_eq!(int(&field(&joined, "new")), 0);
    assert_eq!(with_uid(&mut c, &["ROOM.INVITE", "r"], &[]), Value::Int(0));
    assert_eq!(with_uid(&mut c, &["ROOM.KICK", "r"], &[]), Value::Int(1));
    with_uid(&mut c, &["ROOM.DETACH", "r"], &[]);
    // The room goes on changing: the acknowledgement is held at first, and the departure is marked later.
    let (dump, digest) = redis.dump("r");
    words("RESTORE other 0")
        .arg(dump)
        .exec(&mut c)
        .expect("a room");
    assert_eq!(redis.digest("other"), digest);
    for room in ["r", "other"] {
        assert_eq!(with_uid(&mut c, &["ROOM.LEAVE", room], &[]), Value::Int(1));
    }
}
