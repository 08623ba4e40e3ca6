//! Whatever somebody shows at the door, in whatever way.

use super::signed::{
    ALL, KeyFile, RSA_PUBLIC, SECRET, actions, claims, codes, enter, login, now, signed, token,
};
use harness::client::Client;
use harness::eventually;
use harness::redis::Redis;
use harness::value::ok;
use serde_json::Value;
use serde_json::json;
use tungstenite::client::IntoClientRequest;

/// What somebody shows at login, what the login is answered, and what the connection is closed with.
fn identities() -> Vec<(&'static str, Value, &'static str, Option<u16>)> {
    let bob = claims("bob", json!({"lobby": ALL}));
    let with = |name: &str, value: Value| {
        let mut all = bob.clone();
        all[name] = value;
        all
    };
    let good = token("bob");
    let parts: Vec<_> = good.split('.').collect();
    let ann = token("ann");
    let tampered = [parts[0], ann.split('.').nth(1).expect("claims"), parts[2]].join(".");
    let none = ["eyJhbGciOiJub25lIn0", parts[1], ""].join(".");
    let more = "x".repeat(9 * 1024);
    let mut other_uid = login(&ann);
    other_uid["uid"] = "bob".into();
    let elsewhere = claims("bob", json!({"lounge": ALL, "lob": ALL, "lobby-*": ALL}));
    let shows = |claims: Value| login(&signed(SECRET, &claims));
    let nothing = json!({"event": "login", "roomid": "lobby", "uid": "bob"});
    let strange = signed("another secret that is long enough", &bob);
    vec![
        ("none", nothing, "NOTOKEN", None),
        ("wrong key", login(&strange), "BADTOKEN", Some(4103)),
        ("algorithm none", login(&none), "BADTOKEN", Some(4103)),
        (
            "expired",
            shows(with("exp", json!(now() - 1))),
            "EXPIRED",
            Some(4003),
        ),
        (
            "not yet",
            shows(with("nbf", json!(now() + 60))),
            "EARLY",
            Some(4003),
        ),
        (
            "other audience",
            shows(with("aud", json!("mail"))),
            "BADTOKEN",
            Some(4103),
        ),
        ("other uid", other_uid, "OTHERUID", None),
        ("other room", shows(elsewhere), "NORIGHT", None),
        (
            "no way in",
            shows(claims(
                "bob",
                json!({"lobby": ["read", "publish", "history"]}),
            )),
            "NORIGHT",
            None,
        ),
        ("tampered", login(&tampered), "BADTOKEN", Some(4103)),
        ("banned", login(&token("mallory")), "BANNED", Some(4104)),
        (
            "9 KB",
            shows(with("more", json!(more))),
            "BADTOKEN",
            Some(4103),
        ),
    ]
}

#[test]
fn whoever_shows_no_good_token_gets_its_code_and_nothing_else() {
    let redis = Redis::start();
    ok(&mut redis.connect(), "XADD roomcast:bans * uid mallory");
    let keys = KeyFile::new(&format!("{SECRET}\n"));
    let proxy = keys.proxy(&redis, &["--token-audience", "chat"]);
    let mut ann = enter(proxy.port, &token("ann"));
    enter(proxy.port, &token("bob")).drop_connection();
    ann.say("a secret");
    ann.messages_until("a secret");
    let members = redis.digest("room:lobby");
    for (who, login, code, close) in identities() {
        let mut stranger = Client::connect(proxy.port);
        stranger.send(&login);
        if close.is_none() {
            for (action, right) in actions() {
                // Its own login would be judged by itself.
                if right != "history" {
                    stranger.send(&action);
                }
            }
        }
        let (codes, closed) = codes(&mut stranger, close.is_some());
        let mut wanted = vec![code];
        wanted.extend(close.is_none().then_some(["NOLOGIN"; 5]).iter().flatten());
        assert_eq!(
            (codes.iter().map(String::as_str).collect(), closed),
            (wanted, close),
            "{who}"
        );
        let all = format!("{:?}", stranger.seen);
        assert!(
            !all.contains("secret") && !all.contains("\"ann\""),
            "{who}: {all}"
        );
    }
    assert_eq!(redis.digest("room:lobby"), members, "nothing changed");
    // Bob has lost nothing.
    let mut bob = enter(proxy.port, &token("bob"));
    assert_eq!(bob.messages_until("a secret").len(), 1);
    assert!(proxy.metric("roomcast_tokens_refused_total") >= 6);
}

#[test]
fn a_token_signed_with_the_public_key_is_refused() {
    let redis = Redis::start();
    let keys = KeyFile::new(RSA_PUBLIC);
    let proxy = keys.proxy(&redis, &[]);
    for secret in [RSA_PUBLIC, RSA_PUBLIC.trim_end()] {
        let mut stranger = Client::connect(proxy.port);
        stranger.send(&login(&signed(
            secret,
            &claims("bob", json!({"lobby": ALL})),
        )));
        assert_eq!(
            codes(&mut stranger, true),
            (vec!["BADTOKEN".to_owned()], Some(4103))
        );
    }
}

#[test]
fn a_token_ends_and_another_one_goes_on() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let until = |exp: u64, rooms: Value| {
        let mut all = claims("bob", rooms);
        all["exp"] = exp.into();
        signed(SECRET, &all)
    };
    let both = json!({"lobby": ALL, "lounge": ALL});
    let exp = now() + 3;
    let mut ends = Client::connect(proxy.port);
    let mut goes_on = Client::connect(proxy.port);
    for client in [&mut ends, &mut goes_on] {
        client.send(&login(&until(exp, both.clone())));
        let login = client.wait("login");
        assert_eq!(login["expires"], exp * 1000);
        let ts = login["ts"].as_u64().expect("a time");
        assert!(ts / 1000 <= now() && ts / 1000 + 60 > now(), "{login}");
        client.wait("synced");
    }
    goes_on.send(&json!({"event": "login", "roomid": "lounge"}));
    goes_on.wait("synced");
    // One that is not good leaves the old one.
    goes_on.send(&json!({"event": "refresh", "token": until(now() - 9, both)}));
    assert_eq!(goes_on.wait("error")["code"], "EXPIRED");
    goes_on.send(&json!({"event": "refresh", "token": token("ann")}));
    assert_eq!(goes_on.wait("error")["code"], "OTHERUID");
    goes_on.say("still here");
    goes_on.messages_until("still here");
    goes_on.send(&json!({"event": "refresh", "token": until(now() + 600, json!({"lobby": ALL}))}));
    assert!(goes_on.wait("refresh")["expires"].as_u64() > Some(exp * 1000));
    let lost = goes_on.wait("error");
    assert_eq!(
        (&lost["code"], &lost["roomid"]),
        (&"NORIGHT".into(), &"lounge".into())
    );
    assert_eq!(ends.closed(), 4003);
    assert!(now() >= exp, "not before it ended");
    goes_on.say("later");
    goes_on.messages_until("later");
    assert!(redis.digest("room:lounge") != redis.digest("room:lobby"));
}

/// Connects with these subprotocols at this path; the client and the one that was answered.
fn connect(port: u16, path: &str, protocols: &str) -> (Client, Option<String>) {
    let url = format!("ws://127.0.0.1:{port}{path}");
    let mut request = url.into_client_request().expect("a request");
    if !protocols.is_empty() {
        let value = protocols.parse().expect("a header");
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", value);
    }
    Client::with_request(port, request)
}

#[test]
fn a_token_may_come_with_the_handshake_and_is_in_no_log() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &["--token-in-query"]);
    let simple = json!({"event": "login", "roomid": "lobby"});
    let good = token("bob");
    let (mut bob, answered) = connect(
        proxy.port,
        "/ws",
        &format!("roomcast.v1, roomcast.token.{good}"),
    );
    assert_eq!(answered.as_deref(), Some("roomcast.v1"));
    bob.send(&simple);
    bob.wait("synced");
    let (mut bob, _) = connect(proxy.port, &format!("/ws?token={good}"), "");
    bob.send(&simple);
    assert_eq!(bob.wait("login")["uid"], "bob");
    let bad = format!("{good}A");
    let (mut bob, _) = connect(
        proxy.port,
        "/ws",
        &format!("roomcast.v1, roomcast.token.{bad}"),
    );
    assert_eq!(
        codes(&mut bob, true),
        (vec!["BADTOKEN".to_owned()], Some(4103))
    );
    let mut bob = Client::connect(proxy.port);
    bob.send(&login(&good));
    bob.wait("synced");
    let printed = eventually("the log tells of the refusal", || {
        let printed = proxy.process().printed();
        printed.contains("refused a token").then_some(printed)
    });
    assert!(!printed.contains(&good) && !printed.contains(SECRET));
    // Not where that was not wished for.
    let proxy = keys.proxy(&redis, &[]);
    let (mut bob, _) = connect(proxy.port, &format!("/ws?token={good}"), "");
    bob.send(&simple);
    assert_eq!(bob.wait("error")["code"], "NOTOKEN");
}
