//! What strangers may take: connections in all and by address, time, file descriptors.

use harness::client::{Client, connect_from};
use harness::eventually;
use harness::process::built;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Whether a request is answered, and not only the connection closed.
fn is_answered(mut stream: TcpStream) -> bool {
    let _ = stream.write_all(HEALTH);
    let mut answer = String::new();
    // A connection that is closed before it is read ends with a reset.
    let _ = stream.read_to_string(&mut answer);
    answer.starts_with("HTTP/1.1 200")
}

/// The end of a connection; what came before it.
fn end_of(mut stream: TcpStream) -> Vec<u8> {
    let mut came = Vec::new();
    match stream.read_to_end(&mut came) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            panic!("the connection did not end; came: {}", came.len())
        }
        _ => came,
    }
}

const HERE: [u8; 4] = [127, 0, 0, 1];
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

#[test]
fn an_address_has_so_many_connections_and_others_have_theirs() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--max-per-address", "5"]);
    let refused = || proxy.metric("roomcast_connections_refused_by_address_total");
    // The harness' own connection may not be forgotten yet.
    eventually("a place is free", || {
        is_answered(connect_from(HERE, proxy.port)).then_some(())
    });
    let mut people: Vec<Client> = (0..3)
        .map(|i| Client::login(proxy.port, "r", &format!("p{i}")))
        .collect();
    let mut idle = Vec::new();
    eventually("the address has all that it may have", || {
        idle.push(connect_from(HERE, proxy.port));
        (refused() > 0).then_some(())
    });
    assert!(!is_answered(connect_from(HERE, proxy.port)));
    assert!(is_answered(connect_from(ELSEWHERE, proxy.port)));
    drop(idle);
    drop(people.pop());
    eventually("places are free again", || {
        is_answered(connect_from(HERE, proxy.port)).then_some(())
    });
}

#[test]
fn whoever_does_not_ask_or_does_not_read_is_let_go() {
    let redis = Redis::start();
    let times = ["--handshake-timeout", "500ms", "--http-timeout", "1s"];
    let proxy = Proxy::with(&redis, &times);
    let silent = connect_from(HERE, proxy.port);
    let mut half = connect_from(HERE, proxy.port);
    half.write_all(b"GET / HTTP/1.1\r\nHost: local")
        .expect("half a request");
    let mut stays = connect_from(HERE, proxy.port);
    stays
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("a request");
    let files = || {
        let files = std::fs::read_dir(format!("/proc/{}/fd", proxy.process().pid()));
        files.expect("a process").count()
    };
    let before = files();
    let request = b"GET /room.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let deaf: Vec<TcpStream> = (0..5).map(|_| connect_from(HERE, proxy.port)).collect();
    for mut stream in &deaf {
        // It is not read any more when nothing of the answers is.
        stream.set_nonblocking(true).expect("no waiting");
        let _ = stream.write(&request.repeat(200));
    }
    let mut person = Client::login(proxy.port, "r", "a");
    assert!(end_of(silent).is_empty());
    end_of(half);
    assert!(end_of(stays).starts_with(b"HTTP/1.1 200"));
    let unfinished = proxy.metric("roomcast_requests_unfinished_total");
    assert!(unfinished >= 2, "{unfinished}");
    eventually("the deaf ones are let go", || {
        (files() <= before + 1).then_some(())
    });
    drop(deaf);
    // A WebSocket is none of theirs.
    person.say("still here");
    person.messages_until("still here");
}

#[test]
fn whoever_does_not_log_in_is_let_go() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--login-timeout", "1s"]);
    let mut person = Client::login(proxy.port, "r", "a");
    let mut stranger = Client::connect(proxy.port);
    // Bad events and signs of life are no login.
    stranger.send_text("nonsense");
    assert_eq!(stranger.closed(), 4004);
    assert_eq!(proxy.metric("roomcast_logins_missed_total"), 1);
    person.say("still here");
    person.messages_until("still here");
}

#[test]
fn whoever_sends_but_never_reads_is_let_go() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--write-timeout", "1s", "--max-rate", "100000"]);
    let mut deaf = Client::login(proxy.port, "r", "deaf");
    let mut person = Client::login(proxy.port, "r", "a");
    let unread = || proxy.metric("roomcast_unread_connections_total");
    let text = "x".repeat(30_000);
    for i in 0..400 {
        person.say(&format!("{i} {text}"));
        person.messages_until(&format!("{i} {text}"));
    }
    // Its events are signs of life, and do not help.
    person.serve_until("the deaf one is let go", || {
        deaf.send_if_open(&json!({"event": "typing"}));
        unread() == 1
    });
    person.say("still here");
    person.messages_until("still here");
}

#[test]
fn a_message_without_an_end_is_not_waited_for() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--message-timeout", "1s", "--dead-after", "5m"]);
    let mut person = Client::login(proxy.port, "r", "a");
    // The first fragment of a text, and pongs as signs of life.
    let (first, pong) = (b"\x01\x81\0\0\0\0{", b"\x8a\x80\0\0\0\0");
    let mut endless = Client::login(proxy.port, "r", "endless");
    endless.send_raw(first);
    let unfinished = || proxy.metric("roomcast_unfinished_messages_total");
    person.serve_until("it is let go", || {
        endless.send_raw(pong);
        unfinished() == 1
    });
    assert_eq!(endless.closed(), 4001);
    person.say("still here");
    person.messages_until("still here");
}

#[test]
fn the_admin_port_has_its_own_few_places() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    // More than one address may have.
    let held: Vec<TcpStream> = (0..20).map(|_| connect_from(HERE, proxy.admin)).collect();
    eventually("some are refused", || {
        let mut stream = connect_from(HERE, proxy.admin);
        let _ = stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.is_empty().then_some(())
    });
    let mut other = connect_from(ELSEWHERE, proxy.admin);
    other
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    other.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("roomcast_connections "), "{answer}");
    drop(held);
}

/// The proxy, started by a shell that sets its limit of files.
fn limited(folder: &Path, line: &str) -> PathBuf {
    let path = folder.join("limited-proxy");
    let program = built("ROOMCAST_PROXY", "roomcast-proxy");
    let script = format!(
        "#!/bin/sh\nulimit {line}\nexec {} \"$@\"\n",
        program.display()
    );
    std::fs::write(&path, script).expect("a script");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a program");
    path
}

#[test]
fn the_limit_of_files_is_raised_and_too_few_are_told() {
    let redis = Redis::start();
    let folder = tempfile::tempdir().expect("a folder");
    let soft = limited(folder.path(), "-Sn 256");
    let proxy = Proxy::of(&soft, &redis.url(), &["--max-connections", "100"]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", proxy.process().pid()));
    let limits = limits.expect("its limits");
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let files: Vec<&str> = files.unwrap_or_default().split_whitespace().collect();
    assert!(
        files.len() > 4 && files[3] == files[4] && files[3] != "256",
        "{files:?}"
    );
    let tells = |proxy: &Proxy| {
        proxy
            .process()
            .printed()
            .contains("fewer than --max-connections")
    };
    assert!(!tells(&proxy));
    let hard = limited(folder.path(), "-n 256");
    let proxy = Proxy::of(&hard, &redis.url(), &["--max-connections", "1000"]);
    assert!(tells(&proxy));
}
