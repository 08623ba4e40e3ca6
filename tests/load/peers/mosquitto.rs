//! Mosquitto over WebSocket: MQTT 3.1.1, a persistent session for each client, QoS 1.

use super::person::{Person, Protocol};
use super::speaker::{Publish, Speaker, Words};
use super::stack::{Stack, folder, listening, program};
use super::{Facts, Loss, Peer};
use crate::crowd::{Heard, Said};
use harness::process::free_port;
use std::io;
use std::process::Command;

const TOPIC: &[u8] = b"\0\x04room";
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;
const SUBACK: u8 = 0x90;

pub(crate) struct Mosquitto;

impl Peer for Mosquitto {
    fn name(&self) -> &'static str {
        "Mosquitto 2"
    }

    fn facts(&self) -> Facts {
        Facts {
            setup: "WebSocket listener, persistent sessions, QoS 1, max_queued_messages 1000; published by QoS 1",
            queue: "yes, but beyond 1000 messages of a client the newest are dropped",
            order: "one order for all, of one publisher",
            loss: "nobody: what is dropped is dropped silently",
        }
    }

    fn losses(&self) -> &'static [Loss] {
        &[Loss::Cut]
    }

    fn start(&self, _: usize) -> Result<Stack, String> {
        let program = program("MOSQUITTO", "mosquitto")?;
        let folder = folder();
        let (port, process) = listening(folder.path(), "mosquitto", |port| {
            let data = folder.path().display();
            // It would give up root's rights, and its data's folder with them. And with a WebSocket listener alone,
            // Debian's version does not start.
            let settings = format!(
                "listener {} 127.0.0.1\nlistener {port} 127.0.0.1\nprotocol websockets\nallow_anonymous true\n\
                 persistence true\npersistence_location {data}/\nuser root\n",
                free_port()
            );
            let file = folder.path().join("mosquitto.conf");
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
        Box::new(Mqtt)
    }

    fn publisher(&self, port: u16) -> io::Result<Box<dyn Publish>> {
        Ok(Box::new(Speaker::new(port, &Mqtt, Sender::default())?))
    }
}

struct Mqtt;

impl Protocol for Mqtt {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/mqtt", Some("mqtt"))
    }

    fn hello(&self, me: &mut Person, again: bool) -> Vec<Said> {
        let mut bytes = connect(&format!("client-{:09}", me.id), false);
        if !again {
            let body = [&[0, 1], TOPIC, &[1]].concat();
            bytes.extend(packet(0x82, &body));
        }
        vec![Said::Binary(bytes)]
    }

    fn heard(&self, me: &mut Person, bytes: &[u8]) -> Heard {
        let mut heard = Heard::default();
        let mut acks = Vec::new();
        let mut buffer = std::mem::take(&mut me.buffer);
        buffer.extend_from_slice(bytes);
        let mut rest = &buffer[..];
        while let Some((kind, body, after)) = next(rest) {
            match kind & 0xf0 {
                PUBLISH => {
                    let (id, payload) = published(body);
                    heard.messages += me.count(payload);
                    acks.extend(packet(PUBACK, id));
                }
                CONNACK => {
                    // The session was there: its subscription is too.
                    let there = body[0] == 1;
                    me.recovered = Some(there);
                    heard.ready |= there;
                }
                SUBACK => heard.ready = true,
                _ => {}
            }
            rest = after;
        }
        me.buffer = rest.to_vec();
        if !acks.is_empty() {
            heard.answers.push(Said::Binary(acks));
        }
        heard
    }
}

/// The packet's id and the payload of a PUBLISH with QoS 1.
fn published(body: &[u8]) -> (&[u8], &[u8]) {
    let topic = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
    body[topic..].split_at(2)
}

fn connect(name: &str, clean: bool) -> Vec<u8> {
    let mut body = b"\0\x04MQTT\x04".to_vec();
    body.push(if clean { 2 } else { 0 });
    // No keep-alive.
    body.extend_from_slice(&[0, 0, 0, name.len() as u8]);
    body.extend_from_slice(name.as_bytes());
    packet(0x10, &body)
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    let mut length = body.len();
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        bytes.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

/// The first packet's kind and body, and what follows, if it is there as a whole.
fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (mut length, mut at) = (0, 1);
    loop {
        let byte = *bytes.get(at)?;
        length |= usize::from(byte & 0x7f) << (7 * (at - 1));
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let rest = &bytes[at..];
    (rest.len() >= length).then(|| (bytes[0], &rest[..length], &rest[length..]))
}

#[derive(Default)]
struct Sender {
    id: u16,
    buffer: Vec<u8>,
}

impl Sender {
    /// How many packets of this kind came as a whole.
    fn many(&mut self, wanted: u8, bytes: &[u8]) -> usize {
        self.buffer.extend_from_slice(bytes);
        let (mut many, mut used) = (0, 0);
        while let Some((kind, _, after)) = next(&self.buffer[used..]) {
            many += usize::from(kind == wanted);
            used = self.buffer.len() - after.len();
        }
        self.buffer.drain(..used);
        many
    }
}

impl Words for Sender {
    fn hello(&self) -> Vec<Said> {
        vec![Said::Binary(connect("sender", true))]
    }

    fn is_in(&mut self, bytes: &[u8]) -> bool {
        self.many(CONNACK, bytes) > 0
    }

    fn say(&mut self, message: &str) -> Said {
        self.id = self.id % u16::MAX + 1;
        let body = [TOPIC, &self.id.to_be_bytes(), message.as_bytes()].concat();
        Said::Binary(packet(PUBLISH | 2, &body))
    }

    fn confirmed(&mut self, bytes: &[u8]) -> (usize, Option<Said>) {
        (self.many(PUBACK, bytes), None)
    }
}
