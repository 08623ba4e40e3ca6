//! Rooms and members by HTTP.

use super::{api, messages, proxy, room};
use harness::client::Client;
use harness::eventually;
use harness::redis::Redis;
use harness::value::ok;
use serde_json::{Value, json};

fn uids(page: &Value) -> Vec<String> {
    let rows = page["members"].as_array().expect("members").iter();
    let mut uids: Vec<String> = rows
        .map(|row| row["uid"].as_str().unwrap().to_owned())
        .collect();
    uids.sort();
    uids
}

#[test]
fn members_come_and_go_and_see_what_waits() {
    let redis = Redis::start();
    // So that what ann got is confirmed soon.
    let (proxy, _keys) = proxy(&redis, &["--heartbeat", "300ms"]);
    let mut http = api(&proxy);
    let invite = json!({"uids": ["ann", "bob", 7]});
    assert_eq!(
        http.post(&room("r", "/invite"), &invite).ok(),
        json!({"invited": 3})
    );
    assert_eq!(
        http.post(&room("r", "/invite"), &invite).ok(),
        json!({"invited": 0})
    );
    for n in 0..3 {
        http.post(&messages("r"), &json!({"uid": "bot", "message": n}))
            .ok();
    }
    let mut ann = Client::login(proxy.port, "r", "ann");
    ann.confirm();
    let waiting = eventually("ann has all", || {
        let waiting = http.get(&room("r", "/members/ann")).ok();
        (waiting["pending"] == 0).then_some(waiting)
    });
    assert_eq!(
        (&waiting["online"], &waiting["cursor"]),
        (&json!(true), &json!(3))
    );
    let waiting = http.get(&room("r", "/members/bob")).ok();
    assert_eq!(
        (&waiting["uid"], &waiting["pending"]),
        (&json!("bob"), &json!(3))
    );
    assert_eq!(
        (&waiting["online"], &waiting["lost"]),
        (&json!(false), &json!(0))
    );
    let info = http.get("/api/rooms/r").ok();
    assert_eq!((&info["members"], &info["online"]), (&json!(3), &json!(1)));
    assert_eq!(
        (&info["head"], &info["roomid"]),
        (&waiting["head"], &json!("r"))
    );
    assert_eq!(info["limits"]["keep"], 100);
    // In pages.
    let (mut all, mut path) = (Vec::new(), room("r", "/members?limit=2"));
    loop {
        let page = http.get(&path).ok();
        assert!(uids(&page).len() <= 2);
        all.extend(uids(&page));
        match page["cursor"].as_str() {
            Some(cursor) => path = room("r", &format!("/members?limit=2&cursor={cursor}")),
            None => break,
        }
    }
    all.sort();
    assert_eq!(all, ["7", "ann", "bob"]);
    let kick = json!({"uid": "ann", "reason": "enough"});
    assert_eq!(
        http.post(&room("r", "/kick"), &kick).ok(),
        json!({"sessions": 1})
    );
    assert_eq!(ann.wait("kicked")["reason"], "enough");
    let leave = json!({"uids": ["bob", "stranger"]});
    assert_eq!(
        http.post(&room("r", "/leave"), &leave).ok(),
        json!({"left": 1})
    );
    let gone = http.get(&room("r", "/members/bob"));
    assert_eq!(gone.problem(), (404, "NOMEMBER".into()));
}

#[test]
fn what_waits_in_many_rooms_is_one_answer() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    let mut http = api(&proxy);
    let mut c = redis.connect();
    ok(&mut c, "SET room:string x");
    let rooms: Vec<String> = (0..97).map(|n| format!("r{n}")).collect();
    for (n, name) in rooms.iter().enumerate() {
        ok(&mut c, &format!("ROOM.INVITE room:{name} ann"));
        for _ in 0..n % 3 {
            ok(&mut c, &format!("ROOM.PUBLISH room:{name} bot hello"));
        }
    }
    ok(&mut c, "ROOM.INVITE room:others bob");
    let more = ["others", "nowhere", "string"].map(str::to_owned);
    let wanted: Vec<String> = rooms.iter().cloned().chain(more).collect();
    let answer = http
        .post("/api/unread", &json!({"uid": "ann", "rooms": wanted}))
        .ok();
    assert_eq!(answer["uid"], "ann");
    let rows = answer["rooms"].as_array().expect("rows");
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["roomid"].as_str().unwrap())
        .collect();
    assert_eq!(names, wanted);
    for (n, row) in rows[..97].iter().enumerate() {
        assert_eq!(row["pending"], n % 3, "{row}");
        assert!(
            row["head"]
                .as_str()
                .unwrap()
                .starts_with(&format!("{}-", n % 3))
        );
        let last = row["newest-ms"].as_u64().unwrap();
        assert_eq!(last > 0, n % 3 > 0, "{row}");
    }
    let codes: Vec<&Value> = rows[97..].iter().map(|row| &row["code"]).collect();
    assert_eq!(codes, ["NOMEMBER", "NOROOM", "WRONGTYPE"]);
}

#[test]
fn pages_are_those_of_the_wire() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    let mut http = api(&proxy);
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE room:r away");
    for n in 0..250 {
        ok(&mut c, &format!("ROOM.PUBLISH room:r bot m{n}"));
    }
    ok(&mut c, "ROOM.TRIM room:r BEFORE 51");
    let mut ann = Client::login(proxy.port, "r", "ann");
    let (mut pages, mut until) = (0, String::new());
    loop {
        let query = match until.is_empty() {
            true => "/messages?limit=80".to_owned(),
            false => format!("/messages?limit=80&until={until}"),
        };
        let page = http.get(&room("r", &query)).ok();
        let mut ask = json!({"event": "history", "roomid": "r", "limit": 80});
        if !until.is_empty() {
            ask["until"] = json!(until);
        }
        ann.send(&ask);
        assert_eq!(page, ann.wait("history"));
        pages += 1;
        until = page["after"].as_str().unwrap().to_owned();
        if page["more"] == false {
            assert_eq!(page["gone"], 50);
            break;
        }
    }
    assert_eq!(pages, 3);
    let before = http.get(&room("r", "/messages?until=0-00000000")).ok();
    assert_eq!(
        (&before["messages"], &before["more"]),
        (&json!([]), &json!(false))
    );
    let other = http.get(&room("r", "/messages?until=200-00000000"));
    assert_eq!(other.problem(), (409, "BADPOS".into()));
}

#[test]
fn rooms_of_all_names_are_reached() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    let mut http = api(&proxy);
    let long = "ü".repeat(64);
    for name in [
        "a/b",
        "..",
        ".",
        "%",
        "%2F",
        "a%2Fb",
        "räume/日本語",
        "?",
        "#",
        "a?b#c&d=e",
        "+",
        ":",
        "\u{202e}x",
        &long,
    ] {
        let mut ann = Client::login(proxy.port, name, "ann");
        http.post(&messages(name), &json!({"uid": "b/../ö", "message": name}))
            .ok();
        let heard = ann.wait("message");
        assert_eq!(
            (&heard["roomid"], &heard["message"]),
            (&json!(name), &json!(name))
        );
        let key = redis::cmd("EXISTS").arg(format!("room:{name}")).clone();
        assert_eq!(redis.query::<i64>(&key), 1, "{name}");
        http.post(&room(name, "/invite"), &json!({"uids": ["b/../ö"]}))
            .ok();
        let one = http.get(&room(
            name,
            &format!("/members/{}", harness::http::encoded("b/../ö")),
        ));
        assert_eq!(one.ok()["uid"], "b/../ö");
        assert_eq!(http.get(&room(name, "")).ok()["roomid"], name);
        ann.drop_connection();
    }
    // As they are written, where an address can hold them so.
    for (path, name) in [
        ("..", ".."),
        ("%2e%2E", ".."),
        ("a:b@c", "a:b@c"),
        ("a+b", "a+b"),
    ] {
        let path = format!("/api/rooms/{path}/messages");
        http.post(&path, &json!({"uid": "u", "message": 1, "roomid": name}))
            .ok();
    }
    for (path, wanted) in [
        ("/api/rooms/a%20b", (400, "BADFIELD")),
        ("/api/rooms/a%00b", (400, "BADFIELD")),
        ("/api/rooms/%ff", (400, "BADFIELD")),
        ("/api/rooms//messages", (400, "BADFIELD")),
        ("/api/rooms/a/b/messages", (404, "NOTFOUND")),
        ("/api/rooms/a/members/%20", (400, "BADUID")),
        (
            &format!("/api/rooms/{}", "x".repeat(129)),
            (400, "BADFIELD"),
        ),
    ] {
        let (status, code) = http.get(path).problem();
        assert_eq!((status, code.as_str()), wanted, "{path}");
    }
}

#[test]
fn bans_are_made_read_and_taken_back() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    let mut http = api(&proxy);
    assert_eq!(
        http.get("/api/bans").ok(),
        json!({"bans": [], "cursor": null})
    );
    let mut mallory = Client::login(proxy.port, "r", "mallory");
    let id = http
        .post("/api/bans", &json!({"uid": "mallory", "reason": "spam"}))
        .ok();
    assert_eq!(mallory.closed(), 4104);
    let until = 4_000_000_000_000_u64;
    http.post("/api/bans", &json!({"uid": 7, "room": "r", "until": until}))
        .ok();
    ok(
        &mut redis.connect(),
        "XADD roomcast:bans * uid eve until nonsense other x",
    );
    let page = http.get("/api/bans?limit=2").ok();
    let bans = page["bans"].as_array().unwrap();
    assert_eq!(
        bans[0],
        json!({"id": id["id"], "uid": "mallory", "reason": "spam"})
    );
    assert_eq!(
        (&bans[1]["uid"], &bans[1]["until"]),
        (&json!("7"), &json!(until))
    );
    let next = page["cursor"].as_str().unwrap();
    let rest = http.get(&format!("/api/bans?limit=2&cursor={next}")).ok();
    assert_eq!(
        (&rest["bans"][0]["until"], &rest["cursor"]),
        (&json!("nonsense"), &Value::Null)
    );
    for (body, part) in [
        (json!({"uid": "x", "until": 5}), "milliseconds"),
        (json!({"uid": "x", "room": "a b"}), "'room'"),
        (json!({"uid": "x", "rooms": "a"}), "rooms"),
        (json!({"room": "a"}), "uid"),
    ] {
        let answer = http.post("/api/bans", &body);
        assert_eq!(answer.problem(), (400, "BADFIELD".into()), "{body}");
        assert!(answer.body.contains(part), "{body}: {}", answer.body);
    }
}
