//! One WebSocket connection: the half that everybody shares, and the small task that reads it.

use crate::close::Close;
use crate::events::Events;
use crate::outbox::Outbox;
use crate::server::Server;
use crate::session::{Confirmations, Slot, Tick};
use crate::socket::Socket;
use crate::{clock, frame, metrics, wire};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use parking_lot::{Mutex, MutexGuard};
use room_core::position::Position;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, error::CapacityError};
use tracing::debug;

/// The JSON heartbeat, as it goes to everybody.
pub(crate) static HEARTBEAT: LazyLock<Bytes> =
    LazyLock::new(|| frame::text(wire::HEARTBEAT.as_bytes()));
/// A client's usual event fits; a larger one takes some reads more. Each connection holds it all the time.
const READ_BUFFER: usize = 256;
/// How long a closing handshake may take.
const CLOSING: Duration = Duration::from_secs(2);

struct State {
    outbox: Outbox,
    confirmations: Confirmations,
    /// What the clock confirmed, for the connection's task to report.
    confirmed: Vec<(Slot, Position)>,
    closed: bool,
}

/// The shared half: whoever has something for this client calls it.
pub(crate) struct Conn {
    stream: TcpStream,
    state: Mutex<State>,
    /// The outbox has something that the socket did not take at once.
    waiting: Notify,
    /// The outbox is low again, or the connection is closed.
    low: Notify,
    /// Something is in `confirmed`.
    ticked: Notify,
    /// The close code that somebody wants.
    close: AtomicU16,
    closing: Notify,
    outbox_limit: usize,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Done,
    /// The outbox is over its limit; nothing was taken.
    Full,
    /// The seat or the connection is gone.
    Gone,
}

impl Conn {
    pub(crate) fn new(stream: TcpStream, outbox_limit: usize, now: u64) -> Self {
        Self {
            stream,
            state: Mutex::new(State {
                outbox: Outbox::default(),
                confirmations: Confirmations::new(now),
                confirmed: Vec::new(),
                closed: false,
            }),
            waiting: Notify::new(),
            low: Notify::new(),
            ticked: Notify::new(),
            close: AtomicU16::new(0),
            closing: Notify::new(),
            outbox_limit,
        }
    }

    pub(crate) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Works with what was sent and confirmed.
    pub(crate) fn confirmations<T>(&self, with: impl FnOnce(&mut Confirmations) -> T) -> T {
        with(&mut self.state().confirmations)
    }

    #[inline]
    fn write(&self, state: &mut State, frames: &Bytes) {
        self.write_and(false, state, frames);
    }

    #[inline]
    fn write_and(&self, more: bool, state: &mut State, frames: &Bytes) {
        match state.outbox.push(&self.stream, frames, more) {
            Ok(false) => {}
            Ok(true) => self.waiting.notify_one(),
            Err(_) => self.shut(state),
        }
    }

    fn shut(&self, state: &mut State) {
        state.closed = true;
        state.outbox = Outbox::default();
        self.low.notify_waiters();
        self.closing.notify_one();
    }

    /// Sends frames that answer the client itself.
    pub(crate) fn push(&self, frames: &Bytes) {
        let mut state = self.state();
        if !state.closed {
            self.write(&mut state, frames);
        }
    }

    /// Sends what may be missed (presence), unless the client is slow already.
    pub(crate) fn push_if_room(&self, frames: &Bytes) {
        let mut state = self.state();
        if !state.closed && state.outbox.bytes() <= self.outbox_limit {
            self.write(&mut state, frames);
        }
    }

    /// Sends one event that another one follows at once: they share a packet.
    pub(crate) fn begin(&self, event: &str) {
        let mut state = self.state();
        if !state.closed {
            self.write_and(true, &mut state, &frame::text(event.as_bytes()));
        }
    }

    /// Sends one event.
    pub(crate) fn send(&self, event: &str) {
        self.push(&frame::text(event.as_bytes()));
    }

    /// Sends live frames up to `to`, with a heartbeat behind them (`with_beat`) where one is due.
    #[inline(always)] // Its only caller is the loop over a room.
    pub(crate) fn push_live(
        &self,
        slot: Slot,
        frames: &Bytes,
        with_beat: &Bytes,
        to: Position,
        now: u64,
    ) -> Pushed {
        let mut state = self.state();
        let queued = state.outbox.bytes();
        if queued > 0 && queued + frames.len() > self.outbox_limit {
            let gone = state.closed || !state.confirmations.has(slot);
            return if gone { Pushed::Gone } else { Pushed::Full };
        }
        if state.closed {
            return Pushed::Gone;
        }
        match state.confirmations.deliver(slot, to, now) {
            None => return Pushed::Gone,
            Some(false) => self.write(&mut state, frames),
            Some(true) => {
                let ping = state.confirmations.beat(now);
                self.write(&mut state, with_beat);
                self.ping(&mut state, ping);
            }
        }
        Pushed::Done
    }

    /// Sends a page of a catch-up, and a heartbeat where one is due. With `more`, something follows at once. False if the
    /// seat or the connection is gone.
    pub(crate) fn push_page(
        &self,
        slot: Slot,
        frames: &Bytes,
        to: Position,
        now: u64,
        more: bool,
    ) -> bool {
        let mut state = self.state();
        if state.closed || !state.confirmations.sent(slot, to) {
            return false;
        }
        self.write_and(more, &mut state, frames);
        if state.confirmations.wants_beat(slot, now) {
            self.beat(&mut state, now);
        }
        true
    }

    fn beat(&self, state: &mut State, now: u64) {
        let ping = state.confirmations.beat(now);
        self.write(state, &HEARTBEAT);
        self.ping(state, ping);
    }

    /// Sends a ping with this number, which comes back in the pong.
    fn ping(&self, state: &mut State, number: Option<u64>) {
        if let Some(number) = number {
            self.write(state, &frame::ping(&number.to_be_bytes()));
        }
    }

    /// Looks at the clock.
    pub(crate) fn tick(&self, now: u64, idle_ms: u64, dead_ms: u64) {
        let mut guard = self.state();
        let state = &mut *guard;
        let confirmed = &mut state.confirmed;
        let tick = state
            .confirmations
            .tick(now, idle_ms, dead_ms, |slot, to| confirmed.push((slot, to)));
        if !state.confirmed.is_empty() {
            self.ticked.notify_one();
        }
        match tick {
            Tick::Nothing => {}
            _ if state.closed => {}
            Tick::Beat => self.beat(state, now),
            Tick::Ping => {
                let number = state.confirmations.ping(now);
                self.ping(state, Some(number));
            }
            Tick::Dead => {
                drop(guard);
                metrics::DEAD.up();
                self.close(Close::Dead);
            }
        }
    }

    /// Returns when the outbox is low enough for another page. False if the connection is closed.
    pub(crate) async fn has_room(&self) -> bool {
        self.is_below(self.outbox_limit / 4).await
    }

    /// Returns when no more than `most` bytes wait; if it was more, when the outbox is low.
    async fn is_below(&self, most: usize) -> bool {
        loop {
            let low = self.low.notified();
            {
                let state = self.state();
                if state.closed {
                    return false;
                }
                if state.outbox.bytes() <= most {
                    return true;
                }
            }
            low.await;
        }
    }

    /// Asks the connection's task to close it.
    pub(crate) fn close(&self, why: Close) {
        self.close.store(why.code(), Ordering::Relaxed);
        self.closing.notify_one();
    }

    /// Writes what waits whenever the socket takes it. Returns when the socket is broken; the connection is closed then.
    async fn drain(&self) {
        loop {
            self.waiting.notified().await;
            loop {
                let writable = self.stream.writable().await;
                let mut state = self.state();
                if writable.is_err() {
                    return self.shut(&mut state);
                }
                let before = state.outbox.bytes();
                match state.outbox.drain(&self.stream) {
                    Ok(waits) => {
                        // The socket was full and takes more: the client reads, however slowly.
                        if state.outbox.bytes() < before {
                            state.confirmations.heard(clock::now_ms());
                        }
                        if state.outbox.bytes() <= self.outbox_limit / 4 {
                            self.low.notify_waiters();
                        }
                        if !waits {
                            break;
                        }
                    }
                    Err(_) => return self.shut(&mut state),
                }
            }
        }
    }
}

/// Reads a connection until it ends. `early` is what came behind the handshake already.
pub(crate) async fn serve(server: Arc<Server>, conn: Arc<Conn>, early: Vec<u8>) {
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(64 * 1024)
        .max_message_size(Some(server.config.max_event))
        .max_frame_size(Some(server.config.max_event));
    let socket = Socket(conn.clone());
    let mut ws =
        WebSocketStream::from_partially_read(socket, early, Role::Server, Some(limits)).await;
    let mut events = Events::new(server.clone(), conn.clone());
    let why = tokio::select! {
        why = read(&mut ws, &mut events, &conn) => why,
        // It ends `read` by closing the connection: an event that is being handled must not be dropped half done.
        never = async { conn.drain().await; std::future::pending().await } => never,
    };
    if let Some(why) = why {
        let frame = CloseFrame {
            code: CloseCode::from(why.code()),
            reason: why.reason().into(),
        };
        let handshake = async {
            let _ = ws.close(Some(frame)).await;
            while let Some(Ok(_)) = ws.next().await {}
        };
        Box::pin(async {
            tokio::select! {
                _ = timeout(CLOSING, handshake) => {}
                _ = conn.drain() => {}
            }
        })
        .await;
    }
    conn.shut(&mut conn.state());
    Box::pin(events.end()).await;
}

/// Handles events until the end; the code to close with, unless the connection is gone already.
async fn read(ws: &mut WebSocketStream<Socket>, events: &mut Events, conn: &Conn) -> Option<Close> {
    loop {
        // A slow reader is listened to: what it confirms is its sign of life. But not one that asks for more and more
        // answers that it does not read.
        tokio::select! {
            open = conn.is_below(2 * conn.outbox_limit) => if !open { return None },
            () = conn.closing.notified() => return closing(conn),
        }
        let message = tokio::select! {
            message = ws.next() => message,
            () = conn.closing.notified() => return closing(conn),
            () = conn.ticked.notified() => {
                let confirmed = std::mem::take(&mut conn.state().confirmed);
                events.confirm(&confirmed);
                continue;
            }
        };
        match message {
            Some(Ok(Message::Text(text))) => {
                if let Err(why) = events.handle(text.as_str()).await {
                    return Some(why);
                }
            }
            Some(Ok(Message::Pong(number))) => events.pong(&number),
            Some(Ok(Message::Ping(_))) => events.heard(),
            Some(Ok(Message::Binary(_))) => return Some(Close::Protocol),
            Some(Ok(Message::Close(_) | Message::Frame(_))) => {}
            Some(Err(error)) => return closing_of(&error),
            None => return None,
        }
    }
}

fn closing(conn: &Conn) -> Option<Close> {
    let wanted = conn.close.load(Ordering::Relaxed);
    [Close::GoingAway, Close::Dead, Close::Flood]
        .into_iter()
        .find(|close| close.code() == wanted)
}

fn closing_of(error: &Error) -> Option<Close> {
    debug!(%error, "a connection ended");
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(Close::TooBig),
        Error::Protocol(_) | Error::Utf8(_) => Some(Close::Protocol),
        _ => None,
    }
}

/// Two runs of frames as one.
pub(crate) fn joined(first: &Bytes, second: &Bytes) -> Bytes {
    let mut both = BytesMut::with_capacity(first.len() + second.len());
    both.extend_from_slice(first);
    both.extend_from_slice(second);
    both.freeze()
}
