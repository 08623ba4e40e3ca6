//! Bans in the stream `roomcast:bans`: who is banned goes, and does not come back before the ban is over.

use harness::client::{Client, texts};
use harness::eventually;
use harness::process::{Process, built, free_port};
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{field, int, list, ok, text};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Adds an entry; its id.
fn ban(redis: &Redis, fields: &str) -> String {
    text(&ok(
        &mut redis.connect(),
        &format!("XADD roomcast:bans * {fields}"),
    ))
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_millis() as u64
}

/// What comes of a login: nothing, or the code of an error.
fn tries(port: u16, roomid: &str, uid: &str) -> Option<String> {
    let mut client = Client::connect(port);
    client.send(&json!({"event": "login", "roomid": roomid, "uid": uid}));
    let answer = client.find("an answer", |event| {
        ["synced", "error", "kicked"]
            .iter()
            .any(|name| event["event"] == *name)
    });
    // The proxy may learn of the ban while the login is under way.
    let code = match answer["event"] == "kicked" {
        true => "BANNED",
        false => answer["code"].as_str()?,
    };
    Some(code.to_owned())
}

fn is_banned(port: u16, uid: &str) -> bool {
    match tries(port, "lobby", uid).as_deref() {
        Some("BANNED") => true,
        Some(code) => panic!("{code}"),
        None => false,
    }
}

fn eventually_banned(port: u16, uid: &str, banned: bool) {
    let what = format!("whether {uid} is banned is {banned}");
    eventually(&what, || (is_banned(port, uid) == banned).then_some(()));
}

fn is_member(redis: &Redis, uid: &str) -> bool {
    let page = ok(&mut redis.connect(), "ROOM.MEMBERS room:lobby");
    let rows = list(&list(&page)[1]).to_vec();
    rows.iter().any(|row| text(&list(row)[0]) == uid)
}

#[test]
fn a_banned_uid_is_told_and_closed_on_every_proxy_within_a_second() {
    let redis = Redis::start();
    let proxies = [Proxy::start(&redis), Proxy::start(&redis)];
    let mut ann = Client::login(proxies[0].port, "lobby", "ann");
    // A machine that stands still for a moment is not the proxy's doing: the best of three counts.
    let took = |uid: &str| {
        let login = |proxy: &Proxy| Client::login(proxy.port, "lobby", uid);
        let mut here: Vec<Client> = proxies.iter().map(login).collect();
        here[1].send(&json!({"event": "login", "roomid": "lounge", "uid": uid}));
        here[1].wait("synced");
        let began = Instant::now();
        ban(&redis, &format!("uid {uid} reason spam"));
        for (client, rooms) in here.iter_mut().zip([&["lobby"][..], &["lobby", "lounge"]]) {
            for roomid in rooms {
                let kicked = client.wait("kicked");
                assert_eq!(kicked["roomid"], *roomid);
                assert_eq!(
                    (&kicked["uid"], &kicked["reason"], &kicked["until"]),
                    (&uid.into(), &"spam".into(), &Value::Null)
                );
            }
            assert_eq!(client.closed(), 4104);
        }
        began.elapsed()
    };
    let took = ["eve", "mallory", "trudy"].map(took);
    let best = took.iter().min().expect("three");
    assert!(*best < Duration::from_secs(1), "{took:?}");
    // The others see them go, and nothing else.
    let went = |event: &Value| event["event"] == "logout" && event["uid"] == "trudy";
    ann.find("trudy went", went);
    ann.say("quiet now");
    assert_eq!(texts(&ann.messages_until("quiet now")), ["quiet now"]);
    for proxy in &proxies {
        let mut back = Client::connect(proxy.port);
        back.send(&json!({"event": "login", "roomid": "lobby", "uid": "mallory"}));
        let error = back.wait("error");
        assert_eq!(
            (&error["code"], &error["of"]),
            (&"BANNED".into(), &"login".into())
        );
        assert_eq!(error["message"], "uid 'mallory' is banned: spam");
        assert_eq!(back.closed(), 4104);
        assert_eq!(proxy.metric("roomcast_bans"), 3);
    }
    // The membership stays until it is ended, and so does what waits.
    assert!(is_member(&redis, "mallory"));
    let waits = ok(&mut redis.connect(), "ROOM.PENDING room:lobby mallory");
    assert_eq!(int(&field(&waits, "pending")), 1);
    ok(&mut redis.connect(), "ROOM.LEAVE room:lobby mallory");
    assert!(!is_member(&redis, "mallory"));
}

#[test]
fn a_ban_of_a_room_ends_that_room_only() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut bob = Client::login(proxy.port, "lobby", "bob");
    bob.send(&json!({"event": "login", "roomid": "lounge", "uid": "bob"}));
    bob.wait("synced");
    let mut ann = Client::login(proxy.port, "lobby", "ann");
    let until = unix_ms() + 3_600_000;
    ban(&redis, &format!("uid bob room lobby until {until}"));
    let kicked = bob.wait("kicked");
    assert_eq!(
        (&kicked["roomid"], &kicked["until"]),
        (&"lobby".into(), &until.into())
    );
    ann.say("without bob");
    ann.messages_until("without bob");
    // The other room goes on; this one does not take him back, and the socket lives.
    bob.send(&json!({"event": "message", "roomid": "lounge", "message": "still here"}));
    assert_eq!(texts(&bob.messages_until("still here")), ["still here"]);
    bob.send(&json!({"event": "message", "roomid": "lobby", "message": "and here"}));
    assert_eq!(bob.wait("error")["code"], "NOLOGIN");
    bob.send(&json!({"event": "login", "roomid": "lobby", "uid": "bob"}));
    let error = bob.wait("error");
    assert_eq!(
        (&error["code"], &error["roomid"]),
        (&"BANNED".into(), &"lobby".into())
    );
    bob.say("here I am");
    assert_eq!(bob.messages_until("here I am")[0]["roomid"], "lounge");
    assert!(is_member(&redis, "bob"));
    assert_eq!(
        ok(&mut redis.connect(), "ROOM.LEAVE room:lobby bob"),
        redis::Value::Int(1)
    );
}

#[test]
fn a_ban_ends_by_time_and_by_another_word() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let until = unix_ms() + 3_000;
    ban(&redis, &format!("uid bob until {until}"));
    eventually_banned(proxy.port, "bob", true);
    // No entry says that it is over.
    eventually_banned(proxy.port, "bob", false);
    assert!(unix_ms() >= until, "not before its time");
    eventually("it is not held any more", || {
        (proxy.metric("roomcast_bans") == 0).then_some(())
    });
    ban(&redis, "uid bob reason again");
    eventually_banned(proxy.port, "bob", true);
    ban(&redis, "uid bob until 0");
    eventually_banned(proxy.port, "bob", false);
    // One that is over already bans nobody.
    ban(&redis, &format!("uid bob until {until}"));
    ban(&redis, "uid mark");
    eventually_banned(proxy.port, "mark", true);
    assert!(!is_banned(proxy.port, "bob"));
}

#[test]
fn what_is_taken_out_of_the_stream_bans_nobody() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut c = redis.connect();
    for uid in ["a", "b", "c"] {
        ban(&redis, &format!("uid {uid}"));
    }
    eventually_banned(proxy.port, "c", true);
    assert!(is_banned(proxy.port, "a"));
    // The oldest is trimmed while another one comes: the stream is as long as before.
    ok(&mut c, "XADD roomcast:bans MAXLEN 3 * uid d");
    eventually_banned(proxy.port, "a", false);
    assert!(is_banned(proxy.port, "b") && is_banned(proxy.port, "d"));
    let id = ban(&redis, "uid e");
    eventually_banned(proxy.port, "e", true);
    ok(&mut c, &format!("XDEL roomcast:bans {id}"));
    eventually_banned(proxy.port, "e", false);
    assert!(is_banned(proxy.port, "d"));
    // Another stream of as many entries takes its place at once.
    for command in [
        "MULTI",
        "DEL roomcast:bans",
        "XADD roomcast:bans * uid x",
        "XADD roomcast:bans * uid y",
    ] {
        ok(&mut c, command);
    }
    ok(&mut c, "XADD roomcast:bans * uid z");
    ok(&mut c, "EXEC");
    eventually_banned(proxy.port, "d", false);
    assert!(is_banned(proxy.port, "x") && is_banned(proxy.port, "z"));
    ok(&mut c, "DEL roomcast:bans");
    eventually_banned(proxy.port, "x", false);
    // What is no stream says nothing: the last list holds.
    ban(&redis, "uid x");
    eventually_banned(proxy.port, "x", true);
    for command in ["MULTI", "DEL roomcast:bans", "SET roomcast:bans 1", "EXEC"] {
        ok(&mut c, command);
    }
    eventually("the log tells of it", || {
        proxy
            .process()
            .printed()
            .contains("the bans stay as they were")
            .then_some(())
    });
    assert!(is_banned(proxy.port, "x"));
}

#[test]
fn bans_hold_while_redis_is_away_after_a_relink_and_after_a_restart() {
    let mut redis = Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let proxy = Proxy::start(&redis);
    ban(&redis, "uid mallory");
    eventually_banned(proxy.port, "mallory", true);
    redis.stop();
    proxy.becomes_ready(false);
    assert!(is_banned(proxy.port, "mallory"));
    assert_eq!(
        tries(proxy.port, "lobby", "ann").as_deref(),
        Some("UNAVAILABLE")
    );
    redis.start_again();
    proxy.becomes_ready(true);
    let mut ann = Client::login(proxy.port, "lobby", "ann");
    assert!(is_banned(proxy.port, "mallory"));
    // What is said while the link is cut is heard of: a ban, and the end of one.
    let mut c = redis.connect();
    for command in [
        "MULTI",
        "CLIENT KILL TYPE normal SKIPME yes",
        "XADD roomcast:bans * uid mallory until 0",
        "XADD roomcast:bans * uid ann",
        "EXEC",
    ] {
        ok(&mut c, command);
    }
    assert_eq!(ann.closed(), 4104);
    eventually("mallory may come again", || {
        tries(proxy.port, "lobby", "mallory")
            .is_none()
            .then_some(())
    });
    // A proxy that begins knows it before it is ready.
    redis.restart();
    let new = Proxy::start(&redis);
    assert!(is_banned(new.port, "ann"));
    eventually_banned(proxy.port, "ann", true);
}

#[test]
fn a_long_stream_is_read_whole_and_what_is_not_understood_is_passed_over() {
    let redis = Redis::start();
    let mut pipe = redis::pipe();
    for n in 0..1_201 {
        let mut add = redis::cmd("XADD");
        add.arg("roomcast:bans").arg("*");
        // Every third one is no ban.
        match n % 3 {
            0 => add.arg("uid").arg(format!("u{n}")),
            1 => add.arg("user").arg("u"),
            _ => add.arg("uid").arg("u").arg("until").arg("soon"),
        };
        pipe.add_command(add).ignore();
    }
    pipe.query::<()>(&mut redis.connect()).expect("entries");
    let proxy = Proxy::start(&redis);
    assert!(is_banned(proxy.port, "u0") && is_banned(proxy.port, "u1200"));
    assert!(!is_banned(proxy.port, "u1"));
    assert_eq!(proxy.metric("roomcast_bans"), 401);
    assert_eq!(proxy.metric("roomcast_bans_left_out"), 800);
    eventually("the log tells of it", || {
        let printed = proxy.process().printed();
        printed.contains("is passed over").then_some(())
    });
    // As many are added later, in one step.
    pipe.atomic()
        .query::<()>(&mut redis.connect())
        .expect("entries");
    ban(&redis, "uid last");
    eventually_banned(proxy.port, "last", true);
    assert_eq!(proxy.metric("roomcast_bans"), 402);
    assert_eq!(proxy.metric("roomcast_bans_left_out"), 1_600);
}

#[test]
fn there_are_at_most_so_many() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--max-bans", "2"]);
    for uid in ["a", "b", "c"] {
        ban(&redis, &format!("uid {uid}"));
    }
    eventually("one is left out", || {
        (proxy.metric("roomcast_bans_left_out") == 1).then_some(())
    });
    assert_eq!(proxy.metric("roomcast_bans"), 2);
    assert!(is_banned(proxy.port, "b") && !is_banned(proxy.port, "c"));
    eventually("the log tells of it", || {
        proxy
            .process()
            .printed()
            .contains("more bans than --max-bans")
            .then_some(())
    });
}

/// The answer to a GET of a proxy that need not be ready.
fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn a_proxy_that_may_not_read_the_bans_is_not_ready_and_says_why() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ACL SETUSER old on >secret ~room:* &room:* +@all");
    let port = free_port();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(built("ROOMCAST_PROXY", "roomcast-proxy"));
    command
        .args(["--listen", &format!("127.0.0.1:{port}"), "--redis"])
        .arg(format!("redis://old:secret@127.0.0.1:{}", redis.port));
    let proxy = Process::start(command, &folder.path().join("log"));
    eventually("the log tells of it", || {
        let printed = proxy.printed();
        (printed.contains("roomcast:bans cannot be read") && printed.contains("NOPERM"))
            .then_some(())
    });
    let answer = get(port, "/readyz").expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("bans"),
        "{answer}"
    );
    ok(&mut c, "ACL SETUSER old %R~roomcast:bans");
    eventually("it is ready", || {
        get(port, "/readyz")?
            .starts_with("HTTP/1.1 200")
            .then_some(())
    });
}
