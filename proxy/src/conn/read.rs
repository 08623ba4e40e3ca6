//! The task that reads a connection until its end, and hands the client's events to the rooms.

use super::shared::{Conn, ConnHandle, News};
use super::socket::Socket;
use crate::auth::judge::Judge;
use crate::bans::Banned;
use crate::broken::panic_at;
use crate::clock::{self, unix_ms};
use crate::inbox::{Inboxes, Input};
use crate::metrics::Metrics;
use crate::said::Said;
use futures_util::StreamExt;
use hub_core::client::{Act, Client, ClientLimits, Look};
use hub_core::close::Close;
use hub_core::event::Event;
use hub_core::handle::Beat;
use hub_core::pass::Token;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::{debug, info};

/// A client's usual event fits; a larger one takes some reads more. Each connection holds it all the time.
const READ_BUFFER: usize = 256;
/// How long a closing handshake may take.
const CLOSING: Duration = Duration::from_secs(2);

/// What all connections' tasks need.
pub(crate) struct Reading {
    pub(crate) inboxes: Arc<Inboxes>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: ClientLimits,
    /// Who looks at tokens, if they are asked for.
    pub(crate) judge: Option<Arc<Judge>>,
    /// Who is banned. Whoever acts on the table keeps hold of it until that is done: who changes it looks for those
    /// afterwards whom the change is about, and then they are to be seen.
    pub(crate) banned: Arc<Banned>,
    /// The largest event, in bytes.
    pub(crate) max_event: usize,
    /// Clients that were closed at the allowance.
    pub(crate) flooded: Said,
    /// A defect on request.
    pub(crate) panics: bool,
}

/// What came with the handshake already.
#[derive(Debug, Default)]
pub(crate) struct Early {
    /// What came behind it.
    pub(crate) bytes: Vec<u8>,
    /// A token.
    pub(crate) token: Option<Token>,
}

/// Reads a connection until it ends.
pub(crate) async fn serve(reading: Arc<Reading>, conn: Arc<Conn>, early: Early) {
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(64 * 1024)
        .max_message_size(Some(reading.max_event))
        .max_frame_size(Some(reading.max_event));
    if let Ok(address) = conn.stream().peer_addr() {
        debug!(conn = conn.id(), %address, client = %conn.client, "connected");
    }
    let socket = Socket::new(conn.clone(), &early.bytes);
    let mut ws =
        WebSocketStream::from_partially_read(socket, early.bytes, Role::Server, Some(limits)).await;
    let look = early.token.map(Look::of_connection);
    let mut reader = Reader {
        client: Client::new(reading.limits, clock::now_ms()),
        look: look.map(Box::new),
        reading,
        conn: conn.clone(),
    };
    let why = tokio::select! {
        why = reader.read(&mut ws) => why,
        // It ends `read` by closing the connection.
        never = async { conn.drain().await; std::future::pending().await } => never,
    };
    match why {
        Some(why) => {
            let (code, reason) = (why.code(), why.reason());
            debug!(conn = conn.id(), code, reason, "closed");
        }
        None => debug!(conn = conn.id(), reason = "the client is gone", "closed"),
    }
    if let Some(why) = why {
        Box::pin(say_goodbye(&mut ws, &conn, why)).await;
    }
}

async fn say_goodbye(ws: &mut WebSocketStream<Socket>, conn: &Conn, why: Close) {
    let frame = CloseFrame {
        code: CloseCode::from(why.code()),
        reason: why.reason().into(),
    };
    let handshake = async {
        let _ = ws.close(Some(frame)).await;
        while let Some(Ok(_)) = ws.next().await {}
    };
    tokio::select! {
        _ = timeout(CLOSING, handshake) => {}
        () = conn.drain() => {}
    }
}

/// The task's own half. However it ends, also by a panic, the rooms are told.
struct Reader {
    client: Client,
    /// A token that is to be looked at before anything else is read.
    look: Option<Box<Look>>,
    reading: Arc<Reading>,
    conn: Arc<Conn>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.conn.end();
        let conn = self.conn.id();
        self.tell_rooms(|rooms| Input::Gone { conn, rooms });
    }
}

impl Reader {
    /// Handles events until the end; the code to close with, unless the connection is gone already.
    async fn read(&mut self, ws: &mut WebSocketStream<Socket>) -> Option<Close> {
        loop {
            if let ControlFlow::Break(why) = self.hear() {
                return why;
            }
            if let Some(look) = self.look.take() {
                // Boxed: it is rare, and each connection would have place for it.
                if let ControlFlow::Break(why) = Box::pin(self.look_at(*look)).await {
                    return why;
                }
                continue;
            }
            // A slow reader is listened to: what it confirms is its sign of life. But not one that asks for more and more
            // answers that it does not read, or whose events wait for their effect.
            let is_full = self.client.is_full();
            if is_full {
                self.conn.want_done();
            }
            if is_full || self.conn.is_crowded() {
                self.conn.pauses_reading();
                // Boxed: it is rare, and each connection would have place for it.
                if !Box::pin(self.conn.has_news()).await {
                    return None;
                }
                continue;
            }
            let message = tokio::select! {
                message = ws.next() => message,
                () = self.conn.news.notified() => continue,
            };
            match message {
                Some(Ok(message)) => {
                    if let Some(why) = self.handle(message) {
                        return Some(why);
                    }
                }
                Some(Err(error)) => return self.closing_of(&error),
                None => return None,
            }
        }
    }

    /// Looks at what others have for this connection; it may be its end.
    fn hear(&mut self) -> ControlFlow<Option<Close>> {
        let news = self.conn.take_news();
        if news.closed {
            return ControlFlow::Break(None);
        }
        if news.close.is_some() {
            return ControlFlow::Break(news.close);
        }
        or_on(self.handle_news(news))
    }

    fn handle_news(&mut self, news: News) -> Option<Close> {
        for (roomid, login) in news.ended {
            self.client.ended(&roomid, login);
        }
        for i in 0..news.done {
            self.client.done(if i == 0 { news.done_bytes } else { 0 });
        }
        let conn = self.conn.id();
        if news.low {
            self.tell_rooms(|rooms| Input::Low { conn, rooms });
        }
        if let Some(beat) = news.confirmed {
            self.confirm(beat);
        }
        if !news.bans {
            return None;
        }
        let banned = self.reading.banned.clone();
        let bans = banned.read();
        self.act_all(self.client.look_at_bans(bans.at(unix_ms())))
    }

    fn confirm(&self, beat: Beat) {
        let conn = self.conn.id();
        self.tell_rooms(|rooms| Input::Answered { conn, rooms, beat });
    }

    fn tell_rooms(&self, input: impl Fn(Vec<Arc<str>>) -> Input) {
        self.reading.inboxes.tell_each(self.client.rooms(), input);
    }

    fn handle(&mut self, message: Message) -> Option<Close> {
        let now = clock::now_ms();
        match message {
            Message::Text(text) => {
                self.reading.metrics.events.inc();
                self.conn.heard(now);
                let banned = self.reading.banned.clone();
                let bans = banned.read();
                let acts = self.client.text(now, text.as_str(), bans.at(unix_ms()));
                return self.act_all(acts);
            }
            Message::Pong(payload) => {
                self.conn.heard(now);
                if let Ok(number) = <[u8; 8]>::try_from(&payload[..]) {
                    self.conn.ponged(u64::from_be_bytes(number));
                }
            }
            Message::Ping(_) => self.conn.heard(now),
            Message::Binary(_) => return Some(Close::Protocol),
            Message::Close(_) | Message::Frame(_) => {}
        }
        None
    }

    /// Has a token looked at.
    async fn look_at(&mut self, look: Look) -> ControlFlow<Option<Close>> {
        let Some(judge) = self.reading.judge.clone() else {
            return ControlFlow::Continue(());
        };
        let found = {
            let mut looking = pin!(judge.look(&look.token));
            loop {
                tokio::select! {
                    found = &mut looking => break found,
                    // A key may have to be asked for: whoever is to go does not stay for that.
                    () = self.conn.news.notified() => self.hear()?,
                }
            }
        };
        if let Err(refused) = &found {
            debug!(
                conn = self.conn.id(),
                code = refused.code(),
                "refused a token"
            );
        }
        let banned = self.reading.banned.clone();
        let bans = banned.read();
        let (now, bans) = (clock::now_ms(), bans.at(unix_ms()));
        let acts = self.client.looked(now, look, found, bans);
        self.conn.set_end(self.client.ends());
        or_on(self.act_all(acts))
    }

    /// Does them in their order; the code to close with, if one of them is that.
    fn act_all(&mut self, acts: Vec<Act>) -> Option<Close> {
        acts.into_iter().find_map(|act| self.act(act))
    }

    fn act(&mut self, act: Act) -> Option<Close> {
        match act {
            Act::Room(roomid, event, bytes) => {
                panic_at("connection", self.reading.panics, &roomid);
                if let Event::Login(login) = &event {
                    self.conn.logged_in(&login.uid);
                    debug!(conn = self.conn.id(), room = %roomid, uid = %login.uid, "login");
                }
                self.reading.inboxes.of(&roomid).push(Input::Client {
                    conn: self.conn.id(),
                    handle: ConnHandle(self.conn.clone()),
                    roomid,
                    event,
                    bytes,
                });
            }
            Act::Say(frames) => {
                self.reading.metrics.bad_events.inc();
                self.conn.say(&frames);
            }
            Act::Answered => {
                if let Some(beat) = self.conn.answered() {
                    self.confirm(beat);
                }
            }
            Act::Look(look) => self.look = Some(Box::new(look)),
            Act::Close(why) => {
                if why == Close::Flood {
                    self.reading.metrics.floods.inc();
                    self.tell_flood();
                }
                return Some(why);
            }
        }
        None
    }

    fn tell_flood(&self) {
        if let Some(left_out) = self.reading.flooded.again() {
            let address = self.conn.stream().peer_addr().ok();
            let conn = self.conn.id();
            info!(
                conn,
                ?address,
                client = %self.conn.client,
                left_out,
                "closed a connection at --max-rate"
            );
        }
    }

    fn closing_of(&self, error: &Error) -> Option<Close> {
        debug!(conn = self.conn.id(), %error, "a connection failed");
        match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(Close::TooBig),
            // A client that is gone has not sent nonsense.
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
            Error::Protocol(_) | Error::Utf8(_) => Some(Close::Protocol),
            _ => None,
        }
    }
}

/// Closes for this reason, or goes on.
const fn or_on(close: Option<Close>) -> ControlFlow<Option<Close>> {
    match close {
        Some(why) => ControlFlow::Break(Some(why)),
        None => ControlFlow::Continue(()),
    }
}
