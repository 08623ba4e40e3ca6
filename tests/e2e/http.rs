//! HTTP on the proxy's port, its options and its exit codes.

use harness::process::{self, built, free_port};
use harness::proxy::Proxy;
use harness::redis::Redis;
use std::process::{Command, Output};

#[test]
fn pages_and_health() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    for (path, status, part) in [
        ("/", "200", "<title>Roomcast</title>"),
        ("/?uid=a", "200", "<title>Roomcast</title>"),
        ("/room.js", "200", " as connect}"),
        ("/room.d.ts", "200", "export interface Room"),
        ("/healthz", "200", "ok"),
        ("/readyz", "200", "ready"),
        ("/ws", "426", ""),
        ("/nothing", "404", ""),
    ] {
        let answer = proxy.get(path);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(part),
            "{path}: {answer}"
        );
    }
    assert_eq!(proxy.metric("roomcast_redis_up"), 1);
}

#[test]
fn it_listens_where_it_is_told() {
    let redis = Redis::start();
    for listen in ["127.0.0.1", "127.0.0.2", "0.0.0.0"] {
        let at = format!("{listen}:{}", free_port());
        let at = at.parse().expect("an address");
        let proxy = Proxy::at(at, &redis.url(), &["--open"]);
        let answer = proxy.get("/healthz");
        assert!(answer.starts_with("HTTP/1.1 200"), "{at}: {answer}");
    }
}

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(built("ROOMCAST_PROXY", "roomcast-proxy"));
    command.args(args);
    process::run(command)
}

#[test]
fn help_and_failures_are_sentences_with_exit_codes() {
    let help = run(&["--help"]);
    let text = String::from_utf8_lossy(&help.stdout);
    assert!(help.status.success());
    for part in [
        "--listen",
        "--redis",
        "--key-prefix",
        "ROOMCAST_LISTEN",
        "Exit codes",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let nobody = format!("redis://127.0.0.1:{}", free_port());
    let listen = "127.0.0.1:0";
    let fails = |args: &[&str], code: i32, part: &str| {
        let output = run(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    };
    fails(
        &[
            "--redis",
            &nobody,
            "--redis-wait",
            "200ms",
            "--listen",
            listen,
        ],
        3,
        "Redis cannot be reached",
    );
    fails(
        &[
            "--redis",
            "nonsense",
            "--redis-wait",
            "100ms",
            "--listen",
            listen,
        ],
        3,
        "nonsense",
    );
    fails(&["--outbox", "many"], 2, "--outbox");
    fails(&["--lease", "5bananas"], 2, "no unit of time");
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    fails(
        &["--listen", &format!("127.0.0.1:{}", proxy.port)],
        5,
        "cannot be listened on",
    );
}
