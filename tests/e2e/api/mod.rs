//! The HTTP API for backends: what it does reaches sockets and Redis as everything else does.
//!
//! | file | what it shows |
//! |---|---|
//! | `publish` | messages, one and many, stored once |
//! | `rooms` | reading back, members, queues, bans, rooms of all names |
//! | `access` | who gets in, and the options |
//! | `refused` | what is wrong with a request, and what it is told |
//! | `limits` | how much there may be, and a port of its own |
//! | `docs` | docs/api.md |
//! | `away` | a Redis, a node or a proxy that goes while something is asked |

mod access;
mod away;
mod docs;
mod limits;
mod publish;
mod refused;
mod rooms;

use harness::http::{Http, KEY, encoded};
use harness::process::free_port;
use harness::proxy::Proxy;
use harness::redis::Redis;
use tempfile::TempDir;

/// A folder with a file of keys: the folder, and the file's name.
pub(crate) fn keys(content: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("api-keys");
    std::fs::write(&file, content).expect("a file");
    let name = file.to_str().expect("a path of text").to_owned();
    (folder, name)
}

/// A proxy with an API on its port.
pub(crate) fn proxy(redis: &Redis, options: &[&str]) -> (Proxy, TempDir) {
    proxy_to(&redis.url(), options)
}

pub(crate) fn proxy_to(redis: &str, options: &[&str]) -> (Proxy, TempDir) {
    let (folder, file) = keys(KEY);
    let options = [&["--api-key-file", &file], options].concat();
    (Proxy::to(redis, &options), folder)
}

/// A proxy whose API has a port of its own: that port too.
pub(crate) fn apart(redis: &Redis, options: &[&str]) -> (Proxy, u16, TempDir) {
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let (proxy, folder) = proxy(redis, &[&["--api-listen", &listen], options].concat());
    (proxy, port, folder)
}

pub(crate) fn messages(room: &str) -> String {
    format!("/api/rooms/{}/messages", encoded(room))
}

pub(crate) fn room(name: &str, rest: &str) -> String {
    format!("/api/rooms/{}{rest}", encoded(name))
}

pub(crate) fn api(proxy: &Proxy) -> Http {
    Http::to(proxy.port)
}
