//! The admin page: who sees it, what it says, and what that costs Redis.

use crate::api::keys;
use harness::client::Client;
use harness::eventually::eventually;
use harness::http::{Answer, Http, KEY, encoded};
use harness::process::{self, built, free_port};
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::shards::Shards;
use harness::value::ok;
use serde_json::{Value, json};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

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

/// A request with this method, `Host` and more headers.
fn ask(port: u16, method: &str, path: &str, host: &str, headers: &[&str]) -> Answer {
    let mut http = Http::to(port);
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n");
    for header in headers {
        head += &format!("{header}\r\n");
    }
    http.send(format!("{head}\r\n").as_bytes());
    http.answer(method == "HEAD").expect("an answer")
}

fn get(proxy: &Proxy, path: &str) -> Answer {
    ask(proxy.admin, "GET", path, "localhost", &[])
}

fn data(proxy: &Proxy, path: &str) -> Value {
    let answer = get(proxy, path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

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
    fails(&["--admin-listen", "0.0.0.0:0"], "give --admin-key-file");
    fails(&["--admin-listen", "[::]:0"], "no loopback address");
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

    let at = format!("0.0.0.0:{}", free_port());
    let port: u16 = at
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("a port");
    let mut command = Command::new(built("ROOMCAST_PROXY", "roomcast-proxy"));
    let listen = format!("127.0.0.1:{}", free_port());
    command
        .args(["--listen", &listen, "--redis", &redis.url()])
        .args(["--admin-listen", &at, "--admin-key-file", &file]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut proxy = process::Process::start(command, &folder.path().join("log"));
    proxy.listens_or_ends(&[port]).expect("it begins");
    eventually("it serves", || {
        let stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok();
        stream.map(drop)
    });
    let bearer = format!("Authorization: Bearer {KEY}");
    assert_eq!(ask(port, "GET", "/", "proxy.example", &[]).status, 401);
    assert_eq!(
        ask(port, "GET", "/", "proxy.example", &[&bearer]).status,
        200
    );
    assert_eq!(
        ask(port, "GET", "/metrics", "proxy.example", &[]).status,
        200
    );
    proxy.stop();
}

#[test]
fn it_says_what_waits_for_whom_and_what_became_of_a_message() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut operator = redis.connect();
    let odd = "<img onerror=alert(1)>";
    for words in [
        "ROOM.INVITE room:lobby ann bob",
        "ROOM.PUBLISH room:lobby ann one",
        "ROOM.PUBLISH room:lobby ann secret-words",
        "ROOM.INVITE room:quiet cleo",
        "SET room:no-room x",
        "SET other x",
        "XADD roomcast:bans * uid mallory room lobby reason spam",
    ] {
        ok(&mut operator, words);
    }
    let mut names = redis::cmd("ROOM.INVITE");
    names
        .arg(format!("room:{odd}"))
        .arg("<b>me</b>".replace(' ', ""));
    names.exec(&mut operator).expect("a member");
    let mut said = redis::cmd("ROOM.PUBLISH");
    said.arg(format!("room:{odd}"))
        .arg("x")
        .arg("y")
        .exec(&mut operator)
        .expect("a message");
    let mut bytes = redis::cmd("SET");
    bytes
        .arg(&b"room:\xff\xfe"[..])
        .arg("x")
        .exec(&mut operator)
        .expect("a key of bytes");

    let scan = eventually("the walk is at its end", || {
        let scan = data(&proxy, "/data/scan");
        scan["done"]
            .is_object()
            .then(|| scan["done"]["found"].clone())
    });
    // Three rooms, two strings, a key of bytes, the bans.
    assert_eq!(
        (&scan["rooms"], &scan["seen"], &scan["failed"]),
        (&json!(3), &json!(7), &json!(0))
    );
    let rooms: Vec<(&str, u64)> = scan["by_lag"]
        .as_array()
        .expect("rooms")
        .iter()
        .map(|row| {
            (
                row["room"].as_str().expect("a name"),
                row["lag"].as_u64().expect("a number"),
            )
        })
        .collect();
    assert_eq!(rooms, [("lobby", 2), (odd, 1)]);
    let first = &scan["by_backlog"][0];
    assert_eq!(
        (&first["room"], &first["pending"]),
        (&json!("lobby"), &json!(2))
    );

    let room = data(&proxy, &format!("/data/room?room={}", encoded(odd)));
    assert_eq!(
        (&room["room"], &room["info"]["members"]),
        (&json!(odd), &json!(1))
    );
    assert!(room["info"]["limits"]["maxlen"].is_u64() && room["behind"].is_array());
    let member = get(&proxy, "/data/member?room=lobby&uid=bob");
    assert!(
        !member.body.contains("secret-words"),
        "the text is nobody's: {member:?}"
    );
    let member = member.json();
    assert_eq!(member["pending"]["pending"], 2);
    assert_eq!(member["queue"][1]["bytes"], "secret-words".len());
    let why = |uid: &str, seq: u64| {
        data(&proxy, &format!("/data/why?room=lobby&uid={uid}&seq={seq}"))["fate"].clone()
    };
    assert_eq!(
        (why("bob", 1), why("bob", 9)),
        (json!("waiting"), json!("not published"))
    );
    let bans = eventually("the ban is enforced", || {
        let bans = data(&proxy, "/data/bans");
        (bans["enforced"] == 1).then_some(bans)
    });
    assert_eq!(
        (&bans["bans"][0]["uid"], &bans["bans"][0]["room"]),
        (&json!("mallory"), &json!("lobby"))
    );
    let state = data(&proxy, "/data/state");
    assert_eq!(
        (&state["redis_up"], &state["nodes"][0]["linked"]),
        (&json!(true), &json!(true))
    );
    for (path, status, code) in [
        ("/data/room?room=none", 404, "NOROOM"),
        ("/data/room?room=no-room", 400, "WRONGTYPE"),
        ("/data/member?room=lobby&uid=nobody", 404, "NOMEMBER"),
        ("/data/member?room=lobby", 400, "BADUID"),
        ("/data/why?room=lobby&uid=bob&seq=x", 502, "ERR"),
    ] {
        let answer = get(&proxy, path);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (status, &json!(code)),
            "{path}"
        );
    }
    // An address with a password is shown without it.
    assert!(!state.to_string().contains("secret"));
}

/// How often Redis was asked for keys.
fn scans(redis: &Redis) -> u64 {
    let stats: String = redis.query(redis::cmd("INFO").arg("commandstats"));
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_scan:calls="));
    line.and_then(|line| line.split(',').next()?.parse().ok())
        .unwrap_or(0)
}

#[test]
fn the_walk_is_paced_shared_and_only_while_somebody_looks() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut operator = redis.connect();
    let mut pipe = redis::pipe();
    for n in 0..2500 {
        pipe.cmd("SET").arg(format!("key:{n}")).arg(n);
    }
    pipe.exec(&mut operator).expect("keys");
    sleep(Duration::from_millis(500));
    assert_eq!(scans(&redis), 0, "nobody looks");
    let began = Instant::now();
    let mut last = 0;
    loop {
        // Several who look are one walk.
        let looks: Vec<Value> = (0..3).map(|_| data(&proxy, "/data/scan")).collect();
        if looks[2]["done"].is_object() {
            break;
        }
        let seen = looks[2]["walking"]["seen"].as_u64().unwrap_or(last);
        assert!(seen >= last, "{seen} after {last}");
        last = seen;
        let most = began.elapsed().as_millis() as u64 / 2 + 100;
        assert!(seen <= most, "{seen} keys in {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(60), "{looks:?}");
        sleep(Duration::from_millis(100));
    }
    assert!(
        began.elapsed() >= Duration::from_millis(4500),
        "{:?}",
        began.elapsed()
    );
    assert!(last > 500, "it tells how far it is");
    let calls = scans(&redis);
    assert!((45..200).contains(&calls), "{calls}");
    // The next one begins later, and not where nobody looks.
    sleep(Duration::from_secs(2));
    assert_eq!(scans(&redis), calls);
}

#[test]
fn a_walk_stops_when_nobody_looks_and_goes_on_where_it_was() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut operator = redis.connect();
    let mut pipe = redis::pipe();
    for n in 0..20_000 {
        pipe.cmd("SET").arg(format!("key:{n}")).arg(n);
    }
    pipe.exec(&mut operator).expect("keys");
    data(&proxy, "/data/scan");
    let looked = Instant::now();
    let mut before = 0;
    let stopped = eventually_slowly(|| {
        let now = scans(&redis);
        let still = now == before;
        before = now;
        (still && now > 0).then_some(now)
    });
    let took = looked.elapsed();
    assert!((9..16).contains(&took.as_secs()), "{took:?}");
    // 500 a second for ten seconds.
    assert!((60..=115).contains(&stopped), "{stopped}");
    let seen = data(&proxy, "/data/scan")["walking"]["seen"]
        .as_u64()
        .expect("a number");
    assert!(
        seen >= stopped * 40,
        "it goes on where it was: {seen} of {stopped}"
    );
}

/// Looks once a second, for half a minute.
fn eventually_slowly<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..30 {
        sleep(Duration::from_secs(1));
        if let Some(found) = look() {
            return found;
        }
    }
    panic!("not within half a minute")
}

#[test]
fn in_a_cluster_every_primary_is_walked_over() {
    let shards = Shards::start(2, &["--save", ""]);
    let proxy = Proxy::to(&shards.url(), &[]);
    for n in 0..20 {
        Client::login(proxy.port, &format!("room{n}"), "ann").say("hello");
    }
    let scan = eventually("the walk is at its end, with all rooms", || {
        let scan = data(&proxy, "/data/scan");
        scan["done"]
            .is_object()
            .then(|| scan["done"]["found"].clone())
    });
    assert_eq!((&scan["rooms"], &scan["failed"]), (&json!(20), &json!(0)));
    let state = data(&proxy, "/data/state");
    let nodes = state["nodes"].as_array().expect("nodes");
    let slots: u64 = nodes.iter().filter_map(|node| node["slots"].as_u64()).sum();
    assert_eq!((nodes.len(), slots), (2, 16_384));
    assert!(nodes.iter().all(|node| node["linked"] == true), "{state}");
}
