//! Roomcast: a redis-server with the module, and proxies. Clients confirm as `room.js` does, five times a second at
//! most; the publisher is one of them, so that its messages go through the proxy as well.

use super::person::{Person, Protocol, between, find};
use super::speaker::{Publish, Speaker, Words};
use super::stack::{Stack, folder};
use super::{Facts, Loss, Peer};
use crate::crowd::{Heard, Said, now_us};
use harness::process::free_port;
use harness::proxy::Proxy;
use harness::redis::Redis;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// As users start it; but one connection publishes for everybody here: it may send as much as it likes.
const OPTIONS: [&str; 3] = ["--log-json", "--max-rate", "1000000"];
/// The pause between two acknowledgements of a client.
const ACK_EVERY: Duration = Duration::from_millis(200);

pub(crate) struct Roomcast;

impl Peer for Roomcast {
    fn name(&self) -> &'static str {
        "Roomcast"
    }

    fn facts(&self) -> Facts {
        Facts {
            setup: "redis-server with the module, proxies; published by a client over WebSocket, confirmed by sent",
            queue: "yes, within the room's limits: each message once, each uid a cursor",
            order: "one order for all",
            loss: "the uid, by lost or reset: which messages, and why",
        }
    }

    fn losses(&self) -> &'static [Loss] {
        &[Loss::Killed]
    }

    fn start(&self, servers: usize) -> Result<Stack, String> {
        let redis = Redis::start();
        let servers = (0..servers)
            .map(|_| Proxy::measured_at(listen(), &redis.url(), &OPTIONS))
            .map(|proxy| (proxy.port, Box::new(proxy) as _))
            .collect();
        Ok(Stack {
            servers,
            store: Some(Box::new(redis)),
            folder: folder(),
        })
    }

    fn protocol(&self) -> Box<dyn Protocol> {
        Box::new(Events)
    }

    fn publisher(&self, port: u16) -> io::Result<Box<dyn Publish>> {
        let sender = Sender { next: now_us() };
        Ok(Box::new(Speaker::new(port, &Events, sender)?))
    }
}

fn listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}

const PONG: &str = r#"{"event":"heartbeat","message":"pong"}"#;

fn login(uid: &str, since: &str) -> Said {
    let since = match since {
        "" => String::new(),
        position => format!(r#","since":"{position}""#),
    };
    Said::Text(format!(
        r#"{{"event":"login","roomid":"room","uid":"{uid}","ack":"client"{since}}}"#
    ))
}

fn ack(position: &str) -> Said {
    Said::Text(format!(r#"{{"event":"ack","position":"{position}"}}"#))
}

fn is(bytes: &[u8], event: &str) -> bool {
    bytes
        .strip_prefix(b"{\"event\":\"")
        .is_some_and(|rest| rest.starts_with(event.as_bytes()))
}

struct Events;

impl Protocol for Events {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/ws", None)
    }

    fn hello(&self, me: &mut Person, again: bool) -> Vec<Said> {
        me.acked = None;
        let since = if again { me.position.as_str() } else { "" };
        vec![login(&format!("client-{:09}", me.id), since)]
    }

    fn heard(&self, me: &mut Person, bytes: &[u8]) -> Heard {
        if is(bytes, "heartbeat") {
            return Heard::answer(PONG);
        }
        let mut heard = Heard {
            ready: is(bytes, "synced"),
            ..Heard::default()
        };
        if is(bytes, "login") {
            // The echo of its own login; others' logins have no such field.
            if let Some(word) = between(bytes, b"\"resumed\":", b',') {
                me.recovered = Some(word == "true");
            }
        }
        if !is(bytes, "message") && !heard.ready {
            return heard;
        }
        heard.messages = me.count(bytes);
        if let Some(position) = between(bytes, b"\"position\":\"", b'"') {
            position.clone_into(&mut me.position);
        }
        let due = me.acked.is_none_or(|last| last.elapsed() >= ACK_EVERY);
        if due && heard.messages > 0 {
            me.acked = Some(Instant::now());
            heard.answers.push(ack(&me.position));
        }
        heard
    }
}

struct Sender {
    /// The next message's id: another one than any sender of this uid has used.
    next: u64,
}

impl Words for Sender {
    fn hello(&self) -> Vec<Said> {
        vec![login("sender", "")]
    }

    fn is_in(&mut self, bytes: &[u8]) -> bool {
        is(bytes, "synced")
    }

    fn say(&mut self, message: &str) -> Said {
        self.next += 1;
        Said::Text(format!(
            r#"{{"event":"message","id":"{}","message":{message}}}"#,
            self.next
        ))
    }

    fn confirmed(&mut self, bytes: &[u8]) -> (usize, Option<Said>) {
        if is(bytes, "heartbeat") {
            return (0, Some(Said::Text(PONG.into())));
        }
        let sent = find(bytes, b"\"event\":\"sent\"").is_some();
        // It is a member too, and must not hold the log back.
        let position = between(bytes, b"\"position\":\"", b'"');
        let answer = position.filter(|_| sent && self.next.is_multiple_of(100));
        (usize::from(sent), answer.map(ack))
    }
}
