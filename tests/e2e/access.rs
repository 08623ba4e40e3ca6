//! A proxy with the rights that the documentation gives it, and no more.

use harness::client::{Client, texts};
use harness::connection::Connection;
use harness::eventually;
use harness::http::{Http, KEY};
use harness::process::built;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{err, ok, words};
use serde_json::{Value, json};
use std::process::Command;

const OPERATING: &str = include_str!("../../docs/operating.md");

/// The rule as somebody would paste it: one line.
pub(crate) fn documented_rule() -> &'static str {
    let mut lines = OPERATING.lines();
    let rule = lines.find(|line| line.trim_start().starts_with("ACL SETUSER proxy "));
    assert_eq!(lines.next(), Some(""), "the rule is one line");
    rule.expect("a rule in docs/operating.md").trim()
}

/// What the program prints for these options.
fn printed_rule(options: &[&str]) -> String {
    let program = built("ROOMCAST_PROXY", "roomcast-proxy");
    let mut command = Command::new(program);
    let out = command.arg("--print-acl").args(options).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn the_documented_acl_line_is_what_is_printed() {
    assert_eq!(printed_rule(&[]), documented_rule());
}

/// Where a Redis is, and the options of a proxy in front of it.
struct Set<'a> {
    /// The address of this Redis, which has this socket too.
    url: &'a (dyn Fn(&Redis, &str) -> String + Sync),
    db: i64,
    prefix: &'a str,
    more: &'a [&'a str],
    /// It has an admin page.
    page: bool,
}

#[test]
fn the_printed_acl_line_is_what_a_proxy_needs_and_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let password = folder.path().join("password");
    std::fs::write(&password, "secret\n").expect("a file");
    let password = password.to_str().expect("a path of text");
    let keys = folder.path().join("api-keys");
    std::fs::write(&keys, KEY).expect("a file");
    let keys = keys.to_str().expect("a path of text");
    let by_option = ["--redis-user", "ann", "--redis-password-file", password];
    let sets = [
        Set {
            url: &|redis, _| format!("redis://ann:secret@127.0.0.1:{}", redis.port),
            db: 0,
            prefix: "room:",
            more: &["--name", "one"],
            page: true,
        },
        Set {
            url: &|redis, _| format!("redis://ann:secret@127.0.0.1:{}/2", redis.port),
            db: 2,
            prefix: "a b[*]:",
            more: &["--workers", "2"],
            page: false,
        },
        Set {
            url: &|redis, _| format!("redis://ann:secret@127.0.0.1:{}", redis.port),
            db: 0,
            prefix: "room:",
            more: &["--api-key-file", keys],
            page: false,
        },
        Set {
            url: &|redis, _| format!("redis://127.0.0.1:{}", redis.port),
            db: 0,
            prefix: "räume\\",
            more: &by_option,
            page: false,
        },
        Set {
            url: &|_, socket| format!("unix://{socket}?user=ann&pass=secret&db=3"),
            db: 3,
            prefix: "'\"*?",
            more: &[],
            page: false,
        },
    ];
    std::thread::scope(|scope| {
        for (number, set) in sets.iter().enumerate() {
            let socket = folder.path().join(number.to_string());
            scope.spawn(move || {
                let socket = socket.to_str().expect("a path of text");
                let redis = Redis::with(&["--save", "", "--unixsocket", socket]);
                works_with_the_printed_acl_line(&redis, socket, set);
            });
        }
    });
}

/// A whole session: what it needs it may, and what it may it needs.
fn works_with_the_printed_acl_line(redis: &Redis, socket: &str, set: &Set<'_>) {
    let url = (set.url)(redis, socket);
    let options = [&["--key-prefix", set.prefix, "--lease", "1s"], set.more].concat();
    let page = ["--admin-listen", "127.0.0.1:1"];
    let page = if set.page { &page[..] } else { &[] };
    let rule = printed_rule(&[&options[..], &["--redis", &url], page].concat());
    let mut operator = redis.connect();
    ok(&mut operator, &rule);
    redis::cmd("SELECT")
        .arg(set.db)
        .exec(&mut operator)
        .expect("a database");
    ok(&mut operator, "CONFIG RESETSTAT");
    let proxy = Proxy::to(&url, &options);
    let room = format!("{}1", set.prefix);
    if set.more.contains(&"--api-key-file") {
        serves_backends(&proxy);
    }
    if set.page {
        Client::login(proxy.port, "1", "somebody").say("hello");
        is_looked_into(&proxy);
    }
    lives(redis, &mut operator, &proxy, &room);
    let refused = format!("{:?}", ok(&mut operator, "ACL LOG"));
    assert_eq!(
        refused, "array([])",
        "nothing that it does is refused: {rule}"
    );
    let permitted = rule.split(' ').filter_map(|word| word.strip_prefix('+'));
    let permitted: Vec<String> = permitted.map(str::to_lowercase).collect();
    assert!(permitted.len() > 10, "{rule}");
    eventually("it has used each of its rights", || {
        let used = used(redis);
        permitted
            .iter()
            .all(|right| used.contains(right))
            .then_some(())
    });
}

/// The commands that were run.
fn used(redis: &Redis) -> Vec<String> {
    let stats: String = redis.query(redis::cmd("INFO").arg("commandstats"));
    let lines = stats.lines().filter(|line| !line.contains(":calls=0,"));
    let names = lines.filter_map(|line| line.strip_prefix("cmdstat_")?.split(':').next());
    names.map(str::to_lowercase).collect()
}

/// Each endpoint of the API that asks Redis.
fn serves_backends(proxy: &Proxy) {
    let mut http = Http::to(proxy.port);
    let one = json!({"uid": "bot", "message": "hello", "id": "1"});
    let somebody = json!({"uids": ["somebody"]});
    for (path, body) in [
        ("/api/rooms/2/messages", &one),
        ("/api/rooms/2/invite", &somebody),
        ("/api/rooms/2/kick", &json!({"uid": "somebody"})),
        ("/api/unread", &json!({"uid": "somebody", "rooms": ["2"]})),
        ("/api/bans", &json!({"uid": "nobody"})),
    ] {
        http.post(path, body).ok();
    }
    for path in ["", "/messages", "/members", "/members/somebody"] {
        http.get(&format!("/api/rooms/2{path}")).ok();
    }
    http.get("/api/bans").ok();
    http.post("/api/rooms/2/leave", &somebody).ok();
}

/// All that the admin page asks.
fn is_looked_into(proxy: &Proxy) {
    let mut http = Http::to(proxy.admin);
    for path in [
        "state",
        "bans",
        "room?room=1",
        "member?room=1&uid=somebody",
        "why?room=1&uid=somebody&seq=1",
    ] {
        http.get(&format!("/data/{path}")).ok();
    }
    eventually("the walk over the rooms is at its end", || {
        let scan = http.get("/data/scan").ok();
        let found = &scan["done"]["found"];
        (found["rooms"] == 1 && found["failed"] == 0).then_some(())
    });
}

fn lives(redis: &Redis, operator: &mut Connection, proxy: &Proxy, room: &str) {
    let mut a = Client::login(proxy.port, "1", "a");
    let mut b = Client::login(proxy.port, "1", "b");
    a.say("hello");
    assert_eq!(texts(&b.messages_until("hello")), ["hello"]);
    a.confirm();
    b.drop_connection();
    a.say("later");
    a.messages_until("later");
    let mut b = Client::login(proxy.port, "1", "b");
    assert!(texts(&b.messages_until("later")).contains(&"later".to_owned()));
    a.send(&json!({"event": "typing"}));
    b.wait("typing");
    a.send(&json!({"event": "members"}));
    a.wait("members");
    let mut guest = Client::connect(proxy.port);
    guest.send(&json!({"event": "login", "roomid": "1", "uid": "guest", "as": "guest"}));
    guest.wait("synced");
    // A new link, and what was said and done meanwhile.
    let lost = proxy.metric("roomcast_redis_lost_total");
    ok(operator, "CLIENT KILL USER ann");
    let kick = |uid: &str| redis::cmd("ROOM.KICK").arg(room).arg(uid).clone();
    kick("b").exec(operator).expect("a kick");
    let say = redis::cmd("ROOM.PUBLISH")
        .arg(room)
        .arg("bot")
        .arg("meanwhile")
        .clone();
    say.exec(operator).expect("a message");
    assert!(texts(&a.messages_until("meanwhile")).contains(&"meanwhile".to_owned()));
    guest.messages_until("meanwhile");
    b.wait("kicked");
    eventually("it was another link", || {
        (proxy.metric("roomcast_redis_lost_total") > lost).then_some(())
    });
    // Kicks and bans are heard.
    let mut cal = Client::login(proxy.port, "1", "cal");
    kick("cal").exec(operator).expect("a kick");
    cal.wait("kicked");
    let mut dan = Client::login(proxy.port, "1", "dan");
    ok(operator, "XADD roomcast:bans * uid dan");
    assert_eq!(dan.closed(), 4104);
    a.send(&json!({"event": "leave", "roomid": "1"}));
    // That of dan, who is gone, may come before it.
    let own = |event: &Value| event["event"] == "logout" && event["uid"] == "a";
    assert_eq!(a.find("its logout", own)["reason"], "left");
    // The last one goes, and the room is not listened to any more.
    guest.send(&json!({"event": "logout"}));
    let own = |event: &Value| event["event"] == "logout" && event["uid"] == "guest";
    guest.find("its logout", own);
    let channel = room.as_bytes();
    eventually("nobody listens", || {
        let numsub = redis::cmd("PUBSUB").arg("NUMSUB").arg(channel).clone();
        let (_, listen): (redis::Value, i64) = redis.query(&numsub);
        (listen == 0).then_some(())
    });
}

#[test]
fn with_the_documented_acl_line_nobody_stops_the_server_or_its_clients() {
    let redis = Redis::start();
    // Whatever that user could do before.
    ok(
        &mut redis.connect(),
        "ACL SETUSER proxy on >0ld ~* &* +@all",
    );
    ok(&mut redis.connect(), documented_rule());
    let mut c = redis.connect();
    assert!(err(&mut c, &words("AUTH proxy 0ld")).starts_with("WRONGPASS"));
    ok(&mut c, "AUTH proxy secret");
    for command in [
        "CLIENT PAUSE 1",
        "CLIENT KILL TYPE normal",
        "SHUTDOWN NOSAVE",
        "FLUSHALL",
        "GET room:1",
        "DEL room:1",
        "ROOM.KICK room:1 a",
        "ROOM.TRIM room:1 MAXLEN 0",
        "ROOM.PUBLISH other:1 a x",
    ] {
        let said = err(&mut c, &words(command));
        assert!(said.starts_with("NOPERM"), "{command}: {said}");
    }
}
