//! A primary, its replicas, and sentinels that watch them.

use crate::connection::Connection;
use crate::eventually::{eventually, within};
use crate::process::{Process, free_port, installed};
use crate::redis::Redis;
use crate::value::{list, ok, text, words};
use redis::{Value, cmd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The name by which sentinels know the primary.
pub const NAME: &str = "main";
/// A failover after another one, with all that belongs to it.
const PATIENCE: Duration = Duration::from_secs(60);

/// One sentinel.
pub struct Sentinel {
    /// Where it listens, on loopback.
    pub port: u16,
    process: Option<Process>,
    folder: TempDir,
}

impl Sentinel {
    /// One that watches the primary at this port: more than half of all `many` must agree that it is down. `more` lines of
    /// its configuration go before.
    pub fn watching(primary: u16, many: usize, more: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("roomcast-").tempdir();
        let folder = folder.expect("a folder");
        for _ in 0..5 {
            let port = free_port();
            let config = format!(
                "port {port}\nbind 127.0.0.1\ndir {}\n{more}\nsentinel monitor {NAME} 127.0.0.1 {primary} {}\n\
                 sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 20000\n\
                 sentinel parallel-syncs {NAME} 2\n",
                folder.path().display(),
                many / 2 + 1,
            );
            std::fs::write(folder.path().join("sentinel.conf"), config).expect("a file");
            if let Some(process) = run(folder.path(), port) {
                return Self {
                    port,
                    process: Some(process),
                    folder,
                };
            }
        }
        panic!("no port is free");
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it again where it was; it remembers what it knew.
    pub fn start_again(&mut self) {
        let path = self.folder.path();
        self.process = Some(eventually("its port is free again", || {
            run(path, self.port)
        }));
    }

    /// Freezes it, or lets it run again.
    pub fn freeze(&self, frozen: bool) {
        let process = self.process.as_ref().expect("a running sentinel");
        process.signal(if frozen { "STOP" } else { "CONT" });
    }

    /// A new connection.
    pub fn connect(&self) -> Connection {
        Connection::to(self.port).expect("a connection to a sentinel")
    }

    /// The port of the primary, as it says.
    pub fn primary(&self) -> Option<u16> {
        let ask = words(&format!("SENTINEL GET-MASTER-ADDR-BY-NAME {NAME}"));
        let address: Value = ask.query(&mut Connection::to(self.port).ok()?).ok()?;
        match &address {
            Value::Array(both) => text(both.get(1)?).parse().ok(),
            _ => None,
        }
    }

    /// Its exit code, if it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.process.as_mut().and_then(Process::ended)
    }

    /// Asks it to end.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop();
        }
    }
}

/// `None` if the port is taken.
fn run(folder: &Path, port: u16) -> Option<Process> {
    let mut command = installed("REDIS_SERVER", "redis-server", "redis-server");
    command.arg(folder.join("sentinel.conf")).arg("--sentinel");
    let mut process = Process::start(command, &folder.join("sentinel.log"));
    match process.listens_or_ends(&[port]) {
        Ok(()) => Some(process),
        Err(_) if process.printed().contains("Address already in use") => None,
        Err(code) => panic!("the sentinel ended with {code}"),
    }
}

/// See the top of the file.
pub struct Watched {
    /// The servers; any of them may be the primary.
    pub servers: Vec<Redis>,
    /// Those that watch them.
    pub sentinels: Vec<Sentinel>,
}

impl Watched {
    /// A primary with so many replicas and sentinels, when all know each other. Each server has these options.
    pub fn start(replicas: usize, sentinels: usize, options: &[&str]) -> Self {
        let primary = Redis::with(options);
        Self::of(primary, replicas, sentinels, options)
    }

    /// The same around a primary that is there.
    pub fn of(primary: Redis, replicas: usize, sentinels: usize, options: &[&str]) -> Self {
        let port = primary.port;
        let mut servers = vec![primary];
        for _ in 0..replicas {
            // By a command, not an option: whichever is killed and comes back takes itself for a primary, as it was left.
            let replica = Redis::with(options);
            let done = replica.run_words(&format!("REPLICAOF 127.0.0.1 {port}"));
            done.expect("a replica");
            servers[0].in_step(&replica);
            servers.push(replica);
        }
        let start = |_| Sentinel::watching(port, sentinels, "");
        let watched = Self {
            servers,
            sentinels: (0..sentinels).map(start).collect(),
        };
        watched.settled();
        watched
    }

    /// Waits until every sentinel knows all others and all replicas, takes them for healthy, and names the same primary:
    /// only then can the next failover happen.
    pub fn settled(&self) {
        within(PATIENCE, "the sentinels know all that there is", || {
            let primary = self.sentinels[0].primary()?;
            self.sentinels
                .iter()
                .all(|sentinel| self.is_settled(sentinel, primary))
                .then_some(())
        });
    }

    fn is_settled(&self, sentinel: &Sentinel, primary: u16) -> bool {
        let mut c = sentinel.connect();
        let rows = |c: &mut Connection, what: &str| -> Vec<Vec<(String, String)>> {
            let command = words(&format!("SENTINEL {what} {NAME}"));
            let rows: Value = command.query(c).unwrap_or(Value::Nil);
            match &rows {
                Value::Array(rows) => rows.iter().map(pairs).collect(),
                _ => Vec::new(),
            }
        };
        let is = |row: &[(String, String)], name: &str, wanted: &str| {
            row.iter().any(|(of, value)| of == name && value == wanted)
        };
        let replicas = rows(&mut c, "REPLICAS");
        let healthy = replicas
            .iter()
            .filter(|row| is(row, "flags", "slave") && is(row, "master-link-status", "ok"));
        let others = rows(&mut c, "SENTINELS");
        let others = others.iter().filter(|row| is(row, "flags", "sentinel"));
        let master: Value = words(&format!("SENTINEL MASTER {NAME}"))
            .query(&mut c)
            .unwrap_or(Value::Nil);
        sentinel.primary() == Some(primary)
            && is(&pairs(&master), "flags", "master")
            && healthy.count() == self.servers.len() - 1
            && others.count() == self.sentinels.len() - 1
    }

    /// Which server the sentinels' first says is the primary.
    pub fn primary(&self) -> usize {
        eventually("a sentinel names one of the servers", || {
            let port = self.sentinels.iter().find_map(Sentinel::primary)?;
            self.servers.iter().position(|redis| redis.port == port)
        })
    }

    /// For a proxy.
    pub fn url(&self) -> String {
        let list = self.sentinels.iter();
        let list: Vec<String> = list
            .map(|sentinel| format!("127.0.0.1:{}", sentinel.port))
            .collect();
        format!("redis+sentinel://{}/{NAME}", list.join(","))
    }

    /// Asks for a failover, as an operator would.
    pub fn fail_over(&self) {
        let command = format!("SENTINEL FAILOVER {NAME}");
        eventually("a sentinel begins a failover", || {
            let mut c = self.sentinels[0].connect();
            words(&command).query::<Value>(&mut c).ok()
        });
    }

    /// Waits until all sentinels name another primary than the one at this port; the new one's place.
    pub fn switched_from(&self, port: u16) -> usize {
        let new = within(PATIENCE, "the sentinels name another primary", || {
            let named: Vec<Option<u16>> = self.sentinels.iter().map(Sentinel::primary).collect();
            let first = named.first().copied().flatten()?;
            (first != port && named.iter().all(|it| *it == Some(first))).then_some(first)
        });
        let place = self.servers.iter().position(|redis| redis.port == new);
        place.expect("one of the servers")
    }

    /// Listens for `+switch-master` on all sentinels from now on.
    pub fn ear(&self) -> Ear {
        Ear::of(&self.sentinels)
    }
}

/// A row with names in RESP2: a flat list.
fn pairs(row: &Value) -> Vec<(String, String)> {
    let Value::Array(_) = row else {
        return Vec::new();
    };
    let flat = list(row).chunks_exact(2);
    flat.map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

/// Notes when a switch was first heard of.
pub struct Ear {
    heard: Arc<Mutex<Vec<(Instant, String)>>>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Ear {
    fn of(sentinels: &[Sentinel]) -> Self {
        let (heard, over) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let listen = |sentinel: &Sentinel| {
            let mut c = sentinel.connect();
            ok(&mut c, "SUBSCRIBE +switch-master");
            let (heard, over) = (Arc::clone(&heard), Arc::clone(&over));
            std::thread::spawn(move || listen(c, &heard, &over))
        };
        let threads = sentinels.iter().map(listen).collect();
        Self {
            heard,
            over,
            threads,
        }
    }

    /// When the first sentinel said that this is the primary now, if one did.
    pub fn switched_to(&self, port: u16) -> Option<Instant> {
        let end = format!(" 127.0.0.1 {port}");
        let heard = self.heard.lock().expect("what was heard");
        let mut heard = heard.iter().filter(|(_, text)| text.ends_with(&end));
        heard.next().map(|(when, _)| *when)
    }
}

fn listen(mut c: Connection, heard: &Mutex<Vec<(Instant, String)>>, over: &AtomicBool) {
    let _ = c.set_patience(Duration::from_millis(50));
    while !over.load(Relaxed) {
        match c.recv() {
            Ok(Value::Array(message)) => {
                let now = Instant::now();
                let payload = message.get(2).map(text).unwrap_or_default();
                heard.lock().expect("a list").push((now, payload));
            }
            Ok(_) => {}
            Err(error) if error.is_timeout() => {}
            // This sentinel is gone.
            Err(_) => return,
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The server's own word: `master` or `slave`.
pub fn role(redis: &Redis) -> String {
    let role: Value = redis.query(&cmd("ROLE"));
    text(&list(&role)[0])
}
