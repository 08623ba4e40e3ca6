//! Servers beside the installed one: `scripts/test servers` fetches them into `target/servers/<name>/server` and runs
//! the tests of the module and the main story on each, by `REDIS_SERVER`.

use crate::process::{Process, built, free_port};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server that is too old for the module: `ROOMCAST_OLD_SERVER`, or the one that was fetched.
///
/// # Panics
/// If it is not there: a test must not pass because something is missing.
pub fn too_old() -> PathBuf {
    if let Some(path) = std::env::var_os("ROOMCAST_OLD_SERVER") {
        return PathBuf::from(path);
    }
    let programs = built("ROOMCAST_MODULE", "libroomcast.so");
    let target = programs.ancestors().nth(2).unwrap_or(Path::new("."));
    let path = target.join("servers/redis-6.2/server");
    assert!(
        path.exists(),
        "{} is missing: 'scripts/test servers' fetches it",
        path.display()
    );
    path
}

/// Starts this server with the module, which it does not take; its exit code and what it logged.
///
/// # Panics
/// If it starts.
pub fn refuses(program: &Path) -> (i32, String) {
    let folder = tempfile::Builder::new().prefix("roomcast-").tempdir();
    let folder = folder.expect("a folder");
    let port = free_port();
    let mut command = Command::new(program);
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--dir"])
        .arg(folder.path())
        .arg("--loadmodule")
        .arg(built("ROOMCAST_MODULE", "libroomcast.so"));
    let mut process = Process::start(command, &folder.path().join("redis-server.log"));
    match process.listens_or_ends(&[port]) {
        Ok(()) => panic!("{} took the module", program.display()),
        Err(code) => (code, process.printed()),
    }
}
