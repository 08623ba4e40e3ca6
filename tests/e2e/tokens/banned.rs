//! Whoever is banned has a good token, and gets nothing for it.

use super::signed::{
    ALL, EC, KeyFile, SECRET, actions, claims, codes, enter, login, signed, token,
};
use harness::client::Client;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::ok;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use std::net::TcpListener;
use std::time::{Duration, Instant};
use tungstenite::client::IntoClientRequest;

fn ban(redis: &Redis, fields: &str) {
    ok(
        &mut redis.connect(),
        &format!("XADD roomcast:bans * {fields}"),
    );
}

#[test]
fn who_is_banned_from_a_room_can_do_nothing_there() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let mut ann = enter(proxy.port, &token("ann"));
    let both = signed(SECRET, &claims("bob", json!({"lobby": ALL, "lounge": ALL})));
    let mut bob = enter(proxy.port, &both);
    bob.send(&json!({"event": "login", "roomid": "lounge"}));
    bob.wait("synced");
    ban(&redis, "uid bob room lobby reason spam");
    assert_eq!(bob.wait("kicked")["roomid"], "lobby");
    let went = |event: &serde_json::Value| event["event"] == "logout" && event["uid"] == "bob";
    ann.find("bob went", went);
    ann.say("a secret");
    ann.messages_until("a secret");
    let before = redis.digest("room:lobby");
    for (action, right) in actions() {
        bob.send(&action);
        let wanted = match right {
            "history" | "publish" | "signal" => "BANNED",
            _ => "NOLOGIN",
        };
        let error = bob.wait("error");
        assert_eq!(error["code"], wanted, "{action}: {error}");
    }
    assert_eq!(redis.digest("room:lobby"), before, "nothing changed");
    assert!(
        !format!("{:?}", bob.seen).contains("secret"),
        "{:?}",
        bob.seen
    );
    // Another token does not help, and the other room goes on.
    bob.send(&json!({"event": "refresh", "token": both}));
    bob.wait("refresh");
    bob.send(&json!({"event": "login", "roomid": "lobby"}));
    assert_eq!(bob.wait("error")["code"], "BANNED");
    bob.send(&json!({"event": "message", "roomid": "lounge", "message": "here"}));
    bob.messages_until("here");
}

#[test]
fn a_token_of_a_banned_uid_closes_however_it_comes() {
    let redis = Redis::start();
    ban(&redis, "uid bob");
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let good = token("bob");
    let mut with_login = Client::connect(proxy.port);
    with_login.send(&login(&good));
    let url = format!("ws://127.0.0.1:{}/ws", proxy.port);
    let mut request = url.into_client_request().expect("a request");
    let protocols = format!("roomcast.v1, roomcast.token.{good}");
    let protocols = protocols.parse().expect("a header");
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", protocols);
    let (with_handshake, _) = Client::with_request(proxy.port, request);
    for mut client in [with_login, with_handshake] {
        let told = codes(&mut client, true);
        assert_eq!(told, (vec!["BANNED".to_owned()], Some(4104)));
    }
}

#[test]
fn whoever_waits_for_a_key_is_closed_all_the_same() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    // It takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/keys", silent.local_addr().expect("an address"));
    let path = keys.path();
    let both = format!("{},{url}", path.to_str().expect("a path of text"));
    let proxy = Proxy::with(&redis, &["--token-key", &both]);
    let mut bob = enter(proxy.port, &token("bob"));
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("unknown".to_owned());
    let all = claims("bob", json!({"lobby": ALL}));
    let other = encode(&header, &all, &EncodingKey::from_ec_der(EC)).expect("a token");
    bob.send(&json!({"event": "refresh", "token": other}));
    ban(&redis, "uid bob");
    let began = Instant::now();
    assert_eq!(bob.closed(), 4104);
    let kicked = bob.seen.iter().any(|event| event["event"] == "kicked");
    assert!(kicked, "{:?}", bob.seen);
    // The key is waited for for five seconds.
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_login_that_waits_for_its_budget_does_not_outlast_a_ban() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &["--work-per-uid", "1000"]);
    let mut bob = Client::connect(proxy.port);
    // What was done for it before it showed its token is its uid's to pay, over some seconds.
    for _ in 0..150 {
        bob.send(&json!({"event": "message", "message": "?"}));
    }
    let rooms = json!([{"roomid": "elsewhere"}, {"roomid": "lobby"}]);
    bob.send(&json!({"event": "login", "rooms": rooms, "token": token("bob")}));
    bob.find("the first room's refusal", |event| {
        event["code"] == "NORIGHT"
    });
    ban(&redis, "uid bob");
    assert_eq!(bob.closed(), 4104);
}
