//! A load balancer in front of proxies, with the configuration that the documentation gives: only addresses and certificates
//! are others.

use crate::eventually::eventually;
use crate::process::{Process, free_port};
use std::fmt::Write;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With `docs/examples/haproxy.cfg`.
    Haproxy,
    /// With `docs/examples/nginx.conf`.
    Nginx,
}

/// See the top of the file.
pub struct Balancer {
    /// Where clients connect, on loopback.
    pub port: u16,
    _process: Process,
    _folder: TempDir,
}

impl Balancer {
    /// One in front of the proxies at these ports.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(kind: Kind, proxies: &[u16]) -> Self {
        let folder = tempfile::Builder::new().prefix("roomcast-").tempdir();
        let folder = folder.expect("a folder");
        let port = free_port();
        let command = match kind {
            Kind::Haproxy => haproxy(folder.path(), port, proxies),
            Kind::Nginx => nginx(folder.path(), port, proxies),
        };
        let mut process = Process::start(command, &folder.path().join("balancer.log"));
        if let Err(code) = process.listens_or_ends(&[port]) {
            panic!("{kind:?} ended with {code}: {}", process.printed());
        }
        eventually("it takes connections", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self {
            port,
            _process: process,
            _folder: folder,
        }
    }
}

fn example(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "docs", "examples", name]
        .iter()
        .collect();
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The example with the lines that name proxies (they begin with `server` and an address) made anew, and each of these lines
/// replaced.
fn fitted(
    text: &str,
    proxies: &[u16],
    line: impl Fn(usize, u16, &str) -> String,
    replaced: &[(&str, String)],
) -> String {
    let names_proxy =
        |text: &str| text.trim_start().starts_with("server ") && text.contains("10.0.0.");
    let mut out = String::new();
    let mut named = false;
    for given in text.lines() {
        if names_proxy(given) {
            if !std::mem::replace(&mut named, true) {
                for (number, port) in proxies.iter().enumerate() {
                    let _ = writeln!(out, "{}", line(number, *port, given));
                }
            }
            continue;
        }
        let other = replaced
            .iter()
            .find(|(begin, _)| given.trim_start().starts_with(begin));
        let _ = writeln!(out, "{}", other.map_or(given, |(_, new)| new));
    }
    assert!(named, "the example names no proxy");
    for (begin, new) in replaced {
        assert!(
            new.is_empty() || out.contains(new.as_str()),
            "the example has no line '{begin}'"
        );
    }
    out
}

fn haproxy(folder: &Path, port: u16, proxies: &[u16]) -> Command {
    let text = fitted(
        &example("haproxy.cfg"),
        proxies,
        |number, port, _| format!("    server p{number} 127.0.0.1:{port}"),
        &[("bind ", format!("    bind 127.0.0.1:{port}"))],
    );
    let config = folder.join("haproxy.cfg");
    fs::write(&config, text).expect("a file");
    let mut command = service("HAPROXY", "haproxy", "haproxy");
    // In the foreground, as one process.
    command.arg("-db").arg("-f").arg(config);
    command
}

fn nginx(folder: &Path, port: u16, proxies: &[u16]) -> Command {
    let text = fitted(
        &example("nginx.conf"),
        proxies,
        |_, port, _| format!("    server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;"),
        &[
            ("listen ", format!("    listen 127.0.0.1:{port};")),
            ("ssl_certificate ", String::new()),
            ("ssl_certificate_key ", String::new()),
        ],
    );
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = folders.map(|of| format!("{of}_temp_path {};\n", folder.join(of).display()));
    let whole = format!(
        "daemon off;\nmaster_process off;\npid {};\nerror_log stderr;\nevents {{ worker_connections 4096; }}\n\
         http {{\naccess_log off;\n{}{text}}}\n",
        folder.join("pid").display(),
        folders.concat(),
    );
    let config = folder.join("nginx.conf");
    fs::write(&config, whole).expect("a file");
    let mut command = service("NGINX", "nginx", "nginx-light");
    command.arg("-p").arg(folder).arg("-c").arg(config);
    command
}

/// A program that stands where the paths of ordinary users do not lead, or the one that a variable names.
fn service(variable: &str, name: &str, package: &str) -> Command {
    let path = format!("/usr/sbin/{name}");
    let path = std::env::var(variable).unwrap_or(path);
    assert!(
        Path::new(&path).exists(),
        "{path} is missing: install it with 'apt-get install {package}', or set {variable}"
    );
    Command::new(path)
}
