//! A client that sends any bytes, and takes frames only as RFC 6455 lets a server send them.

use harness::eventually::PATIENCE;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

pub(super) const TEXT: u8 = 0x81;
pub(super) const BINARY: u8 = 0x82;
pub(super) const CLOSE: u8 = 0x88;
pub(super) const PING: u8 = 0x89;
pub(super) const PONG: u8 = 0x8a;
/// Set on a frame that no other one of its message follows.
pub(super) const FIN: u8 = 0x80;
/// What clients' frames are masked with.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A masked frame with this first byte.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    frame.extend(masked.map(|(byte, mask)| byte ^ mask));
    frame
}

/// An event that comes back to everybody in the room, its sender too.
pub(super) fn note(text: &str) -> String {
    json!({"event": "note", "text": text}).to_string()
}

/// What comes from the proxy.
#[derive(Debug, PartialEq)]
pub(super) enum Came {
    /// The text of a note.
    Note(String),
    /// The code of an error event.
    Error(String),
    Pong(Vec<u8>),
    /// A close frame and the connection's end: its code, if it has one.
    Closed(Option<u16>),
}

/// See the top of the file.
pub(super) struct Peer {
    stream: TcpStream,
    came: Vec<u8>,
}

impl Peer {
    /// Connects and logs in.
    pub(super) fn login(port: u16, uid: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a time-out");
        let mut peer = Self {
            stream,
            came: Vec::new(),
        };
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        peer.send(request.as_bytes());
        let end = loop {
            if let Some(at) = peer.came.windows(4).position(|end| end == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(peer.read(), "the proxy answers the handshake");
        };
        assert!(peer.came.starts_with(b"HTTP/1.1 101"), "{:?}", peer.came);
        peer.came.drain(..end);
        let login = json!({"event": "login", "roomid": "r", "uid": uid}).to_string();
        peer.send(&frame(TEXT, login.as_bytes()));
        while peer.event()["event"] != "synced" {}
        peer
    }

    /// Sends bytes, unless the connection is over.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends them in parts of this size, each a packet of its own.
    pub(super) fn send_chopped(&mut self, bytes: &[u8], size: usize) {
        bytes.chunks(size).for_each(|part| self.send(part));
    }

    /// More of what comes; false at the end. A reset is an end too.
    fn read(&mut self) -> bool {
        let mut some = [0; 4096];
        match self.stream.read(&mut some) {
            Ok(many) => {
                self.came.extend_from_slice(&some[..many]);
                many > 0
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => true,
            Err(error) => panic!("nothing comes: {error}"),
        }
    }

    /// The next frame: its first byte and its payload. `None` at the end.
    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((first, header, len)) = measure(&self.came)
                && self.came.len() >= header + len
            {
                let payload = self.came[header..header + len].to_vec();
                self.came.drain(..header + len);
                return Some((first, payload));
            }
            if !self.read() {
                assert!(self.came.is_empty(), "a part of a frame: {:?}", self.came);
                return None;
            }
        }
    }

    fn event(&mut self) -> Value {
        let (first, payload) = self.frame().expect("the connection is there");
        match first {
            TEXT => serde_json::from_slice(&payload).expect("JSON"),
            _ => Value::Null,
        }
    }

    /// What comes next of that which a test waits for.
    pub(super) fn next(&mut self) -> Came {
        loop {
            match self.frame() {
                None => return Came::Closed(None),
                Some((TEXT, payload)) => {
                    let event: Value = serde_json::from_slice(&payload).expect("JSON");
                    let text = |name: &str| event[name].as_str().expect("a text").to_owned();
                    match event["event"].as_str() {
                        Some("note") => return Came::Note(text("text")),
                        Some("error") => return Came::Error(text("code")),
                        _ => {}
                    }
                }
                Some((PING, payload)) => self.send(&frame(PONG, &payload)),
                Some((PONG, payload)) => return Came::Pong(payload),
                Some((CLOSE, payload)) => {
                    assert!(payload.len() != 1 && payload.len() <= 125);
                    assert!(std::str::from_utf8(payload.get(2..).unwrap_or_default()).is_ok());
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    // As a client does: it answers, and the server ends the connection.
                    self.send(&frame(CLOSE, payload.get(..2).unwrap_or_default()));
                    assert_eq!(self.frame(), None, "nothing follows a close frame");
                    return Came::Closed(code);
                }
                Some((first, _)) => panic!("a frame that begins with {first:#x}"),
            }
        }
    }
}

/// First byte, length of the header, length of the payload, once the header is there. Masked frames and lengths that are longer
/// than they need be are no server's to send.
fn measure(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (header, len) = match second {
        0..=125 => (2, usize::from(second)),
        126 => {
            let len = usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?));
            assert!(len > 125, "{len} in three bytes");
            (4, len)
        }
        127 => {
            let len = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize;
            assert!(len > 0xffff, "{len} in nine bytes");
            (10, len)
        }
        masked => panic!("a server masks nothing: {masked:#x}"),
    };
    Some((first, header, len))
}
