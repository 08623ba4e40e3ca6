//! Who may enter: whatever somebody shows, and whatever they try with it.

use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{field, int, ok};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tungstenite::client::IntoClientRequest;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const RSA_PUBLIC: &str = include_str!("../../proxy/src/auth/testkeys/rsa.pub.pem");
const EC: &[u8] = include_bytes!("../../proxy/src/auth/testkeys/ec.der");
const ALL: [&str; 7] = [
    "member", "read", "publish", "signal", "history", "members", "leave",
];

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

/// A file with keys in it.
struct KeyFile {
    folder: TempDir,
}

impl KeyFile {
    fn new(content: &str) -> Self {
        let file = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        file.write(content);
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    fn write(&self, content: &str) {
        std::fs::write(self.path(), content).expect("a file");
    }

    fn proxy(&self, redis: &Redis, more: &[&str]) -> Proxy {
        let path = self.path();
        let key = path.to_str().expect("a path of text");
        let options = [&["--token-key", key, "--token-leeway", "0s"], more].concat();
        Proxy::with(redis, &options)
    }
}

fn claims(uid: &str, rooms: Value) -> Value {
    json!({"sub": uid, "exp": now() + 600, "aud": "chat", "rooms": rooms})
}

fn signed(secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::default(), claims, &key).expect("a token")
}

/// A token that allows everything in the lobby.
fn token(uid: &str) -> String {
    signed(SECRET, &claims(uid, json!({"lobby": ALL})))
}

fn login(token: &str) -> Value {
    json!({"event": "login", "roomid": "lobby", "token": token})
}

/// Somebody who is in the lobby.
fn enter(port: u16, token: &str) -> Client {
    let mut client = Client::connect(port);
    client.send(&login(token));
    client.wait("synced");
    client
}

/// The codes of all errors until the proxy has read everything or closed; and what it closed with.
fn codes(client: &mut Client, closes: bool) -> (Vec<String>, Option<u16>) {
    let closed = closes.then(|| client.closed());
    if !closes {
        client.send(&json!({"event": "kicked", "roomid": "the end"}));
        client.find("the end", |event| event["roomid"] == "the end");
    }
    let errors = client.seen.iter().filter(|event| event["event"] == "error");
    let codes = errors.map(|event| event["code"].as_str().unwrap_or("?").to_owned());
    (codes.collect(), closed)
}

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
            "guest",
            shows(claims("bob", json!({"lobby": ["guest", "read"]}))),
            "NORIGHT",
            None,
        ),
        ("tampered", login(&tampered), "BADTOKEN", Some(4103)),
        (
            "9 KB",
            shows(with("more", json!(more))),
            "BADTOKEN",
            Some(4103),
        ),
    ]
}

/// What is tried behind the login, and the right that it needs.
fn actions() -> Vec<(Value, &'static str)> {
    vec![
        (
            json!({"event": "login", "roomid": "lobby", "history": 10}),
            "history",
        ),
        (
            json!({"event": "message", "message": "from outside", "roomid": "lobby"}),
            "publish",
        ),
        (json!({"event": "typing", "roomid": "lobby"}), "signal"),
        (json!({"event": "members", "roomid": "lobby"}), "members"),
        (
            json!({"event": "ack", "position": "1-00000001", "roomid": "lobby"}),
            "read",
        ),
        (json!({"event": "leave", "roomid": "lobby"}), "leave"),
    ]
}

#[test]
fn whoever_shows_no_good_token_gets_its_code_and_nothing_else() {
    let redis = Redis::start();
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
fn each_right_is_needed_for_what_it_is_called_after() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let mut ann = enter(proxy.port, &token("ann"));
    let only = signed(SECRET, &claims("bob", json!({"lobby": ["member", "read"]})));
    let mut bob = enter(proxy.port, &only);
    ann.say("hello");
    assert_eq!(bob.messages_until("hello").len(), 1, "it may read");
    let before = redis.digest("room:lobby");
    for (action, right) in actions() {
        bob.send(&action);
        let wanted = if right == "read" { "BADPOS" } else { "NORIGHT" };
        let error = bob.wait("error");
        assert_eq!(error["code"], wanted, "{action}: {error}");
    }
    assert_eq!(redis.digest("room:lobby"), before);
    // Who may not read gets nothing, and has it later.
    let mute = signed(
        SECRET,
        &claims("cid", json!({"lobby": ["member", "publish"]})),
    );
    let mut cid = enter(proxy.port, &mute);
    cid.say("from cid");
    ann.messages_until("from cid");
    bob.messages_until("from cid");
    let named = |event: &Value| event["event"] == "login" && event["uid"] == "cid";
    ann.find("cid came", named);
    assert!(!bob.seen.iter().any(named), "no names: {:?}", bob.seen);
    assert!(
        !format!("{:?}", bob.seen).contains("online"),
        "{:?}",
        bob.seen
    );
    assert_eq!(codes(&mut cid, false).0, Vec::<String>::new());
    assert!(cid.take_messages().is_empty());
    cid.send(&json!({"event": "ack", "position": "1-00000001"}));
    assert_eq!(cid.wait("error")["code"], "NORIGHT");
    cid.send(&json!({"event": "refresh", "token": token("cid")}));
    cid.messages_until("from cid");
}

#[test]
fn rooms_of_one_login_are_judged_by_themselves_and_the_tokens_name_wins() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let rooms = r#"{"open":["member","read"]}"#;
    let proxy = keys.proxy(&redis, &["--default-rooms", rooms]);
    let mut all = claims("bob", json!({"lobby": ALL, "news-*": ["member", "read"]}));
    all["name"] = "Bob".into();
    let mut bob = Client::connect(proxy.port);
    let rooms = json!([{"roomid": "lobby"}, {"roomid": "x"}, {"roomid": "news-1"}]);
    let given = signed(SECRET, &all);
    bob.send(
        &json!({"event": "login", "uid": "bob", "name": "Eve", "rooms": rooms, "token": given}),
    );
    let error = bob.wait("error");
    assert_eq!(
        (&error["code"], &error["roomid"]),
        (&"NORIGHT".into(), &"x".into())
    );
    for roomid in ["lobby", "news-1"] {
        let synced = |event: &Value| event["event"] == "synced" && event["roomid"] == roomid;
        bob.find(roomid, synced);
    }
    bob.send(&json!({"event": "message", "roomid": "lobby", "message": "hi", "name": "Eve"}));
    assert_eq!(bob.messages_until("hi")[0]["name"], "Bob");
    let mut none = claims("cid", Value::Null);
    none.as_object_mut().expect("an object").remove("rooms");
    let mut cid = Client::connect(proxy.port);
    let given = signed(SECRET, &none);
    cid.send(&json!({"event": "login", "roomid": "open", "token": given}));
    cid.wait("synced");
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

#[test]
fn a_key_that_changes_is_read_without_a_restart() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let mut old = enter(proxy.port, &token("ann"));
    // Something that is no key leaves the last one.
    keys.write("short");
    eventually("it is told", || {
        let printed = proxy.process().printed();
        printed.contains("the last ones stay").then_some(())
    });
    enter(proxy.port, &token("bob"));
    let next = "a new secret, which is long enough too";
    keys.write(next);
    let new = signed(next, &claims("bob", json!({"lobby": ALL})));
    eventually("the new key is taken", || {
        let mut bob = Client::connect(proxy.port);
        bob.send(&login(&new));
        let first = bob.find("an answer", |event| {
            event["event"] == "login" || event["event"] == "error"
        });
        (first["event"] == "login").then_some(())
    });
    let mut bob = Client::connect(proxy.port);
    bob.send(&login(&token("bob")));
    assert_eq!(codes(&mut bob, true).1, Some(4103));
    // Whoever is in stays until its token ends.
    old.say("still here");
    old.messages_until("still here");
}

/// A server of one JWKS, which may change; how often it was asked.
struct KeyServer {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl KeyServer {
    fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let n = count.fetch_add(1, Ordering::SeqCst);
                let last = answers.len() - 1;
                let _ = answer(stream, &answers[n.min(last)]);
            }
        });
        Self { port, asked }
    }
}

fn answer(mut stream: TcpStream, answer: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    stream.write_all(answer.as_bytes())
}

fn jwks(kid: &str) -> String {
    let key = EncodingKey::from_ec_der(EC);
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("a key");
    jwk.common.key_id = Some(kid.to_owned());
    let body = json!({"keys": [jwk]}).to_string();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

#[test]
fn keys_behind_a_url_are_asked_for_when_a_token_names_one_that_is_not_known() {
    let redis = Redis::start();
    let mut header = Header::new(Algorithm::ES256);
    let mut by = |kid: &str| {
        header.kid = Some(kid.to_owned());
        let all = claims("bob", json!({"lobby": ALL}));
        encode(&header, &all, &EncodingKey::from_ec_der(EC)).expect("a token")
    };
    let server = KeyServer::start(vec![jwks("one")]);
    let url = format!("http://127.0.0.1:{}/keys", server.port);
    let proxy = Proxy::with(&redis, &["--token-key", &url]);
    eventually("the keys were asked for", || {
        proxy
            .process()
            .printed()
            .contains("keys for tokens")
            .then_some(())
    });
    enter(proxy.port, &by("one"));
    // A name that nobody knows asks no more often than every 30 s, and says come back.
    for _ in 0..5 {
        let mut bob = Client::connect(proxy.port);
        bob.send(&login(&by("two")));
        assert_eq!(
            codes(&mut bob, true),
            (vec!["NOKEY".to_owned()], Some(4003))
        );
    }
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
    // An answer that leads elsewhere is none, and neither is one that is too large.
    let away = format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n");
    let large = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n{}",
        " ".repeat(70_000)
    );
    for (content, part) in [(away, "302"), (large, "cannot be read")] {
        let server = KeyServer::start(vec![content]);
        let url = format!("http://127.0.0.1:{}/keys", server.port);
        let proxy = Proxy::with(&redis, &["--token-key", &url]);
        eventually(part, || {
            proxy.process().printed().contains(part).then_some(())
        });
        let mut bob = Client::connect(proxy.port);
        bob.send(&login(&by("one")));
        assert_eq!(codes(&mut bob, true).1, Some(4003));
    }
}

#[test]
fn who_has_no_right_to_history_gets_what_was_said_since_they_belong_to_the_room() {
    let redis = Redis::start();
    let key = KeyFile::new(SECRET);
    let proxy = key.proxy(&redis, &[]);
    let mut ann = Client::connect(proxy.port);
    ann.send(&login(&token("ann")));
    let start = ann.wait("login")["position"].clone();
    ann.wait("synced");
    // Who reads nothing keeps the log.
    ok(&mut redis.connect(), "ROOM.INVITE room:lobby carol");
    ann.say("before");
    ann.messages_until("before");
    let rights = json!({"lobby": ["member", "read", "publish"]});
    let comes = |since: &Value| {
        let mut device = Client::connect(proxy.port);
        let mut login = login(&signed(SECRET, &claims("bob", rights.clone())));
        login["since"] = since.clone();
        login["ack"] = "client".into();
        device.send(&login);
        let came = device.wait("synced")["position"].clone();
        (device, came)
    };
    // The position from before is no secret: others may have told it.
    let (mut phone, at) = comes(&start);
    assert!(texts(&phone.take_messages()).is_empty(), "{:?}", phone.seen);
    phone.drop_connection();
    let (mut laptop, _) = comes(&start);
    ann.say("since");
    let read = laptop.messages_until("since");
    laptop.send(&json!({"event": "ack", "position": read[0]["position"]}));
    eventually("the laptop has read on", || {
        let member = redis.run_words("ROOM.PENDING room:lobby bob").ok()?;
        (int(&field(&member, "pending")) == 0).then_some(())
    });
    let (mut phone, _) = comes(&at);
    assert_eq!(texts(&phone.take_messages()), ["since"]);
}

#[test]
fn without_history_no_position_brings_what_was_said_before_one_came() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let mut ann = enter(proxy.port, &token("ann"));
    ann.send(&json!({"event": "message", "roomid": "lobby", "message": "early", "id": "1"}));
    let sent = ann.wait("sent");
    let early = |since: &str, uid: &str, rights: &[&str]| {
        let mut client = Client::connect(proxy.port);
        let token = signed(SECRET, &claims(uid, json!({"lobby": rights})));
        client.send(&json!({"event": "login", "roomid": "lobby", "token": token, "since": since}));
        client.wait("synced");
        let seen = &client.seen;
        seen.iter().any(|event| event["message"] == "early")
    };
    for (i, since) in ["0-00000000", "1-00000000", "9-00000000"]
        .iter()
        .enumerate()
    {
        assert!(
            !early(since, &format!("m{i}"), &["member", "read"]),
            "{since}"
        );
        assert!(early(
            since,
            &format!("h{i}"),
            &["member", "read", "history"]
        ));
    }
    // Whose membership ended belongs to the room from now on only, though its position is a good one.
    ann.send(&json!({"event": "leave", "roomid": "lobby"}));
    ann.find("the end of the membership", |event| {
        event["event"] == "logout"
    });
    let mut bob = enter(proxy.port, &token("bob"));
    bob.send(&json!({"event": "message", "roomid": "lobby", "message": "early", "id": "2"}));
    bob.wait("sent");
    let position = sent["position"].as_str().expect("a position");
    assert!(!early(position, "ann", &["member", "read"]));
}
