//! A redis-server with the module in a folder of its own.

use crate::clock::Clock;
use crate::connection::Connection;
use crate::eventually::eventually;
use crate::process::{Process, built, free_port, installed};
use crate::value;
use redis::{Cmd, FromRedisValue, RedisError, Value};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Options of a server on which no room changes by time alone, for tests that look at a digest twice: nobody's departure
/// is marked, and no device that went lets a cursor rise.
pub const STILL: [&str; 6] = [
    "--save",
    "",
    "--room.grace",
    "1h",
    "--room.device-grace",
    "1h",
];

/// See the top of the file.
pub struct Redis {
    /// Where it listens, on loopback.
    pub port: u16,
    options: Vec<String>,
    /// Another program than the one that is installed.
    program: Option<PathBuf>,
    env: Vec<(&'static str, OsString)>,
    // Before its folder: a log that is gone cannot be shown.
    process: Option<Process>,
    folder: Folder,
}

impl Redis {
    /// One without persistence.
    pub fn start() -> Self {
        Self::with(&["--save", ""])
    }

    /// One with these options.
    pub fn with(options: &[&str]) -> Self {
        let mut redis = Self::new(free_port(), Folder::own(), options);
        redis.run();
        redis
    }

    /// One of another program, which takes the same options.
    pub fn of(program: &Path, options: &[&str]) -> Self {
        let mut redis = Self::new(free_port(), Folder::own(), options);
        redis.program = Some(program.to_owned());
        redis.run();
        redis
    }

    /// One with these options whose wall clock jumps at will.
    pub fn with_clock(options: &[&str], clock: &Clock) -> Self {
        let mut redis = Self::new(free_port(), Folder::own(), options);
        redis.env = clock.env();
        redis.run();
        redis
    }

    /// One at this port, with its data in this folder (in one of its own if not given).
    ///
    /// # Panics
    /// If the port is taken.
    pub fn at(port: u16, folder: Option<&Path>, options: &[&str]) -> Self {
        let folder = folder.map_or_else(Folder::own, |path| Folder::Given(path.to_owned()));
        let mut redis = Self::new(port, folder, options);
        assert!(redis.try_run(), "another program listens on port {port}");
        redis
    }

    fn new(port: u16, folder: Folder, options: &[&str]) -> Self {
        Self {
            port,
            folder,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            program: None,
            env: Vec::new(),
            process: None,
        }
    }

    /// A replica of this one, in step with it.
    pub fn replica(&self) -> Self {
        self.replica_via(self.port, &["--save", ""])
    }

    /// A replica with these options, in step with this one, which it reaches at a port that may be a relay's.
    pub fn replica_via(&self, port: u16, options: &[&str]) -> Self {
        let port = port.to_string();
        let replicaof = ["--replicaof", "127.0.0.1", &port];
        let replica = Self::with(&[options, &replicaof].concat());
        self.in_step(&replica);
        replica
    }

    /// Waits until a replica of this one has all that was written until now, and is sent what is written from now on.
    ///
    /// The replica's `master_link_status` says neither: it is up when the data were loaded, and the primary begins to
    /// stream when the replica's next sign of life, one a second, has told it so.
    pub fn in_step(&self, replica: &Self) {
        let (written, port) = (self.info("master_repl_offset"), replica.port);
        eventually("the replica is in step", || {
            let info: String = self.query(redis::cmd("INFO").arg("replication"));
            let mut lines = info.lines().filter(|line| line.starts_with("slave"));
            let streams = lines.any(|line| line.contains(&format!("port={port},state=online")));
            // Valkey 9 says all of this before the replica has taken what it loaded.
            let own: String = replica.query(redis::cmd("INFO").arg("everything"));
            let loaded = own.contains("master_link_status:up") && own.contains("\nloading:0");
            (streams && loaded && replica.info("master_repl_offset") >= written).then_some(())
        });
    }

    /// Starts it; on a port of its own choice if another program has taken the first one meanwhile.
    fn run(&mut self) {
        for _ in 0..5 {
            if self.try_run() {
                return;
            }
            self.port = free_port();
        }
        panic!("no port is free");
    }

    /// Starts it where it was, for those who know it there.
    fn run_again(&mut self) {
        eventually("its port is free again", || self.try_run().then_some(()));
    }

    /// False if the port is taken.
    fn try_run(&mut self) -> bool {
        let log = self.folder.path().join("redis-server.log");
        let mut command = match &self.program {
            Some(program) => Command::new(program),
            None => installed("REDIS_SERVER", "redis-server", "redis-server"),
        };
        command
            .envs(self.env.iter().cloned())
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .arg("--dir")
            .arg(self.folder.path())
            // Else a replica's first copy waits five seconds for other replicas.
            .args(["--repl-diskless-sync-delay", "0"])
            .args(["--enable-debug-command", "yes", "--loadmodule"])
            .arg(built("ROOMCAST_MODULE", "libroomcast.so"))
            // A minute would be long in tests; those who want another one say so behind it.
            .args(["device-grace", "300"])
            .args(&self.options);
        let mut process = Process::start(command, &log);
        match process.listens_or_ends(&[self.port]) {
            Ok(()) => {
                self.process = Some(process);
                self.wait_loaded();
                true
            }
            Err(_) if process.printed().contains("Address already in use") => false,
            Err(code) => panic!("redis-server ended with {code}"),
        }
    }

    fn wait_loaded(&self) {
        eventually("redis-server has loaded its data", || {
            let mut connection = self.try_connect().ok()?;
            redis::cmd("PING").query::<String>(&mut connection).ok()
        });
    }

    fn try_connect(&self) -> Result<Connection, RedisError> {
        Connection::to(self.port)
    }

    /// For a proxy.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A new connection.
    pub fn connect(&self) -> Connection {
        self.try_connect().expect("a connection to Redis")
    }

    /// A new connection that speaks RESP3.
    pub fn connect_resp3(&self) -> Connection {
        Connection::resp3_to(self.port).expect("a connection to Redis")
    }

    /// Runs a command on a connection of its own.
    pub fn query<T: FromRedisValue>(&self, command: &Cmd) -> T {
        command
            .query(&mut self.connect())
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs a command given as words.
    pub fn run_words(&self, words: &str) -> Result<Value, RedisError> {
        value::words(words).query(&mut self.connect())
    }

    /// A room in which mail waits for one member, and behind it are so many others who have everything.
    pub fn invite_quiet_behind(&self, key: &str, uid: &str, many: usize) {
        let mut c = self.connect();
        value::ok(&mut c, &format!("ROOM.INVITE {key} {uid}"));
        value::ok(&mut c, &format!("ROOM.PUBLISH {key} bot hello"));
        let others: Vec<String> = (0..many).map(|other| format!("u{other}")).collect();
        for some in others.chunks(2000) {
            value::ok(&mut c, &format!("ROOM.INVITE {key} {}", some.join(" ")));
        }
    }

    /// A key's dump and the digest of its value at the same moment.
    pub fn dump(&self, key: &str) -> (Vec<u8>, String) {
        let mut both = redis::pipe();
        both.atomic().cmd("DUMP").arg(key);
        both.cmd("DEBUG").arg("DIGEST-VALUE").arg(key);
        let got = both.query(&mut self.connect());
        let (dump, digests): (Vec<u8>, Vec<String>) = got.unwrap_or_else(|error| panic!("{error}"));
        (dump, digests.into_iter().next().expect("a digest"))
    }

    /// The digest of a key's value.
    pub fn digest(&self, key: &str) -> String {
        let digests: Vec<String> = self.query(redis::cmd("DEBUG").arg("DIGEST-VALUE").arg(key));
        digests.into_iter().next().expect("a digest")
    }

    /// The digest of a key's value before a command and after it, in one step of the server: between them no time passes
    /// that could let a cursor rise or end what is kept for so long.
    pub fn digests_around(&self, command: &str, key: &str) -> (String, String) {
        let mut digest = redis::cmd("DEBUG");
        digest.arg("DIGEST-VALUE").arg(key);
        let mut pipe = redis::pipe();
        pipe.atomic().add_command(digest.clone());
        pipe.add_command(value::words(command)).ignore();
        pipe.add_command(digest);
        let mut connection = self.connect();
        let (before, after): (Vec<String>, Vec<String>) = pipe
            .query(&mut connection)
            .unwrap_or_else(|error| panic!("{command} between two digests: {error}"));
        let first = |digests: Vec<String>| digests.into_iter().next().expect("a digest");
        (first(before), first(after))
    }

    /// A field of INFO.
    pub fn info(&self, field: &str) -> u64 {
        let info: String = self.query(redis::cmd("INFO").arg("everything"));
        let found = info
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{field}:")));
        found
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or_else(|| panic!("no number {field} in INFO"))
    }

    /// The process.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("a running redis-server")
    }

    /// Its exit code, if it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.process.as_mut().and_then(Process::ended)
    }

    /// Whether it runs.
    pub fn is_alive(&mut self) -> bool {
        self.process
            .as_mut()
            .is_some_and(|process| process.ended().is_none())
    }

    /// Kills it without a warning and starts it again on the same data.
    ///
    /// # Panics
    /// If its AOF may be behind what it answered, so that what comes back would be chance (`everysec` waits for a slow disk).
    pub fn crash_and_restart(&mut self) {
        let setting = |name: &str| {
            let got: Vec<String> = self.query(redis::cmd("CONFIG").arg("GET").arg(name));
            got.last().cloned().unwrap_or_default()
        };
        let kept = setting("appendonly") == "no" || setting("appendfsync") == "always";
        assert!(kept, "a test that crashes Redis sets --appendfsync always");
        self.kill();
        self.run_again();
    }

    /// Shuts it down as an operator would (it saves if it is set up to) and starts it again.
    pub fn restart(&mut self) {
        self.stop();
        self.run_again();
    }

    /// Shuts it down.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop();
        }
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), at the same port.
    pub fn start_again(&mut self) {
        self.run_again();
    }
}

/// Where a server's data and log are.
enum Folder {
    /// Removed in the end.
    Own(TempDir),
    Given(PathBuf),
}

impl Folder {
    fn own() -> Self {
        let folder = tempfile::Builder::new().prefix("roomcast-").tempdir();
        Self::Own(folder.expect("a folder"))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Own(folder) => folder.path(),
            Self::Given(path) => path,
        }
    }
}
