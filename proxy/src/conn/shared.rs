//! The half of a connection that everybody shares. Rooms push frames into it from their threads, the clock looks at it, and
//! what they have for the connection's own task is kept in [`News`] until that asks.

use super::outbox::Outbox;
use super::patience::{GivenUp, Patience, Waits};
use super::tls::Wire;
use super::who::Who;
use crate::clock;
use bytes::Bytes;
use hub_core::beats::{Beats, Tick};
use hub_core::close::Close;
use hub_core::event::LoginNumber;
use hub_core::events;
use hub_core::handle::{Beat, ConnId};
use parking_lot::{Mutex, MutexGuard};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

mod handle;

pub(crate) use handle::ConnHandle;

/// How long the events of a client that is gone may wait for one of them to have its effect.
const LAST_EFFECT: Duration = Duration::from_secs(2);

/// What others have for a connection's task.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Somebody wants it closed.
    pub(crate) close: Option<Close>,
    /// A pong counts as the answer to this heartbeat.
    pub(crate) confirmed: Option<Beat>,
    /// Little waits again after something was refused as too much.
    pub(crate) low: bool,
    /// Events that have had their effect, and their bytes.
    pub(crate) done: usize,
    pub(crate) done_bytes: usize,
    /// What rooms did for it.
    pub(crate) work: u64,
    /// Sessions that a room ended.
    pub(crate) ended: Vec<(Arc<str>, LoginNumber)>,
    /// There are other bans, and one may be of somebody who logged in here.
    pub(crate) bans: bool,
    /// The socket is broken, or was closed by us.
    pub(crate) closed: bool,
}

struct State {
    outbox: Outbox,
    beats: Beats,
    waits: Waits,
    news: News,
    who: Who,
    /// When the client's token ends; 0 for never.
    ends: u64,
    /// Somebody is to be told when little waits.
    tells_low: bool,
    /// The task waits for an event to have its effect.
    tells_done: bool,
    /// The goodbye of WebSocket is written, behind which nothing may follow (RFC 6455, section 5.5.1).
    is_over: bool,
}

/// See the top of the file.
pub(crate) struct Conn {
    id: ConnId,
    stream: TcpStream,
    /// Whom it counts for: the other end, or whom a trusted proxy names.
    pub(super) client: IpAddr,
    state: Mutex<State>,
    /// The outbox has something that the socket did not take at once.
    waiting: Notify,
    /// There is news that the task must not wait with.
    pub(super) news: Notify,
    outbox_limit: usize,
    /// What comes is encrypted.
    pub(super) is_secure: bool,
    /// New ones that were had on it, or may be.
    pub(super) memberships: AtomicU32,
}

impl Conn {
    /// One that begins at `now`; beyond `outbox_limit` bytes rooms are told that it is full.
    pub(crate) fn new(
        id: ConnId,
        Wire { stream, tls }: Wire,
        client: IpAddr,
        outbox_limit: usize,
        now: u64,
    ) -> Self {
        Self {
            id,
            stream,
            client,
            is_secure: tls.is_some(),
            memberships: AtomicU32::new(0),
            state: Mutex::new(State {
                outbox: Outbox::new(tls),
                beats: Beats::new(now),
                waits: Waits::new(now),
                news: News::default(),
                who: Who::default(),
                ends: 0,
                tells_low: false,
                tells_done: false,
                is_over: false,
            }),
            waiting: Notify::new(),
            news: Notify::new(),
            outbox_limit,
        }
    }

    pub(crate) const fn id(&self) -> ConnId {
        self.id
    }

    pub(super) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    #[inline]
    fn write(&self, state: &mut State, frames: &Bytes, more: bool) {
        if state.is_over {
            return;
        }
        match state.outbox.push(&self.stream, frames, more) {
            Ok(false) => {}
            Ok(true) => self.waiting.notify_one(),
            Err(_) => self.shut(state),
        }
    }

    fn shut(&self, state: &mut State) {
        state.news.closed = true;
        state.outbox = Outbox::default();
        self.news.notify_one();
    }

    /// Sends frames that answer the client.
    pub(super) fn say(&self, frames: &Bytes) {
        let mut state = self.state();
        if !state.news.closed {
            self.write(&mut state, frames, false);
        }
    }

    /// Sends the goodbye of WebSocket.
    pub(super) fn say_last(&self, frame: &Bytes) {
        let mut state = self.state();
        if !state.news.closed {
            self.write(&mut state, frame, false);
            state.is_over = true;
        }
    }

    /// Sends frames that it is asked to confirm, with a heartbeat behind them in the same packet where one is due.
    #[inline]
    fn write_noted(&self, state: &mut State, frames: &Bytes, now: u64) -> Beat {
        let noted = state.beats.note();
        let beat = state.beats.may_beat(now);
        self.write(state, frames, beat);
        if beat {
            self.beat(state, now);
        }
        noted
    }

    fn beat(&self, state: &mut State, now: u64) {
        let (_, ping) = state.beats.beat(now);
        self.write(state, events::heartbeat(), ping.is_some());
        if let Some(number) = ping {
            self.write(state, &events::ping(number), false);
        }
    }

    /// Looks at the clock; this process stood still for `paused` ms of the last time. Why it is given up, once.
    pub(crate) fn tick(&self, now: u64, paused: u64, patience: &Patience) -> Option<GivenUp> {
        let mut state = self.state();
        if state.news.closed || state.news.close.is_some() {
            return None;
        }
        if state.ends > 0 && now >= state.ends {
            state.news.close = Some(Close::Expired);
            self.news.notify_one();
            return None;
        }
        if paused > 0 {
            state.beats.paused(now, paused);
            state.waits.paused(now, paused);
        }
        let queued = state.outbox.bytes();
        let given_up = match state.waits.look(now, queued, patience) {
            None => self.tick_beats(&mut state, now, patience),
            given_up => given_up,
        }?;
        state.news.close = Some(given_up.close());
        self.news.notify_one();
        Some(given_up)
    }

    fn tick_beats(&self, state: &mut State, now: u64, patience: &Patience) -> Option<GivenUp> {
        let waits = state.beats.waits();
        match state.beats.tick(now, patience.idle, patience.dead, waits) {
            Tick::Nothing => {}
            Tick::Beat => self.beat(state, now),
            Tick::Ping => {
                let number = state.beats.ping(now);
                self.write(state, &events::ping(number), false);
            }
            Tick::Confirmed(beat) => {
                state.news.confirmed = Some(beat);
                self.news.notify_one();
            }
            Tick::Dead => return Some(GivenUp::Silent),
        }
        None
    }

    /// The bytes that came end within a message, or not; one was `finished` by them.
    pub(super) fn came(&self, within: bool, finished: bool) {
        self.state().waits.came(within, finished, clock::now_ms());
    }

    /// Nothing is read for a while, which is not the client's doing.
    pub(super) fn pauses_reading(&self) {
        self.state().waits.pauses_reading();
    }

    /// Somebody logs in here.
    pub(super) fn logged_in(&self, uid: &Arc<str>) {
        let mut state = self.state();
        state.waits.logged_in();
        state.who.logs_in(uid);
    }

    /// Who logged in here.
    pub(crate) fn who(&self) -> Who {
        self.state().who.clone()
    }

    /// Has the connection's task look at the bans.
    pub(crate) fn look_at_bans(&self) {
        self.state().news.bans = true;
        self.news.notify_one();
    }

    /// Something came from the client.
    pub(super) fn heard(&self, now: u64) {
        self.state().beats.heard(now);
    }

    /// The client answered a heartbeat: which one.
    pub(super) fn answered(&self) -> Option<Beat> {
        self.state().beats.answered()
    }

    /// The client's WebSocket stack answered a ping.
    pub(super) fn ponged(&self, number: u64) {
        self.state().beats.ponged(number);
    }

    /// The client's token ends then.
    pub(super) fn set_end(&self, ends: Option<u64>) {
        self.state().ends = ends.unwrap_or(0);
    }

    /// Asks the connection's task to close it.
    pub(crate) fn close(&self, why: Close) {
        self.state().news.close.get_or_insert(why);
        self.news.notify_one();
    }

    /// What is new since it was last asked.
    pub(super) fn take_news(&self) -> News {
        let mut state = self.state();
        state.tells_done = false;
        let (close, closed) = (state.news.close, state.news.closed);
        let news = std::mem::take(&mut state.news);
        (state.news.close, state.news.closed) = (close, closed);
        news
    }

    /// Asks for news when an event has had its effect.
    pub(super) fn want_done(&self) {
        let mut state = self.state();
        state.tells_done = true;
        if state.news.done > 0 {
            self.news.notify_one();
        }
    }

    /// So much waits that nothing more is to be read; if so, there is news when little does.
    pub(super) fn is_crowded(&self) -> bool {
        let mut state = self.state();
        let crowded = state.outbox.bytes() > 2 * self.outbox_limit;
        state.tells_low |= crowded;
        crowded
    }

    /// Returns when the client is gone, while nobody reads.
    pub(super) async fn is_gone(&self) {
        // Of what nobody reads only its end shows: this is ready at a FIN or a reset, and not at bytes.
        let _ = self.stream.ready(Interest::PRIORITY).await;
    }

    /// Waits for news without reading. False: there is none, and the client is gone.
    pub(super) async fn has_news(&self) -> bool {
        tokio::select! {
            biased;
            () = self.news.notified() => return true,
            () = self.is_gone() => {}
        }
        // What it sent before it went still has its effect, as long as there is one now and then.
        timeout(LAST_EFFECT, self.news.notified()).await.is_ok()
    }

    /// The connection is over.
    pub(super) fn end(&self) {
        let state = &mut self.state();
        state.outbox.farewell(&self.stream);
        self.shut(state);
    }

    /// Reads what came encrypted, in plain. `None`: nothing yet, though the socket may have more. 0 bytes: the end. Also how
    /// many records came.
    pub(super) fn receive(&self, buf: &mut [u8]) -> io::Result<(Option<usize>, u64)> {
        let outbox = &mut self.state().outbox;
        let before = outbox.bytes();
        let received = outbox.receive(&self.stream, buf);
        // The session may have answered, and the socket be full.
        if outbox.bytes() > before {
            self.waiting.notify_one();
        }
        Ok((received?, outbox.records()))
    }

    /// Writes what waits whenever the socket takes it. Returns when the socket is broken; the connection is closed then.
    pub(super) async fn drain(&self) {
        loop {
            self.waiting.notified().await;
            loop {
                let writable = self.stream.writable().await;
                let mut state = self.state();
                if writable.is_err() {
                    return self.shut(&mut state);
                }
                let before = state.outbox.bytes();
                let drained = state.outbox.drain(&self.stream);
                let Ok(waits) = drained else {
                    return self.shut(&mut state);
                };
                let left = state.outbox.bytes();
                // The socket was full and takes more: the client reads, however slowly.
                if left < before {
                    state.beats.heard(clock::now_ms());
                    state.waits.wrote();
                }
                if left <= self.outbox_limit / 4 && std::mem::take(&mut state.tells_low) {
                    state.news.low = true;
                    self.news.notify_one();
                }
                if !waits {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
