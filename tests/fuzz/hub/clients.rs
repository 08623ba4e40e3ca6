//! What clients and their connections do.

use super::{UNANSWERED, World};
use crate::desk::uid;
use crate::steps::Step;
use hub_core::bans::Ban;
use hub_core::budget::admission::Admission;
use hub_core::event::{Event, Login};
use hub_core::history::MOST;
use hub_core::rights::Rights;
use hub_core::wire::Outgoing;
use std::sync::Arc;

impl World {
    pub(super) fn client(&mut self, step: &Step<'_>) {
        let (conn, room, event) = match step {
            Step::Login { conn, room, .. } => (*conn, *room, self.login(step)),
            Step::Publish {
                conn,
                room,
                id,
                size,
            } => {
                let id = id.then(|| size.to_string());
                (*conn, *room, Event::Publish(outgoing("message", id, *size)))
            }
            Step::Signal { conn, room, size } => {
                (*conn, *room, Event::Signal(outgoing("typing", None, *size)))
            }
            Step::Ack(conn, room, at) => {
                let log = &self.logs[usize::from(*room) % 3];
                (*conn, *room, Event::Ack(at.of(|back| log.back(back))))
            }
            Step::Logout(conn, room) => (*conn, *room, Event::Logout),
            Step::Leave(conn, room) => (*conn, *room, Event::Leave),
            Step::Members(conn, room, back) if *room > 127 => {
                let log = &self.logs[usize::from(*room) % 3];
                let until = (back.0 % 3 > 0).then(|| log.back(back.0 % 80));
                (*conn, *room, Event::History(until, 1 + back.0 % MOST))
            }
            Step::Members(conn, room, cursor) => (*conn, *room, Event::Members(cursor.0)),
            Step::Renewed(conn, room, bits) => (*conn, *room, Event::Renewed(rights(*bits), None)),
            Step::Revoked(conn, room) if *room > 127 => (*conn, *room, Event::Banned(ban())),
            Step::Revoked(conn, room) => (*conn, *room, Event::Revoked),
            _ => return,
        };
        let slot = &self.slots[self.place(conn)];
        let socket = &slot.conn.0;
        let bytes = match &event {
            Event::Renewed(..) | Event::Revoked | Event::Banned(_) => 0,
            _ if socket.open.get() >= UNANSWERED => return,
            Event::Publish(out) | Event::Signal(out) => 1 + out.fields.len(),
            _ => 1,
        };
        if bytes > 0 {
            socket.open.set(socket.open.get() + 1);
            socket.held.set(socket.held.get() + bytes);
        }
        let room = self.names[usize::from(room) % 3].clone();
        let (now, id, handle) = (self.now, slot.id, slot.conn.clone());
        let asks = &mut self.asks;
        self.hub.client(now, id, &handle, &room, event, bytes, asks);
    }

    fn login(&mut self, step: &Step<'_>) -> Event {
        let Step::Login {
            conn,
            room,
            uid: who,
            since,
            history,
            acks,
            rights: bits,
        } = step
        else {
            return Event::Logout;
        };
        let logins = &self.slots[self.place(*conn)].conn.0.logins;
        logins.set(logins.get() + 1);
        let uid: Arc<str> = uid(*who).into();
        self.judge.uids.insert(uid.clone());
        let log = &self.logs[usize::from(*room) % 3];
        Event::Login(Box::new(Login {
            number: logins.get(),
            uid,
            name: None,
            since: since.map(|at| at.of(|back| log.back(back))),
            history: (*history).into(),
            acks: *acks,
            guest: *who > 127,
            rights: rights(*bits),
            told: None,
            admission: Admission::Free,
        }))
    }

    pub(super) fn socket(&mut self, step: &Step<'_>) {
        match step {
            Step::Gone(conn) => {
                let place = self.place(*conn);
                let slot = self.slot();
                let gone = std::mem::replace(&mut self.slots[place], slot);
                gone.conn.0.gone.set(true);
                let (now, names) = (self.now, &self.names);
                self.hub.gone(now, gone.id, names, &mut self.asks);
            }
            Step::Dies(conn) => self.slots[self.place(*conn)].conn.0.gone.set(true),
            Step::Full(conn, full) => self.slots[self.place(*conn)].conn.0.full.set(*full),
            Step::Low(conn) => {
                let slot = &self.slots[self.place(*conn)];
                slot.conn.0.full.set(false);
                let (now, names) = (self.now, &self.names);
                self.hub.low(now, slot.id, names, &mut self.asks);
            }
            _ => {}
        }
    }

    pub(super) fn beat(&mut self, step: &Step<'_>) {
        match step {
            Step::Beat(conn) => {
                let beat = &self.slots[self.place(*conn)].conn.0.beat;
                beat.set(beat.get() + 1);
            }
            Step::Answered(conn, back) => {
                let slot = &self.slots[self.place(*conn)];
                let beat = slot.conn.0.beat.get().saturating_sub((*back).into());
                let (now, names) = (self.now, &self.names);
                self.hub.answered(now, slot.id, names, beat, &mut self.asks);
            }
            _ => {}
        }
    }
}

fn ban() -> Ban {
    Ban {
        until: None,
        reason: "spam".into(),
    }
}

fn rights(bits: u8) -> Rights {
    const NAMES: [&str; 8] = [
        "read", "publish", "signal", "history", "members", "leave", "member", "guest",
    ];
    let named = NAMES.iter().enumerate();
    Rights::named(
        named
            .filter(|(at, _)| bits >> at & 1 == 0)
            .map(|(_, name)| *name),
    )
}

fn outgoing(event: &str, id: Option<String>, size: u16) -> Outgoing {
    Outgoing {
        roomid: None,
        id,
        event: event.into(),
        fields: format!(",\"message\":\"{}\"", "y".repeat((size % 2048).into())),
        has_name: false,
    }
}
