//! What the page says of rooms, members, messages, bans and the proxy.

use super::{data, get};
use harness::eventually::eventually;
use harness::http::encoded;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::ok;
use serde_json::json;

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
