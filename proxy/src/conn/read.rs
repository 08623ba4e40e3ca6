//! Reads a connection, and hands the client's events to the rooms.

use super::admission;
use super::brake::{Brake, Brakes};
use super::shared::{Conn, ConnHandle, News};
use super::socket::Socket;
use super::speech;
use crate::auth::judge::Judge;
use crate::bans::Banned;
use crate::broken::panic_at;
use crate::clock::{self, unix_ms};
use crate::inbox::{Inboxes, Input};
use crate::metrics::Metrics;
use futures_util::StreamExt;
use hub_core::budget::payer::Payer;
use hub_core::budget::purse::Purse;
use hub_core::client::{Act, Client, ClientLimits, Look};
use hub_core::close::Close;
use hub_core::event::Event;
use hub_core::handle::Beat;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use std::vec::IntoIter;
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::debug;

/// What all connections' tasks need.
pub(crate) struct Reading {
    pub(crate) inboxes: Arc<Inboxes>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: ClientLimits,
    pub(crate) brakes: Brakes,
    /// Who looks at tokens, if they are asked for.
    pub(crate) judge: Option<Arc<Judge>>,
    /// Who is banned. Whoever acts on the table keeps hold of it until that is done: who changes it looks for those
    /// afterwards whom the change is about, and then they are to be seen.
    pub(crate) banned: Arc<Banned>,
    /// The largest event, in bytes.
    pub(crate) max_event: usize,
    /// A defect on request.
    pub(crate) panics: bool,
}

/// The task's own half. However it ends, also by a panic, the rooms are told.
pub(super) struct Reader {
    client: Client,
    /// A token that is to be looked at before anything else is read.
    look: Option<Box<Look>>,
    brake: Brake,
    /// What is left of an event that was too much at once.
    rest: Option<Box<IntoIter<Act>>>,
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
    /// Of a connection that begins; `look` is for a token that came with it.
    pub(super) fn new(reading: Arc<Reading>, conn: Arc<Conn>, look: Option<Box<Look>>) -> Self {
        Self {
            client: Client::new(reading.limits),
            look,
            brake: Brake::default(),
            rest: None,
            reading,
            conn,
        }
    }

    /// What is left to be paid for is.
    pub(super) fn settle(&self, purse: &mut Purse) {
        purse.spend(self.conn.take_news().work);
        self.reading.brakes.budgets.settle(clock::now_ms(), purse);
    }

    /// Handles events until the end; the code to close with, unless the connection is gone already.
    pub(super) async fn read(&mut self, ws: &mut WebSocketStream<Socket>) -> Option<Close> {
        loop {
            if let ControlFlow::Break(why) = self.hear(&mut ws.get_mut().purse) {
                return why;
            }
            let purse = &mut ws.get_mut().purse;
            if let Some(look) = self.look.take() {
                // Boxed: it is rare, and each connection would have place for it.
                if let ControlFlow::Break(why) = Box::pin(self.look_at(*look, purse)).await {
                    return why;
                }
                continue;
            }
            if purse.is_due() {
                let now = clock::now_ms();
                let wait = self.reading.brakes.budgets.settle(now, purse);
                if wait > 0 {
                    let payer = purse.payer();
                    // Boxed: it is rare, and each connection would have place for it.
                    if let Some(why) = Box::pin(self.slow_down(now, wait, payer)).await {
                        return Some(why);
                    }
                    continue;
                }
            }
            if let Some(rest) = self.rest.take() {
                let why = self.act_in_turn(*rest, purse);
                // Who was banned meanwhile was not yet seen to be here by whoever told of it.
                if let Some(why) = why.or_else(|| self.look_at_bans()) {
                    return Some(why);
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
                    let why = self.handle(message, &mut ws.get_mut().purse);
                    if why.is_some() {
                        return why;
                    }
                }
                Some(Err(error)) => return self.closing_of(&error),
                None => return None,
            }
        }
    }

    /// It is above its budget: nothing is read for a while, which is not the client's silence.
    async fn slow_down(&mut self, now: u64, wait: u64, payer: Payer) -> Option<Close> {
        let who = (payer, self.client.logged_in_as());
        let why = self
            .brake
            .press((now, wait), who, &self.conn, &self.reading.brakes);
        if why.is_some() {
            return why;
        }
        self.conn.pauses_reading();
        let wait = sleep(Duration::from_millis(wait));
        tokio::select! {
            () = wait => {}
            () = self.conn.news.notified() => {}
            // Nobody needs what is left of its logins.
            () = self.conn.is_gone(), if self.rest.is_some() => self.rest = None,
        }
        self.conn.heard(clock::now_ms());
        None
    }

    /// Looks at what others have for this connection; it may be its end.
    fn hear(&mut self, purse: &mut Purse) -> ControlFlow<Option<Close>> {
        let news = self.conn.take_news();
        purse.spend(news.work);
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
        // What is left of a login comes before, or it would take effect after its ban.
        if let Some(rest) = self.rest.take()
            && let Some(why) = self.act_all(*rest)
        {
            return Some(why);
        }
        self.look_at_bans()
    }

    /// Whom a ban keeps out goes.
    fn look_at_bans(&mut self) -> Option<Close> {
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

    fn handle(&mut self, message: Message, purse: &mut Purse) -> Option<Close> {
        let now = clock::now_ms();
        match message {
            Message::Text(text) => {
                self.reading.metrics.events.inc();
                self.conn.heard(now);
                let banned = self.reading.banned.clone();
                let bans = banned.read();
                let acts = self.client.text(now, text.as_str(), bans.at(unix_ms()));
                purse.spend(self.client.take_work());
                return self.act_in_turn(acts.into_iter(), purse);
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
    async fn look_at(&mut self, look: Look, purse: &mut Purse) -> ControlFlow<Option<Close>> {
        let Some(judge) = self.reading.judge.clone() else {
            return ControlFlow::Continue(());
        };
        let found = {
            let mut looking = pin!(judge.look(&look.token));
            loop {
                tokio::select! {
                    found = &mut looking => break found,
                    // A key may have to be asked for: whoever is to go does not stay for that.
                    () = self.conn.news.notified() => self.hear(purse)?,
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
        if let Some(uid) = self.client.uid() {
            self.reading.brakes.budgets.belongs(now, purse, uid);
        }
        self.conn.set_end(self.client.ends());
        or_on(self.act_in_turn(acts.into_iter(), purse))
    }

    /// Does one after the other; when the budget is used up the rest is done later.
    fn act_in_turn(&mut self, mut acts: IntoIter<Act>, purse: &mut Purse) -> Option<Close> {
        while let Some(act) = acts.next() {
            purse.spend(act.work());
            if let Some(why) = self.act(act) {
                return Some(why);
            }
            if purse.is_due() && acts.len() > 0 {
                self.rest = Some(Box::new(acts));
                return None;
            }
        }
        None
    }

    /// Does them in their order; the code to close with, if one of them is that.
    fn act_all(&mut self, acts: impl IntoIterator<Item = Act>) -> Option<Close> {
        acts.into_iter().find_map(|act| self.act(act))
    }

    fn act(&mut self, act: Act) -> Option<Close> {
        match act {
            Act::Room(roomid, mut event, bytes) => {
                panic_at("connection", self.reading.panics, &roomid);
                let (brakes, tokens) = (&self.reading.brakes, self.reading.limits.tokens);
                let budgets = &brakes.budgets;
                let uid = self.client.logged_in_as();
                if speech::is_refused(&self.conn, brakes, (tokens, uid), &roomid, &event) {
                    self.client.done(bytes);
                    return None;
                }
                if let Event::Login(login) = &mut event {
                    admission::pay(&self.conn, budgets, tokens, login);
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
            Act::Tell(frames) => self.conn.say(&frames),
            Act::Answered => {
                if let Some(beat) = self.conn.answered() {
                    self.confirm(beat);
                }
            }
            Act::Look(look) => self.look = Some(Box::new(look)),
            Act::Close(why) => return Some(why),
        }
        None
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
