//! A WebSocket client that sends only what the tutorial's client sends: login, message, and the answer to heartbeats.

use crate::eventually::PATIENCE;
use crate::protocol::{Side, wrong};
use crate::shown::{cut, last};
use crate::stream::Stream;
use rustls::ClientConfig;
use serde_json::{Value, json};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Request;
use tungstenite::{Message, WebSocket};

/// See the top of the file.
pub struct Client {
    socket: WebSocket<Stream>,
    /// Answers the JSON heartbeat, as the tutorial's client does.
    pub answers: bool,
    /// Everything that came, heartbeats left out.
    pub seen: Vec<Value>,
    /// How many heartbeats it has answered.
    pub answered: usize,
    closed: Option<u16>,
    /// It has sent something that is not as docs/protocol says.
    strange: bool,
}

impl Client {
    /// Connects.
    pub fn connect(port: u16) -> Self {
        let request = format!("ws://127.0.0.1:{port}/").into_client_request();
        Self::with_request(port, request.expect("a request")).0
    }

    /// Connects with a handshake of one's own; also the subprotocol that was answered.
    pub fn with_request(port: u16, request: Request) -> (Self, Option<String>) {
        Self::over(Stream::Plain(reach(port)), request).expect("a handshake")
    }

    /// Connects by `wss://` as somebody who trusts whom this says; an error if TLS or the handshake fails.
    ///
    /// # Errors
    /// With what failed.
    pub fn secure(port: u16, config: Arc<ClientConfig>) -> Result<Self, String> {
        let request = format!("wss://localhost:{port}/").into_client_request();
        let stream = Stream::tls(reach(port), config);
        Self::over(stream, request.expect("a request")).map(|(client, _)| client)
    }

    fn over(stream: Stream, request: Request) -> Result<(Self, Option<String>), String> {
        let (socket, response) =
            tungstenite::client(request, stream).map_err(|error| error.to_string())?;
        let protocol = response.headers().get("Sec-WebSocket-Protocol");
        let protocol = protocol.and_then(|value| value.to_str().ok());
        let client = Self {
            socket,
            answers: true,
            seen: Vec::new(),
            answered: 0,
            closed: None,
            strange: false,
        };
        Ok((client, protocol.map(str::to_owned)))
    }

    /// Connects and logs in; returns when the missed messages have come.
    pub fn login(port: u16, roomid: &str, uid: &str) -> Self {
        let mut client = Self::connect(port);
        client.enter(roomid, uid);
        client
    }

    /// Logs in; returns when the missed messages have come.
    pub fn enter(&mut self, roomid: &str, uid: &str) {
        self.send(&json!({"event": "login", "name": uid, "roomid": roomid, "uid": uid}));
        self.wait("synced");
    }

    /// Sends an event.
    pub fn send(&mut self, event: &Value) {
        self.send_text(&event.to_string());
    }

    /// Sends any text.
    pub fn send_text(&mut self, text: &str) {
        self.note(text);
        self.socket.send(Message::text(text)).expect("a sent event");
    }

    /// Whatever it sends that the schemas do not allow may be refused for its form, and nothing else.
    fn note(&mut self, text: &str) {
        let event = serde_json::from_str::<Value>(text);
        self.strange |= event.map_or(true, |event| wrong(Side::Client, &event).is_some());
    }

    /// Whatever the proxy sends is as its schema says.
    fn check(&self, event: &Value) {
        if let Some(why) = wrong(Side::Server, event) {
            panic!(
                "docs/protocol knows no such frame: {why}: {}",
                cut(&event.to_string(), 600)
            );
        }
        let refused = event["event"] == "error" && is_of_form(event);
        assert!(
            self.strange || !refused,
            "docs/protocol allows what was refused for its form: {event}"
        );
    }

    /// Sends an event, unless the connection is over.
    pub fn send_if_open(&mut self, event: &Value) {
        let text = event.to_string();
        self.note(&text);
        let _ = self.socket.send(Message::text(text));
    }

    /// Sends bytes that are no whole message, unless the connection is over.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        let _ = self.socket.get_mut().write_all(bytes);
    }

    /// Sends what no client of ours sends.
    pub fn send_binary(&mut self, bytes: &[u8]) {
        self.socket
            .send(Message::binary(bytes.to_vec()))
            .expect("a sent message");
    }

    /// Sends a message.
    pub fn say(&mut self, message: &str) {
        self.send(&json!({"event": "message", "message": message}));
    }

    /// Reads what comes within a time; false at the end of the connection.
    fn read(&mut self, within: Duration) -> bool {
        let stream = self.socket.get_ref().tcp();
        stream
            .set_read_timeout(Some(within.max(Duration::from_millis(1))))
            .expect("a time-out");
        match self.socket.read() {
            Ok(Message::Text(text)) => {
                // Not all that is JSON can be read as a value; that stays text.
                let event =
                    serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.as_str()));
                if event.is_object() {
                    self.check(&event);
                }
                if event["event"] == "heartbeat" {
                    if self.answers {
                        self.answered += 1;
                        self.send_if_open(&json!({"event": "heartbeat", "message": "pong"}));
                    }
                } else {
                    self.seen.push(event);
                }
                true
            }
            Ok(Message::Close(frame)) => {
                self.closed = Some(frame.map_or(1005, |frame| frame.code.into()));
                false
            }
            Ok(_) => true,
            Err(tungstenite::Error::Io(error))
                if matches!(
                    error.kind(),
                    // The machine slept meanwhile, or this process was stopped for a moment.
                    std::io::ErrorKind::WouldBlock
                        | std::io::ErrorKind::TimedOut
                        | std::io::ErrorKind::Interrupted
                ) =>
            {
                true
            }
            Err(_) => false,
        }
    }

    /// Reads until something that came satisfies `wanted`; takes it and returns it.
    ///
    /// # Panics
    /// After [`PATIENCE`], with what came instead.
    pub fn find(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        // What was looked at need not be looked at again at every frame of a long queue.
        let mut looked_at = 0;
        loop {
            if let Some(at) = self.seen[looked_at..].iter().position(&wanted) {
                return self.seen.remove(looked_at + at);
            }
            looked_at = self.seen.len();
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "not within {PATIENCE:?}: {what}; came: {}",
                last(&self.seen)
            );
            assert!(
                self.read(left),
                "the connection ended before {what}; came: {}",
                last(&self.seen)
            );
        }
    }

    /// Waits for an event by its name.
    pub fn wait(&mut self, event: &str) -> Value {
        self.find(event, |seen| seen["event"] == event)
    }

    /// Reads until this message came; returns all messages so far, in order, and forgets them.
    pub fn messages_until(&mut self, end: &str) -> Vec<Value> {
        self.try_messages_until(end).unwrap_or_else(|| {
            panic!(
                "the connection ended before the message {end}; came: {}",
                last(&self.seen)
            )
        })
    }

    /// The same; `None` if the connection ends before.
    pub fn try_messages_until(&mut self, end: &str) -> Option<Vec<Value>> {
        let deadline = Instant::now() + PATIENCE;
        let is_last = |event: &Value| event["event"] == "message" && event["message"] == end;
        let mut looked_at = 0;
        while !self.seen[looked_at..].iter().any(is_last) {
            looked_at = self.seen.len();
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "the message {end} did not come; came: {}",
                last(&self.seen)
            );
            if !self.read(left) {
                return None;
            }
        }
        Some(self.take_messages())
    }

    /// The messages that came so far, in order; forgets them.
    pub fn take_messages(&mut self) -> Vec<Value> {
        let (messages, rest) = self
            .seen
            .drain(..)
            .partition(|event| event["event"] == "message");
        self.seen = rest;
        messages
    }

    /// Goes on reading (and answering heartbeats) until `done`.
    pub fn serve_until(&mut self, what: &str, mut done: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
            self.read(Duration::from_millis(20));
        }
    }

    /// Reads until it has answered one more heartbeat: all that came before is confirmed by that.
    pub fn confirm(&mut self) {
        let before = self.answered;
        let deadline = Instant::now() + PATIENCE;
        while self.answered == before {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && self.read(left),
                "no heartbeat came; came: {}",
                last(&self.seen)
            );
        }
    }

    /// Reads until the proxy closes the connection; the close code.
    pub fn closed(&mut self) -> u16 {
        let deadline = Instant::now() + PATIENCE;
        while self.closed.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the proxy did not close the connection");
            if !self.read(left) {
                break;
            }
        }
        self.closed.unwrap_or(1006)
    }

    /// Says that it has said everything, and reads no more.
    pub fn finish(&self) {
        let _ = self
            .socket
            .get_ref()
            .tcp()
            .shutdown(std::net::Shutdown::Write);
    }

    /// The connection drops without a word.
    pub fn drop_connection(self) {
        let _ = self
            .socket
            .get_ref()
            .tcp()
            .shutdown(std::net::Shutdown::Both);
    }
}

/// Whether an error is about how a frame is written, as far as a schema can say that.
fn is_of_form(error: &Value) -> bool {
    let sentence = error["message"].as_str().unwrap_or_default();
    // Whether a login needs a uid is the proxy's to say; and names and depths count in bytes and brackets.
    let is_beyond = ["'uid'", "'name' may have", "brackets deep", "surrogate"];
    let code = error["code"].as_str().unwrap_or_default();
    matches!(code, "BADJSON" | "BADFIELD" | "BADID")
        && !is_beyond.iter().any(|part| sentence.contains(part))
}

fn reach(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection to the proxy");
    stream.set_nodelay(true).expect("no delay");
    // A test that cannot send or shake hands is to fail, not to hang.
    let patience = Some(PATIENCE);
    stream.set_write_timeout(patience).expect("a time-out");
    stream.set_read_timeout(patience).expect("a time-out");
    stream
}

/// A connection from an address of this machine.
///
/// # Panics
/// If that fails.
pub fn connect_from(from: [u8; 4], port: u16) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::from((from, 0)))
            .expect("an own address");
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = socket.connect(to).await.expect("a connection");
        stream.into_std().expect("a socket")
    });
    stream.set_nonblocking(false).expect("a blocking socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

/// The texts of messages.
pub fn texts(messages: &[Value]) -> Vec<String> {
    messages
        .iter()
        .map(|event| event["message"].as_str().unwrap_or("?").to_owned())
        .collect()
}
