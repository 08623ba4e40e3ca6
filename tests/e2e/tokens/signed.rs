//! Tokens as an issuer makes them, and who comes with one.

use harness::client::Client;
use harness::proxy::Proxy;
use harness::redis::Redis;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::Header;
use jsonwebtoken::encode;
use serde_json::Value;
use serde_json::json;
use std::path::PathBuf;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;
use tempfile::TempDir;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const RSA_PUBLIC: &str = include_str!("../../../proxy/src/auth/testkeys/rsa.pub.pem");
pub(crate) const EC: &[u8] = include_bytes!("../../../proxy/src/auth/testkeys/ec.der");
pub(crate) const ALL: [&str; 7] = [
    "member", "read", "publish", "signal", "history", "members", "leave",
];

pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

/// A file with keys in it.
pub(crate) struct KeyFile {
    folder: TempDir,
}

impl KeyFile {
    pub(crate) fn new(content: &str) -> Self {
        let file = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        file.write(content);
        file
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    pub(crate) fn write(&self, content: &str) {
        std::fs::write(self.path(), content).expect("a file");
    }

    pub(crate) fn proxy(&self, redis: &Redis, more: &[&str]) -> Proxy {
        let path = self.path();
        let key = path.to_str().expect("a path of text");
        let options = [&["--token-key", key, "--token-leeway", "0s"], more].concat();
        Proxy::with(redis, &options)
    }
}

pub(crate) fn claims(uid: &str, rooms: Value) -> Value {
    json!({"sub": uid, "exp": now() + 600, "aud": "chat", "rooms": rooms})
}

pub(crate) fn signed(secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::default(), claims, &key).expect("a token")
}

/// A token that allows everything in the lobby.
pub(crate) fn token(uid: &str) -> String {
    signed(SECRET, &claims(uid, json!({"lobby": ALL})))
}

pub(crate) fn login(token: &str) -> Value {
    json!({"event": "login", "roomid": "lobby", "token": token})
}

/// Somebody who is in the lobby.
pub(crate) fn enter(port: u16, token: &str) -> Client {
    let mut client = Client::connect(port);
    client.send(&login(token));
    client.wait("synced");
    client
}

/// The codes of all errors until the proxy has read everything or closed; and what it closed with.
pub(crate) fn codes(client: &mut Client, closes: bool) -> (Vec<String>, Option<u16>) {
    let closed = closes.then(|| client.closed());
    if !closes {
        client.send(&json!({"event": "kicked", "roomid": "the end"}));
        client.find("the end", |event| event["roomid"] == "the end");
    }
    let errors = client.seen.iter().filter(|event| event["event"] == "error");
    let codes = errors.map(|event| event["code"].as_str().unwrap_or("?").to_owned());
    (codes.collect(), closed)
}

/// What is tried behind the login, and the right that it needs.
pub(crate) fn actions() -> Vec<(Value, &'static str)> {
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
