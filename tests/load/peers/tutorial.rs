//! A chat server as tutorials of Node write it: one JSON array in Redis for each uid that is away. See
//! `node/tutorial.mjs`.

use super::person::{Person, Protocol, find};
use super::speaker::{Publish, Speaker, Words};
use super::stack::{Stack, node_stack};
use super::{Facts, Loss, Peer};
use crate::crowd::{Heard, Said};
use std::io;

pub(crate) struct Tutorial;

impl Peer for Tutorial {
    fn name(&self) -> &'static str {
        "Node tutorial"
    }

    fn facts(&self) -> Facts {
        Facts {
            setup: "ws + redis, one process at a time; published by a client, confirmed by its own echo",
            queue: "yes, a copy for each uid, without a limit",
            order: "as sent, while one message at a time is stored",
            loss: "nobody: messages at once overwrite each other's arrays, and what was sent counts as received",
        }
    }

    fn losses(&self) -> &'static [Loss] {
        &[Loss::Killed]
    }

    fn start(&self, servers: usize) -> Result<Stack, String> {
        node_stack("tutorial.mjs", servers)
    }

    fn protocol(&self) -> Box<dyn Protocol> {
        Box::new(Events)
    }

    fn publisher(&self, port: u16) -> io::Result<Box<dyn Publish>> {
        Ok(Box::new(Speaker::new(port, &Events, Sender)?))
    }
}

const PONG: &str = r#"{"event":"heartbeat","message":"pong"}"#;

fn login(uid: &str) -> Vec<Said> {
    let login = format!(r#"{{"event":"login","roomid":"room","uid":"{uid}","name":"Client"}}"#);
    vec![Said::Text(login)]
}

fn is(bytes: &[u8], event: &str) -> bool {
    bytes
        .strip_prefix(b"{\"event\":\"")
        .is_some_and(|rest| rest.starts_with(event.as_bytes()))
}

struct Events;

impl Protocol for Events {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/", None)
    }

    fn hello(&self, me: &mut Person, _: bool) -> Vec<Said> {
        login(&format!("client-{:09}", me.id))
    }

    fn heard(&self, me: &mut Person, bytes: &[u8]) -> Heard {
        if is(bytes, "message") {
            Heard::messages(me.count(bytes))
        } else if is(bytes, "login") {
            Heard::ready()
        } else if is(bytes, "heartbeat") {
            Heard::answer(PONG)
        } else {
            Heard::default()
        }
    }
}

struct Sender;

impl Words for Sender {
    fn hello(&self) -> Vec<Said> {
        login("sender")
    }

    fn is_in(&mut self, bytes: &[u8]) -> bool {
        is(bytes, "login")
    }

    fn say(&mut self, message: &str) -> Said {
        Said::Text(format!(r#"{{"event":"message","message":{message}}}"#))
    }

    fn confirmed(&mut self, bytes: &[u8]) -> (usize, Option<Said>) {
        let own = is(bytes, "message") && find(bytes, b"\"uid\":\"sender\"").is_some();
        let answer = is(bytes, "heartbeat").then(|| Said::Text(PONG.into()));
        (usize::from(own), answer)
    }
}
