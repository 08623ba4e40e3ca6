//! The servers of one peer: one or two that clients connect to, and what they keep their state in.

use harness::process::{Process, free_port, installed};
use harness::proxy::Proxy;
use harness::redis::Redis;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A running program.
pub(crate) trait Program {
    fn process(&self) -> &Process;
    fn kill(&mut self);
}

impl Program for Process {
    fn process(&self) -> &Process {
        self
    }

    fn kill(&mut self) {
        Process::kill(self);
    }
}

impl Program for Proxy {
    fn process(&self) -> &Process {
        Proxy::process(self)
    }

    fn kill(&mut self) {
        Proxy::kill(self);
    }
}

impl Program for Redis {
    fn process(&self) -> &Process {
        Redis::process(self)
    }

    fn kill(&mut self) {
        Redis::kill(self);
    }
}

/// See the top of the file.
pub(crate) struct Stack {
    /// Each with its port. Clients are at the first; the next is what they return to.
    pub(crate) servers: Vec<(u16, Box<dyn Program>)>,
    pub(crate) store: Option<Box<dyn Program>>,
    /// Data, settings and logs. After the programs, or they would lose their folder first.
    pub(crate) folder: TempDir,
}

impl Stack {
    /// Where clients connect.
    pub(crate) fn port(&self) -> u16 {
        self.servers[0].0
    }

    pub(crate) fn server(&self) -> &Process {
        self.servers[0].1.process()
    }

    pub(crate) fn store(&self) -> Option<&Process> {
        self.store.as_deref().map(Program::process)
    }

    /// From now on the second server is the one, if there is one; the first is killed, or lives on unused.
    pub(crate) fn move_on(&mut self, kill: bool) {
        if self.servers.len() < 2 {
            return;
        }
        if kill {
            self.servers[0].1.kill();
        }
        self.servers.swap(0, 1);
    }
}

pub(crate) fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("roomcast-").tempdir();
    folder.expect("a folder")
}

/// A redis-server without any module, and without persistence.
pub(crate) fn plain_redis(folder: &Path) -> Result<(u16, Process), String> {
    listening(folder, "redis", |port| {
        let mut command = installed("REDIS_SERVER", "redis-server", "redis-server");
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--dir"])
            .arg(folder);
        command
    })
}

/// Starts a program that is to listen on a free port, which its command is made for.
pub(crate) fn listening(
    folder: &Path,
    name: &str,
    command: impl Fn(u16) -> Command,
) -> Result<(u16, Process), String> {
    let mut said = String::new();
    for _ in 0..5 {
        let port = free_port();
        let mut process = Process::start(command(port), &folder.join(format!("{name}-{port}.log")));
        if process.listens_or_ends(&[port]).is_ok() {
            return Ok((port, process));
        }
        said = process.printed();
    }
    Err(format!("{name} does not start: {}", said.trim_end()))
}

/// A program that `scripts/bench peers` built, or that is installed, or the one that a variable names.
pub(crate) fn program(variable: &str, name: &str) -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os(variable).map(PathBuf::from) {
        let missing = format!("{variable}: there is no {}", path.display());
        return path.is_file().then_some(path).ok_or(missing);
    }
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = own.ancestors().nth(2).unwrap_or(Path::new("target"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    [target.join("peers/bin")]
        .into_iter()
        .chain(folders)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("{name} is not installed"))
}

/// One of the Node servers beside this file, as a command without its ports.
pub(crate) fn node(script: &str) -> Result<Command, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("load/peers/node");
    if !folder.join("node_modules").is_dir() {
        return Err("its npm packages are not installed".into());
    }
    let mut command = Command::new(program("NODE", "node")?);
    command.arg(folder.join(script)).current_dir(folder);
    Ok(command)
}

/// Servers of one Node script on one Redis.
pub(crate) fn node_stack(script: &str, servers: usize) -> Result<Stack, String> {
    let folder = folder();
    let (redis_port, redis) = plain_redis(folder.path())?;
    let mut stack = Stack {
        servers: Vec::new(),
        store: Some(Box::new(redis)),
        folder,
    };
    node(script)?;
    for _ in 0..servers {
        let (port, process) = listening(stack.folder.path(), script, |port| {
            let mut command = node(script).expect("it was there a moment ago");
            command.args([port.to_string(), redis_port.to_string()]);
            command
        })?;
        stack.servers.push((port, Box::new(process)));
    }
    Ok(stack)
}
