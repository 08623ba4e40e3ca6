//! NATS JetStream over WebSocket: one stream, and for each client a durable push consumer that wants each message
//! acknowledged. The protocol is text in a stream of bytes that ignores WebSocket's borders.

use super::person::{Person, Protocol};
use super::speaker::{Publish, Speaker, Words};
use super::stack::{Stack, folder, listening, program};
use super::{Facts, Loss, Peer};
use crate::crowd::{Heard, Said};
use harness::process::free_port;
use serde_json::json;
use std::io;
use std::process::Command;

const CONNECT: &str = "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1,\"headers\":true,\"no_responders\":true}\r\n";

pub(crate) struct Nats;

impl Peer for Nats {
    fn name(&self) -> &'static str {
        "NATS JetStream"
    }

    fn facts(&self) -> Facts {
        Facts {
            setup: "file storage, a durable push consumer per uid, explicit acks; published by PUB with a JetStream ack",
            queue: "yes, within the stream's limits; a consumer per uid is state of the server",
            order: "the stream's; what was not acknowledged comes again later",
            loss: "nobody: what the stream's limits dropped shows as a gap of its numbers",
        }
    }

    fn losses(&self) -> &'static [Loss] {
        &[Loss::Cut]
    }

    fn start(&self, _: usize) -> Result<Stack, String> {
        let program = program("NATS_SERVER", "nats-server")?;
        let folder = folder();
        let (port, process) = listening(folder.path(), "nats", |port| {
            let settings = format!(
                "listen: \"127.0.0.1:{}\"\nwebsocket {{ listen: \"127.0.0.1:{port}\", no_tls: true }}\n\
                 jetstream {{ store_dir: \"{}\" }}\n",
                free_port(),
                folder.path().display()
            );
            let file = folder.path().join("nats.conf");
            std::fs::write(&file, settings).expect("a file of settings");
            let mut command = Command::new(&program);
            command.arg("-c").arg(file);
            command
        })?;
        Ok(Stack {
            servers: vec![(port, Box::new(process))],
            store: None,
            folder,
        })
    }

    fn protocol(&self) -> Box<dyn Protocol> {
        Box::new(Text)
    }

    fn publisher(&self, port: u16) -> io::Result<Box<dyn Publish>> {
        Ok(Box::new(Speaker::new(port, &Text, Sender::default())?))
    }
}

struct Text;

impl Protocol for Text {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/", None)
    }

    fn hello(&self, me: &mut Person, again: bool) -> Vec<Said> {
        let uid = format!("client-{:09}", me.id);
        let mut words = format!("{CONNECT}SUB to.{uid} 1\r\n");
        if again {
            words.push_str("PING\r\n");
        } else {
            let config = json!({
                "durable_name": uid, "deliver_subject": format!("to.{uid}"), "deliver_policy": "new",
                "ack_policy": "explicit", "filter_subject": "room",
            });
            let wanted = json!({ "stream_name": "ROOM", "config": config }).to_string();
            words.push_str(&format!("SUB made.{uid} 2\r\n"));
            words.push_str(&publish(
                &format!("$JS.API.CONSUMER.DURABLE.CREATE.ROOM.{uid}"),
                &format!("made.{uid}"),
                &wanted,
            ));
        }
        vec![Said::Binary(words.into_bytes())]
    }

    fn heard(&self, me: &mut Person, bytes: &[u8]) -> Heard {
        let mut heard = Heard::default();
        let mut answer = String::new();
        let mut buffer = std::mem::take(&mut me.buffer);
        buffer.extend_from_slice(bytes);
        let mut rest = &buffer[..];
        while let Some((line, payload, after)) = next(rest) {
            let mut words = line.split(' ');
            match words.next() {
                Some("MSG") if line.starts_with("MSG room ") => {
                    heard.messages += me.count(payload);
                    if let Some(reply) = words.nth(2) {
                        answer.push_str(&format!("PUB {reply} 4\r\n+ACK\r\n"));
                    }
                }
                // The consumer was made.
                Some("MSG") => heard.ready = !payload.windows(7).any(|bytes| bytes == b"\"error\""),
                Some("PONG") => heard.ready = true,
                Some("PING") => answer.push_str("PONG\r\n"),
                _ => {}
            }
            rest = after;
        }
        me.buffer = rest.to_vec();
        if !answer.is_empty() {
            heard.answers.push(Said::Binary(answer.into_bytes()));
        }
        heard
    }
}

fn publish(subject: &str, reply: &str, payload: &str) -> String {
    format!("PUB {subject} {reply} {}\r\n{payload}\r\n", payload.len())
}

/// The first line, its payload if it has one, and what follows, if all that is there.
fn next(bytes: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let end = bytes.windows(2).position(|bytes| bytes == b"\r\n")?;
    let line = std::str::from_utf8(&bytes[..end]).unwrap_or_default();
    let rest = &bytes[end + 2..];
    if !line.starts_with("MSG ") && !line.starts_with("HMSG ") {
        return Some((line, &[], rest));
    }
    let length = line.rsplit(' ').next()?.parse::<usize>().ok()?;
    let payload = rest.get(..length)?;
    Some((line, payload, rest.get(length + 2..)?))
}

#[derive(Default)]
struct Sender {
    buffer: Vec<u8>,
}

impl Sender {
    /// How many messages came as a whole, and whether the server pinged.
    fn many(&mut self, bytes: &[u8]) -> (usize, bool) {
        self.buffer.extend_from_slice(bytes);
        let (mut many, mut pinged, mut used) = (0, false, 0);
        while let Some((line, _, after)) = next(&self.buffer[used..]) {
            many += usize::from(line.starts_with("MSG "));
            pinged |= line == "PING";
            used = self.buffer.len() - after.len();
        }
        self.buffer.drain(..used);
        (many, pinged)
    }
}

impl Words for Sender {
    /// It makes the stream, or finds it as it is.
    fn hello(&self) -> Vec<Said> {
        // A consumer for each member; by default a stream has a thousand at most.
        let stream = json!({
            "name": "ROOM", "subjects": ["room"], "storage": "file", "max_consumers": 1_000_000,
        })
        .to_string();
        let made = publish("$JS.API.STREAM.CREATE.ROOM", "sender.made", &stream);
        let words = format!("{CONNECT}SUB sender.* 1\r\n{made}");
        vec![Said::Binary(words.into_bytes())]
    }

    fn is_in(&mut self, bytes: &[u8]) -> bool {
        self.many(bytes).0 > 0
    }

    fn say(&mut self, message: &str) -> Said {
        Said::Binary(publish("room", "sender.stored", message).into_bytes())
    }

    fn confirmed(&mut self, bytes: &[u8]) -> (usize, Option<Said>) {
        let (many, pinged) = self.many(bytes);
        (many, pinged.then(|| Said::Binary(b"PONG\r\n".to_vec())))
    }
}
