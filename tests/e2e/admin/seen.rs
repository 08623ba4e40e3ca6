//! Who gets to see the page, and what it may do.

use super::{ask, get};
use crate::api::keys;
use harness::client::Client;
use harness::eventually::eventually;
use harness::http::KEY;
use harness::process::{self, built, free_port};
use harness::proxy::Proxy;
use harness::redis::Redis;
use std::process::Command;

const PAGES: [(&str, &str); 4] = [
    ("/", "text/html; charset=utf-8"),
    ("/admin.js", "text/javascript; charset=utf-8"),
    ("/admin.css", "text/css; charset=utf-8"),
    ("/icon.svg", "image/svg+xml"),
];
const DATA: [&str; 6] = [
    "/data/state",
    "/data/scan",
    "/data/bans",
    "/data/room?room=lobby",
    "/data/member?room=lobby&uid=ann",
    "/data/why?room=lobby&uid=ann&seq=1",
];

#[test]
fn the_page_is_whole_strict_and_reads_only() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    Client::login(proxy.port, "lobby", "ann").say("hello");
    for (path, kind) in PAGES {
        let answer = get(&proxy, path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some(kind)),
            "{path}"
        );
        // Nothing is loaded from elsewhere, and nothing runs that stands in the page itself.
        let own = answer.body.replace("http://www.w3.org/2000/svg", "");
        for part in [
            "://",
            "<style",
            " style=",
            " onclick",
            "javascript:",
            "innerHTML",
        ] {
            assert!(!own.contains(part), "{path}: {part}");
        }
        assert_eq!(
            own.matches("<script").count(),
            own.matches("<script src=").count()
        );
    }
    let answers = PAGES.iter().map(|page| page.0).chain(DATA);
    for path in answers.chain(["/nothing"]) {
        let answer = get(&proxy, path);
        let policy = answer.header("content-security-policy").unwrap_or_default();
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}: {name}");
        }
        assert_eq!(answer.status == 404, path == "/nothing", "{path}");
    }
    for path in ["/", "/data/scan", "/data/bans", "/metrics", "/admin.js"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = ask(proxy.admin, method, path, "localhost", &[]);
            assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
            assert!(answer.body.contains("only GET"), "{answer:?}");
        }
        assert_eq!(ask(proxy.admin, "HEAD", path, "localhost", &[]).status, 200);
    }
}

#[test]
fn on_loopback_it_is_for_this_machine() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    for path in ["/", "/data/scan", "/nothing"] {
        let look = |host: &str, headers: &[&str]| ask(proxy.admin, "GET", path, host, headers);
        for host in ["localhost", "127.0.0.1:9600", "[::1]", "LOCALHOST:1"] {
            assert_ne!(look(host, &[]).status, 421, "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:9600",
        ] {
            let answer = look(host, &[]);
            assert_eq!(answer.status, 421, "{host}");
            assert!(answer.body.contains("use localhost"), "{answer:?}");
        }
        for header in [
            "X-Forwarded-For: 10.0.0.1",
            "Via: 1.1 proxy",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-site",
        ] {
            assert_eq!(look("localhost", &[header]).status, 403, "{header}");
        }
        assert_ne!(
            look("localhost", &["Sec-Fetch-Site: same-origin"]).status,
            403
        );
    }
    // Whoever collects the metrics may do so by any name.
    assert_eq!(
        ask(proxy.admin, "GET", "/metrics", "evil.example", &[]).status,
        200
    );
}

#[test]
fn with_keys_the_page_asks_for_one_and_the_metrics_do_not() {
    let redis = Redis::start();
    let (_folder, file) = keys(KEY);
    let proxy = Proxy::with(&redis, &["--admin-key-file", &file]);
    let basic = |text: &str| {
        format!(
            "Authorization: Basic {}",
            data_encoding::BASE64.encode(text.as_bytes())
        )
    };
    let bearer = format!("Authorization: Bearer {KEY}");
    for path in ["/", "/admin.js", "/data/state", "/data/scan", "/nothing"] {
        let look = |headers: &[&str]| ask(proxy.admin, "GET", path, "localhost", headers);
        for wrong in [
            &[][..],
            &[basic("admin:wrong").as_str()],
            &[basic(KEY).as_str()],
            &["Authorization: Bearer wrong"],
        ] {
            let answer = look(wrong);
            assert_eq!(answer.status, 401, "{path} {wrong:?}");
            let asked = answer.header("www-authenticate").unwrap_or_default();
            assert!(asked.starts_with("Basic realm="), "{asked}");
        }
        for right in [&bearer, &basic(&format!("admin:{KEY}"))] {
            assert_ne!(look(&[right]).status, 401, "{path}");
        }
    }
    assert_eq!(get(&proxy, "/metrics").status, 200);
    // A key that is written into the file later is one.
    let other = "f".repeat(40);
    std::fs::write(&file, &other).expect("a file");
    let header = format!("Authorization: Bearer {other}");
    eventually("the file is read again", || {
        let answer = ask(proxy.admin, "GET", "/", "localhost", &[&header]);
        (answer.status == 200).then_some(())
    });
    assert_eq!(
        ask(proxy.admin, "GET", "/", "localhost", &[&bearer]).status,
        401
    );
}

#[test]
fn off_loopback_there_is_no_page_without_keys() {
    let redis = Redis::start();
    let (_folder, file) = keys(KEY);
    let (_folder, empty) = keys("");
    let fails = |args: &[&str], part: &str| {
        let mut command = Command::new(built("ROOMCAST_PROXY", "roomcast-proxy"));
        command
            .args(["--listen", "127.0.0.1:0", "--redis", &redis.url()])
            .args(args);
        let output = process::run(command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    };
    fails(
        &["--admin-key-file", &file],
        "--admin-listen, which is not given",
    );
    let here = ["--admin-listen", "127.0.0.1:0", "--admin-key-file"];
    fails(
        &[&here[..], &[empty.as_str()]].concat(),
        "there is no key in it",
    );
    fails(
        &[&here[..], &["/nowhere"]].concat(),
        "--admin-key-file: /nowhere",
    );

    let serves = |more: &[&str]| {
        let (listen, port) = (format!("127.0.0.1:{}", free_port()), free_port());
        let mut command = Command::new(built("ROOMCAST_PROXY", "roomcast-proxy"));
        command
            .args(["--listen", &listen, "--redis", &redis.url()])
            .args(["--admin-listen", &format!("0.0.0.0:{port}")])
            .args(more);
        let folder = tempfile::tempdir().expect("a folder");
        let mut proxy = process::Process::start(command, &folder.path().join("log"));
        proxy.listens_or_ends(&[port]).expect("it begins");
        eventually("it serves", || {
            let stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok();
            stream.map(drop)
        });
        (proxy, port, folder)
    };
    let bearer = format!("Authorization: Bearer {KEY}");
    let look = |port, path, header: &[&str]| ask(port, "GET", path, "proxy.example", header);
    let (mut without, port, _folder) = serves(&[]);
    let refused = look(port, "/", &[&bearer]);
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("--admin-key-file"), "{refused:?}");
    assert_eq!(look(port, "/data/state", &[]).status, 403);
    assert_eq!(look(port, "/metrics", &[]).status, 200);
    without.stop();
    let (mut with, port, _folder) = serves(&["--admin-key-file", &file]);
    assert_eq!(look(port, "/", &[]).status, 401);
    assert_eq!(look(port, "/", &[&bearer]).status, 200);
    assert_eq!(look(port, "/metrics", &[]).status, 200);
    with.stop();
}
