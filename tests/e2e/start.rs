//! How a proxy begins, or says why it does not: options, what is wrong with a Redis, and what must never be shown.

use harness::process::{self, Process, built, free_port, installed};
use harness::redis::Redis;
use harness::value::ok;
use serde_json::Value;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Written in addresses, and never shown.
const SECRET: &str = "s3cr%45t";
/// The same as Redis is given it.
const PLAIN: &str = "s3crEt";

fn run(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(built("ROOMCAST_PROXY", "roomcast-proxy"));
    command
        .args(args)
        .args(["--listen", "127.0.0.1:0", "--redis-wait", "300ms"])
        .envs(variables.iter().copied())
        .env("RUST_LOG", "debug");
    process::run(command)
}

/// It ends with this code and says all of this, and no secret.
pub(crate) fn fails(args: &[&str], variables: &[(&str, &str)], code: i32, parts: &[&str]) {
    let output = run(args, variables);
    let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{args:?} lacks {part}: {said}");
    }
    for secret in [SECRET, PLAIN] {
        assert!(!said.contains(secret), "{args:?} shows a secret: {said}");
    }
}

fn redis_fails(url: &str, parts: &[&str]) {
    fails(&["--redis", url], &[], 3, parts);
    // By the variable it is the same.
    fails(&[], &[("ROOMCAST_REDIS", url)], 3, parts);
}

#[test]
fn what_is_wrong_with_redis_is_said_in_a_sentence_without_secrets() {
    let redis = Redis::start();
    let at = format!("127.0.0.1:{}", redis.port);
    let mut c = redis.connect();
    ok(
        &mut c,
        &format!("ACL SETUSER some on >{PLAIN} ~room:* &room:* +ping +hello"),
    );
    ok(&mut c, "ACL SETUSER right on >other ~* &* +@all");
    let not_in = "does not let this proxy in";
    redis_fails(&format!("redis://right:{SECRET}@{at}"), &[not_in, &at]);
    redis_fails(&format!("redis://nobody:{SECRET}@{at}"), &[not_in]);
    redis_fails(&format!("redis://some:{SECRET}@{at}"), &[not_in, "NOPERM"]);
    let nobody = format!("127.0.0.1:{}", free_port());
    redis_fails(
        &format!("redis://some:{SECRET}@{nobody}"),
        &["cannot be reached", &nobody, "Is it running?"],
    );
    redis_fails(
        &format!("unix:///nowhere/r.sock?user=some&pass={SECRET}"),
        &["cannot be reached", "unix:///nowhere/r.sock"],
    );
    for unreadable in [
        format!("some:{SECRET}@{at}"),
        format!("redis://some:{SECRET}@{at}/db"),
        format!("http://some:{SECRET}@{at}"),
        format!("redis://some:{SECRET}@127.0.0.1:port"),
        format!("unix://?pass={SECRET}#"),
    ] {
        redis_fails(&unreadable, &["redis://host:6379"]);
    }
    redis_fails(&at, &["redis://host:6379", &at]);
}

#[test]
fn a_redis_that_wants_a_password_says_so() {
    let redis = Redis::start();
    ok(
        &mut redis.connect(),
        &format!("CONFIG SET requirepass {PLAIN}"),
    );
    let at = format!("127.0.0.1:{}", redis.port);
    let not_in = "does not let this proxy in";
    redis_fails(
        &format!("redis://{at}"),
        &[not_in, "redis://name:password@host"],
    );
    redis_fails(&format!("redis://:{SECRET}x@{at}"), &[not_in]);
}

#[test]
fn a_server_in_cluster_mode_is_refused_in_a_sentence() {
    let redis = Redis::with(&["--save", "", "--cluster-enabled", "yes"]);
    redis_fails(
        &redis.url(),
        &["in cluster mode", "redis+cluster://host:port"],
    );
}

/// A redis-server without the module.
pub(crate) struct Bare {
    pub(crate) port: u16,
    _process: Process,
    _folder: TempDir,
}

impl Bare {
    pub(crate) fn start(options: &[&str]) -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = installed("REDIS_SERVER", "redis-server", "redis-server");
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--dir"])
            .arg(folder.path())
            .args(options);
        let mut process = Process::start(command, &folder.path().join("log"));
        assert_eq!(process.listens_or_ends(&[port]), Ok(()));
        Self {
            port,
            _process: process,
            _folder: folder,
        }
    }
}

#[test]
fn a_redis_without_the_module_is_named() {
    let bare = Bare::start(&[]);
    let url = format!("redis://127.0.0.1:{}", bare.port);
    fails(&["--redis", &url], &[], 4, &["--loadmodule"]);
}

#[test]
fn addresses_are_not_shown_by_help_or_by_errors_of_options() {
    let url = format!("redis://some:{SECRET}@127.0.0.1:1");
    let variable = [("ROOMCAST_REDIS", url.as_str())];
    fails(&["--help"], &variable, 0, &["ROOMCAST_REDIS"]);
    fails(&["--version"], &variable, 0, &["roomcast-proxy"]);
    fails(&[&url], &[], 2, &["unexpected argument"]);
    fails(&["--lease", &url], &[], 2, &["--lease"]);
    fails(&[&format!("--lease={url}")], &[], 2, &["--lease"]);
    fails(&[], &[("ROOMCAST_LEASE", &url)], 2, &["--lease"]);
    fails(
        &["--redis", &url, "--outbox", "many"],
        &[],
        2,
        &["--outbox"],
    );
}

#[test]
fn options_that_cannot_work_are_refused_with_a_sentence() {
    for (args, part) in [
        (
            &["--heartbeat", "60s"][..],
            "--heartbeat must be shorter than --dead-after",
        ),
        (&["--heartbeat", "45s"], "shorter than --dead-after"),
        (&["--dead-after", "20s"], "shorter than --dead-after"),
        (&["--lease", "50ms"], "--lease is at least 500ms"),
        (&["--origins", "https://a.org/"], "without a slash"),
        (&["--origins", "https://a.org, https://b.org"], "a blank"),
        (&["--origins", "https://a.org,,https://b.org"], "is empty"),
        (&["--origins", ""], "is empty"),
        (&["--workers", "0"], "--workers is at least 1"),
        (&["--max-event", "0"], "--max-event is at least"),
    ] {
        fails(args, &[], 2, &[part]);
    }
    fails(
        &[],
        &[("ROOMCAST_ORIGINS", "")],
        2,
        &["--origins", "is empty"],
    );
    fails(&[], &[("ROOMCAST_HEARTBEAT", "1h")], 2, &["--dead-after"]);
    fails(&[], &[("ROOMCAST_LEASE", "")], 2, &["--lease"]);
}

#[test]
fn logs_are_json_where_that_is_wanted() {
    for wanted in ["1", "true"] {
        // What is merely unwise is a warning, and Redis is not there.
        let nobody = format!("redis://127.0.0.1:{}", free_port());
        let args = ["--redis", &nobody, "--lease", "2s"];
        let output = run(&args, &[("ROOMCAST_LOG_JSON", wanted)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let first = said.lines().next().unwrap_or_default();
        let line: Value = serde_json::from_str(first).unwrap_or_else(|_| panic!("{said}"));
        assert_eq!(line["level"], "WARN", "{said}");
        let message = line["fields"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("--lease is shorter than"), "{said}");
    }
}
