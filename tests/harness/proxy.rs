//! A roomcast-proxy.

use crate::eventually::{PATIENCE, eventually};
use crate::process::{Process, built, free_port};
use crate::redis::Redis;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The exit code for an address that cannot be listened on.
const ADDRESS_TAKEN: i32 = 5;

type Variables<'a> = &'a [(&'a str, &'a str)];

/// Limits that are meant for strangers, raised: all clients of a test or a benchmark have one address, and do what they can.
const RAISED: Variables<'_> = &[
    ("ROOMCAST_MAX_PER_ADDRESS", "1000000"),
    ("ROOMCAST_WORK_PER_ADDRESS", "1000000000"),
    ("ROOMCAST_WORK_PER_UID", "1000000000"),
    ("ROOMCAST_MEMBERSHIPS_PER_ADDRESS", "1000000000"),
    ("ROOMCAST_MEMBERSHIPS_PER_UID", "1000000000"),
    ("ROOMCAST_PUBLISH_BYTES_PER_CONNECTION", "1000000000"),
    ("ROOMCAST_PUBLISH_BYTES_PER_UID", "1000000000"),
    ("ROOMCAST_PUBLISH_BYTES_PER_ROOM", "1000000000"),
];
const TESTED: Variables<'_> = &[("RUST_LOG", "debug")];
const USED: Variables<'_> = &[("RUST_LOG", "info")];

/// See the top of the file.
pub struct Proxy {
    /// Where browsers connect, on loopback.
    pub port: u16,
    /// Where the metrics are.
    pub admin: u16,
    at: SocketAddr,
    process: Process,
    _folder: TempDir,
}

impl Proxy {
    /// One in front of this Redis.
    pub fn start(redis: &Redis) -> Self {
        Self::with(redis, &[])
    }

    /// One with more options.
    pub fn with(redis: &Redis, options: &[&str]) -> Self {
        Self::to(&redis.url(), options)
    }

    /// One that reaches its Redis at this address, which may be a relay's.
    pub fn to(redis: &str, options: &[&str]) -> Self {
        Self::of(&built("ROOMCAST_PROXY", "roomcast-proxy"), redis, options)
    }

    /// One with more variables.
    pub fn with_variables(redis: &Redis, more: &[(&str, &str)], options: &[&str]) -> Self {
        let program = built("ROOMCAST_PROXY", "roomcast-proxy");
        Self::on_a_free_port(
            &program,
            &redis.url(),
            &[RAISED, TESTED, more].concat(),
            options,
        )
    }

    /// One of another build.
    pub fn of(program: &Path, redis: &str, options: &[&str]) -> Self {
        Self::on_a_free_port(program, redis, &[RAISED, TESTED].concat(), options)
    }

    /// One with the limits that users have.
    pub fn as_used(redis: &Redis, options: &[&str]) -> Self {
        let program = built("ROOMCAST_PROXY", "roomcast-proxy");
        Self::on_a_free_port(&program, &redis.url(), USED, options)
    }

    fn on_a_free_port(
        program: &Path,
        redis: &str,
        variables: Variables<'_>,
        options: &[&str],
    ) -> Self {
        for _ in 0..5 {
            let port = free_port();
            let listen = format!("127.0.0.1:{port}");
            if let Ok(proxy) = Self::try_start(program, &listen, redis, variables, options) {
                return proxy;
            }
        }
        panic!("no port is free");
    }

    /// One that listens at this address, with the limits that users have.
    ///
    /// # Panics
    /// If the address is taken.
    pub fn at(listen: SocketAddr, redis: &str, options: &[&str]) -> Self {
        Self::start_at(listen, redis, USED, options)
    }

    /// One that listens at this address and is measured.
    ///
    /// # Panics
    /// If the address is taken.
    pub fn measured_at(listen: SocketAddr, redis: &str, options: &[&str]) -> Self {
        Self::start_at(listen, redis, &[RAISED, USED].concat(), options)
    }

    fn start_at(
        listen: SocketAddr,
        redis: &str,
        variables: Variables<'_>,
        options: &[&str],
    ) -> Self {
        let program = built("ROOMCAST_PROXY", "roomcast-proxy");
        Self::try_start(&program, &listen.to_string(), redis, variables, options)
            .unwrap_or_else(|said| panic!("{}", said.trim_end()))
    }

    /// What the program said if an address is taken.
    fn try_start(
        program: &Path,
        listen: &str,
        redis: &str,
        variables: Variables<'_>,
        options: &[&str],
    ) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("roomcast-").tempdir();
        let folder = folder.expect("a folder");
        let admin = free_port();
        let at: SocketAddr = listen.parse().expect("an address");
        let (port, at) = (at.port(), reachable(at));
        let mut command = Command::new(program);
        command
            .args(["--listen", listen, "--redis", redis])
            .args(["--admin-listen", &format!("127.0.0.1:{admin}")])
            .args(options)
            .envs(variables.iter().copied());
        let process = Process::start(command, &folder.path().join("roomcast-proxy.log"));
        let mut proxy = Self {
            port,
            admin,
            at,
            process,
            _folder: folder,
        };
        match proxy.process.listens_or_ends(&[port, admin]) {
            Ok(()) => {}
            Err(ADDRESS_TAKEN) => return Err(proxy.process.printed()),
            Err(code) => panic!("the proxy ended with {code}"),
        }
        // It listens before it has reached Redis.
        eventually("the proxy is ready", || {
            let code = proxy.ended();
            assert!(code.is_none(), "the proxy ended with {code:?}");
            if options.contains(&"--tls-cert") {
                // It has metrics when it has reached Redis.
                return try_get(loopback(admin), "/metrics").ok().map(drop);
            }
            let answer = if options.contains(&"--proxy-protocol") {
                try_ask(at, "PROXY UNKNOWN\r\n", "/readyz").ok()?
            } else {
                try_get(at, "/readyz").ok()?
            };
            answer.starts_with("HTTP/1.1 200").then_some(())
        });
        Ok(proxy)
    }

    /// Its exit code, if it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.process.ended()
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again where it was, after [`kill`](Self::kill).
    pub fn start_again(&mut self, program: &Path, redis: &str, options: &[&str]) {
        let listen = format!("127.0.0.1:{}", self.port);
        let variables = [RAISED, TESTED].concat();
        *self = eventually("its port is free again", || {
            Self::try_start(program, &listen, redis, &variables, options).ok()
        });
    }

    /// Freezes it: it says nothing and hears nothing, but its connections stay.
    pub fn freeze(&self) {
        self.process.signal("STOP");
    }

    /// Lets it run again.
    pub fn thaw(&self) {
        self.process.signal("CONT");
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Asks it to end, as an operator would; its exit code.
    pub fn stop(&mut self) -> i32 {
        self.process.stop()
    }

    /// The answer to a GET: status line, headers and body as they are.
    pub fn get(&self, path: &str) -> String {
        get(self.at, path)
    }

    /// Whether it says that it is ready: Redis is connected.
    pub fn is_ready(&self) -> bool {
        self.get("/readyz").starts_with("HTTP/1.1 200")
    }

    /// Waits until it is, or is not.
    pub fn becomes_ready(&self, ready: bool) {
        let what = match ready {
            true => "the proxy is back",
            false => "the proxy knows that Redis is away",
        };
        eventually(what, || (self.is_ready() == ready).then_some(()));
    }

    /// All metrics.
    pub fn metrics(&self) -> String {
        get(loopback(self.admin), "/metrics")
    }

    /// One of the metrics.
    pub fn metric(&self, name: &str) -> u64 {
        let page = self.metrics();
        let found = page
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} ")));
        found
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| panic!("no metric {name}"))
    }
}

/// Where this machine reaches what listens at this address.
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn get(at: SocketAddr, path: &str) -> String {
    try_get(at, path).expect("an answer")
}

fn try_get(at: SocketAddr, path: &str) -> std::io::Result<String> {
    try_ask(at, "", path)
}

/// With a line before the request.
fn try_ask(at: SocketAddr, line: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request =
        format!("{line}GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
