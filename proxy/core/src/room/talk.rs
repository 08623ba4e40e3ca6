//! What a client's events do, and how seats end.

use super::Room;
use super::refusals::refusal;
use crate::ask::{Answer, Ask, Fault};
use crate::book::Leave;
use crate::budget::work::fan_out;
use crate::cx::{Cx, Purpose};
use crate::event::Event;
use crate::events;
use crate::handle::{ConnId, Handle, Push};
use crate::seat::{State, Waiting, Why};
use crate::wire::{About, Outgoing};
use bytes::Bytes;
use room_core::position::{Position, Seq};

impl<H: Handle> Room<H> {
    /// An event of a client takes effect, or waits for what is before it.
    pub(crate) fn client(
        &mut self,
        conn: ConnId,
        handle: &H,
        event: Event,
        bytes: usize,
        cx: &mut Cx<'_, H>,
    ) {
        match event {
            Event::Renewed(rights, name) => self.renewed(conn, rights, name, cx),
            Event::Revoked => self.revoked(conn, cx),
            Event::Banned(ban) => self.banned(conn, &ban, cx),
            event => self.said(conn, handle, event, bytes, cx),
        }
    }

    fn said(&mut self, conn: ConnId, handle: &H, event: Event, bytes: usize, cx: &mut Cx<'_, H>) {
        let seat = self.seats.get_mut(&conn);
        match (seat, event) {
            (Some(seat), event) if seat.waiting.is_some() => {
                if let Some(waiting) = &mut seat.waiting {
                    waiting.queue.push((event, bytes));
                }
            }
            (_, Event::Login(login)) => self.login(conn, handle, login, bytes, cx),
            (None, event) => {
                let about = self.about_of(&event);
                let what = format!("log in to room '{}' first", self.roomid);
                handle.push(
                    cx.now,
                    &events::error("NOLOGIN", &what, &about),
                    Push::Answer,
                );
                handle.done(bytes);
            }
            (Some(_), Event::Publish(message)) => self.publish(conn, handle, message, bytes, cx),
            (Some(_), Event::Signal(message)) => self.signal(conn, handle, message, bytes, cx),
            (Some(_), Event::Ack(position)) => self.ack(conn, handle, position, bytes, cx),
            (Some(seat), Event::Logout) => {
                let event = events::logout(&self.roomid, &seat.uid, None);
                // Its own connection asked: it need not be told that the seat is gone.
                self.end_seat(conn, Leave::Told, Some(&event), cx);
                handle.done(bytes);
            }
            (Some(seat), Event::Leave) if seat.guest => {
                let what = format!(
                    "you are a guest of room '{}', and have no membership to end: log out",
                    self.roomid
                );
                let event = events::error("GUEST", &what, &self.about("leave"));
                handle.push(cx.now, &event, Push::Answer);
                handle.done(bytes);
            }
            (Some(seat), Event::Leave) => {
                seat.waiting = Some(Box::new(Waiting {
                    why: Why::Leave,
                    queue: Vec::new(),
                    gone: false,
                }));
                let uid = seat.uid.clone();
                let purpose = Purpose::Left {
                    conn,
                    handle: handle.clone(),
                    bytes,
                };
                self.ask_client(Ask::Leave(uid), purpose, cx);
            }
            (Some(_), Event::Members(cursor)) => {
                let purpose = Purpose::Members {
                    handle: handle.clone(),
                    bytes,
                };
                self.ask_client(Ask::Members(cursor), purpose, cx);
            }
            (Some(_), Event::History(until, limit)) => {
                self.history(conn, (until, limit), bytes, cx);
            }
            (Some(_), Event::Renewed(..) | Event::Revoked | Event::Banned(_)) => {}
        }
    }

    /// Asks for a client; where there is no link that is answered at once.
    pub(super) fn ask_client(&mut self, ask: Ask, purpose: Purpose<H>, cx: &mut Cx<'_, H>) {
        if cx.is_up() {
            self.ask(cx, ask, purpose);
        } else {
            self.open += 1;
            self.answer(purpose, Err(Fault::Down), cx);
        }
    }

    fn about_of(&self, event: &Event) -> About {
        let (name, id) = match event {
            Event::Login(_) => ("login", None),
            Event::Publish(out) | Event::Signal(out) => (out.event.as_str(), out.id.clone()),
            Event::Ack(_) => ("ack", None),
            Event::Logout => ("logout", None),
            Event::Leave => ("leave", None),
            Event::Members(_) => ("members", None),
            Event::History(..) => ("history", None),
            Event::Renewed(..) | Event::Revoked | Event::Banned(_) => ("refresh", None),
        };
        About {
            id,
            ..self.about(name)
        }
    }

    fn publish(
        &mut self,
        conn: ConnId,
        handle: &H,
        message: Outgoing,
        bytes: usize,
        cx: &mut Cx<'_, H>,
    ) {
        let Some(seat) = self.seats.get(&conn) else {
            return;
        };
        let (id, uid) = (message.id.clone(), seat.uid.clone());
        // A guest pays for no membership: so it makes no room either.
        let only_existing = seat.guest;
        let payload: Bytes = message.payload(seat.name.as_deref()).into();
        let what = ("message", id.as_ref(), bytes);
        if !self.may_say(conn, payload.len(), what, cx) {
            return;
        }
        handle.spent(fan_out(payload.len(), self.seats.len()));
        let ask = Ask::Publish {
            uid,
            id: id.clone(),
            payload,
            only_existing,
        };
        let purpose = Purpose::Published {
            conn,
            handle: handle.clone(),
            id,
            bytes,
            after: self.ring.at().seq,
        };
        self.ask_client(ask, purpose, cx);
    }

    fn signal(
        &mut self,
        conn: ConnId,
        handle: &H,
        message: Outgoing,
        bytes: usize,
        cx: &mut Cx<'_, H>,
    ) {
        let Some(seat) = self.seats.get(&conn) else {
            return;
        };
        let (id, event, uid) = (message.id.clone(), message.event.clone(), seat.uid.clone());
        let payload: Bytes = message.payload(seat.name.as_deref()).into();
        let what = (event.as_str(), id.as_ref(), bytes);
        if !self.may_say(conn, payload.len(), what, cx) {
            return;
        }
        handle.spent(fan_out(payload.len(), self.seats.len()));
        let purpose = Purpose::Signalled {
            handle: handle.clone(),
            id,
            event,
            bytes,
        };
        self.ask_client(Ask::Signal(uid, payload), purpose, cx);
    }

    pub(super) fn published(
        &mut self,
        (conn, after): (ConnId, Seq),
        handle: &H,
        id: Option<String>,
        bytes: usize,
        answer: Result<Answer, Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        let event = match (answer, id) {
            (Ok(Answer::Published(published)), Some(id)) => {
                if let (Some(at), Some(seat)) = (published.position, self.seats.get_mut(&conn)) {
                    seat.vouch(at, at.seq <= after && !published.duplicate);
                }
                Some(events::sent(&self.roomid, &id, &published))
            }
            (Ok(_), _) => None,
            (Err(fault), id) => Some(refusal(
                &fault,
                &About {
                    id,
                    ..self.about("message")
                },
            )),
        };
        if let Some(event) = event {
            handle.push(cx.now, &event, Push::Answer);
        }
        handle.done(bytes);
    }

    pub(super) fn signalled(
        &mut self,
        handle: &H,
        id: Option<String>,
        event: String,
        bytes: usize,
        fault: Option<Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        if let Some(fault) = fault {
            let about = About {
                id,
                ..self.about(&event)
            };
            handle.push(cx.now, &refusal(&fault, &about), Push::Answer);
        }
        handle.done(bytes);
    }

    fn ack(&mut self, conn: ConnId, handle: &H, to: Position, bytes: usize, cx: &mut Cx<'_, H>) {
        let Some(seat) = self.seats.get(&conn) else {
            return;
        };
        let uid = seat.uid.clone();
        if seat.was_sent(to) {
            self.confirmed(&uid, conn, to, cx);
        } else {
            let what = format!("'{to}' was not sent on this connection");
            let event = events::error("BADPOS", &what, &self.about("ack"));
            handle.push(cx.now, &event, Push::Answer);
        }
        handle.done(bytes);
    }

    /// Redis answered the end of a membership.
    pub(super) fn left(
        &mut self,
        conn: ConnId,
        handle: &H,
        bytes: usize,
        fault: Option<Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        let waiting = self
            .seats
            .get_mut(&conn)
            .and_then(|seat| match &seat.waiting {
                Some(waiting) if matches!(waiting.why, Why::Leave) => seat.waiting.take(),
                _ => None,
            });
        // If the announcement was first, the seat has ended, and its client was told.
        let queue = waiting.map(|waiting| waiting.queue);
        match (fault, self.seats.get(&conn)) {
            (Some(fault), _) => {
                handle.push(cx.now, &refusal(&fault, &self.about("leave")), Push::Answer);
            }
            (None, Some(seat)) if queue.is_some() => {
                let event = events::logout(&self.roomid, &seat.uid, Some("left"));
                self.end_seat(conn, Leave::Told, Some(&event), cx);
            }
            _ => {}
        }
        handle.done(bytes);
        self.go_through(conn, handle, queue.unwrap_or_default(), cx);
    }

    pub(super) fn members(
        &mut self,
        handle: &H,
        bytes: usize,
        answer: Result<Answer, Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        let event = match answer {
            Ok(Answer::Members(next, rows)) => events::members(
                &self.roomid,
                &next,
                &rows,
                self.counts.total,
                self.counts.online,
            ),
            Ok(_) => return handle.done(bytes),
            Err(fault) => refusal(&fault, &self.about("members")),
        };
        handle.push(cx.now, &event, Push::Answer);
        handle.done(bytes);
    }

    /// A connection is gone: no more is to be handed to it.
    pub(crate) fn gone(&mut self, conn: ConnId, cx: &mut Cx<'_, H>) {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        let uid = seat.uid.clone();
        let waiting = seat.waiting.take();
        self.abandon(waiting.as_ref().map(|waiting| &waiting.why));
        self.book.exit(&uid, conn, Leave::Away);
        self.drop_seat(conn, cx);
        self.report_soon(cx);
    }

    /// Ends a seat with a last word; what waited for it takes effect, and finds no seat.
    pub(super) fn end_seat(
        &mut self,
        conn: ConnId,
        how: Leave,
        event: Option<&Bytes>,
        cx: &mut Cx<'_, H>,
    ) {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        let (handle, uid, number) = (seat.handle.clone(), seat.uid.clone(), seat.number);
        let waiting = seat.waiting.take();
        let (why, queue) = match waiting {
            Some(waiting) => (Some(waiting.why), waiting.queue),
            None => (None, Vec::new()),
        };
        if let Some(Why::Login { bytes, .. }) = &why {
            // Its answer will find no seat to give them back.
            handle.done(*bytes);
        }
        self.abandon(why.as_ref());
        if let Some(event) = event {
            handle.push(cx.now, event, Push::Answer);
        }
        self.book.exit(&uid, conn, how);
        self.drop_seat(conn, cx);
        handle.ended(&self.roomid, number);
        self.report_soon(cx);
        self.go_through(conn, &handle, queue, cx);
    }

    /// A seat goes. What was asked for it goes on until its answer, which finds no seat.
    fn abandon(&mut self, why: Option<&Why>) {
        if let Some(Why::Login {
            login,
            asked: false,
            ..
        }) = why
            && !login.guest
        {
            self.book.withdraw(&login.uid);
        }
    }

    pub(super) fn drop_seat(&mut self, conn: ConnId, cx: &mut Cx<'_, H>) {
        self.stop_reading_back(conn, cx);
        if let Some(place) = self.seats.find(&conn) {
            self.seats.remove(place);
            cx.figures.seats = cx.figures.seats.saturating_sub(1);
            // Another one stands in its place: nobody is to be passed over.
            self.left = if self.left > 0 {
                self.seats.len() as u32
            } else {
                0
            };
        }
        if self.seats.is_empty() {
            self.times.shrink = self.times.shrink.min(cx.now + cx.settings.room_pause);
        }
    }

    /// The proxy stops: whoever is still here is away.
    pub(crate) fn stop(&mut self, cx: &mut Cx<'_, H>) {
        self.stops = true;
        let conns: Vec<_> = self.seats.rows().iter().map(|seat| seat.conn).collect();
        for conn in conns {
            self.put(conn, State::Gone);
            self.gone(conn, cx);
        }
        self.flush(cx);
    }
}
