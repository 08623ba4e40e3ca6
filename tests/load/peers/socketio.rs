//! Socket.IO 4 with connection state recovery and the Redis streams adapter. A client returns with its private session
//! id and the offset of the last event; recovered events arrive before the server's word that it is connected.

use super::person::{Person, Protocol, between};
use super::speaker::{Publish, Speaker, Words};
use super::stack::{Stack, node_stack};
use super::{Facts, Loss, Peer};
use crate::crowd::{Heard, Said};
use std::io;

pub(crate) struct SocketIo;

impl Peer for SocketIo {
    fn name(&self) -> &'static str {
        "Socket.IO 4"
    }

    fn facts(&self) -> Facts {
        Facts {
            setup: "connectionStateRecovery, redis-streams-adapter; published by a client's event",
            queue: "no: a session for 2 minutes, saved when the server notices the disconnection; none if it crashed",
            order: "one order for all (one stream)",
            loss: "the client, by socket.recovered = false; it must then ask somebody else",
        }
    }

    /// A server that is killed saves no session, so the other way to lose a connection is shown too.
    fn losses(&self) -> &'static [Loss] {
        &[Loss::Killed, Loss::Cut]
    }

    fn start(&self, servers: usize) -> Result<Stack, String> {
        node_stack("socketio.mjs", servers)
    }

    fn protocol(&self) -> Box<dyn Protocol> {
        Box::new(Events)
    }

    fn publisher(&self, port: u16) -> io::Result<Box<dyn Publish>> {
        Ok(Box::new(Speaker::new(port, &Events, Sender)?))
    }
}

struct Events;

impl Protocol for Events {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/socket.io/?EIO=4&transport=websocket", None)
    }

    fn hello(&self, me: &mut Person, _: bool) -> Vec<Said> {
        let hello = if me.position.is_empty() {
            "40".into()
        } else {
            format!(r#"40{{"pid":"{}","offset":"{}"}}"#, me.session, me.position)
        };
        vec![Said::Text(hello)]
    }

    fn heard(&self, me: &mut Person, bytes: &[u8]) -> Heard {
        if bytes.starts_with(b"42") {
            // The offset is the last argument of the event.
            if let Some(offset) = last_text(bytes) {
                offset.clone_into(&mut me.position);
            }
            return Heard::messages(me.count(bytes));
        }
        if bytes.starts_with(b"40") {
            let session = between(bytes, b"\"pid\":\"", b'"').unwrap_or_default();
            me.recovered = Some(!me.session.is_empty() && me.session == session);
            session.clone_into(&mut me.session);
            return Heard::ready();
        }
        if bytes == b"2" {
            return Heard::answer("3");
        }
        Heard::default()
    }
}

/// The text in `…,"text"]`.
fn last_text(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.strip_suffix(b"\"]")?;
    let begin = bytes.iter().rposition(|byte| *byte == b'"')? + 1;
    std::str::from_utf8(&bytes[begin..]).ok()
}

struct Sender;

impl Words for Sender {
    fn hello(&self) -> Vec<Said> {
        vec![Said::Text("40".into())]
    }

    fn is_in(&mut self, bytes: &[u8]) -> bool {
        bytes.starts_with(b"40")
    }

    fn say(&mut self, message: &str) -> Said {
        Said::Text(format!(r#"421["say",{message}]"#))
    }

    fn confirmed(&mut self, bytes: &[u8]) -> (usize, Option<Said>) {
        match bytes {
            b"2" => (0, Some(Said::Text("3".into()))),
            _ => (usize::from(bytes.starts_with(b"431")), None),
        }
    }
}
