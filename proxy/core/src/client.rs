//! A connection as a state machine: which room each of its events is for, and how much of them is still under way.
//!
//! Whether somebody is in a room is the room's to say: it refuses what comes after the end of a session, in the order in
//! which it came. The list kept here only chooses the room of an event that names none, and says which rooms must hear that
//! the connection ended; so a room stays in it as long as the room may know the connection.

use crate::bans::Sight;
use crate::budget::admission::Admission;
use crate::budget::work;
use crate::close::Close;
use crate::event::{self, Event, LoginNumber};
use crate::events;
use crate::holder::{Denied, Holder, about, may, may_enter};
use crate::rights::{Right, Rights};
use crate::wire::{self, About, Bad, ClientEvent, Login, Outgoing, Role};
use smallvec::SmallVec;
use std::sync::Arc;

mod act;
mod ban;
mod look;

pub use act::Act;
pub use look::Look;

/// What is kept of an event beside its text, about.
const EACH: usize = 64;

/// What a client may do.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// Rooms that a connection may be in.
    pub max_rooms: usize,
    /// Events without effect yet; with more the connection stops reading.
    pub unanswered: usize,
    /// The same in bytes.
    pub held_bytes: usize,
    /// Whether a client has to show who it is; else everybody is who they say, and may do everything.
    pub tokens: bool,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            max_rooms: 100,
            unanswered: 64,
            held_bytes: 256 * 1024,
            tokens: false,
        }
    }
}

/// A room that may know this connection.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The last login, and which of the connection's uids it is of.
    login: LoginNumber,
    whose: u16,
    /// What its client may do there, and as what.
    rights: Rights,
    role: Role,
    /// The client wants to go; its session goes on until the room says otherwise, as leaving may be refused.
    leaving: bool,
}

/// See the top of the file.
#[derive(Debug)]
pub struct Client {
    limits: ClientLimits,
    /// In the order of the logins, each with the place of the same index.
    rooms: Vec<Arc<str>>,
    places: Vec<Place>,
    /// Who logged in: one, but where everybody is who they say.
    uids: SmallVec<[Arc<str>; 1]>,
    logins: LoginNumber,
    /// The token that it showed.
    holder: Option<Box<Holder>>,
    /// It logged in as one that confirms by `ack` events: an answer to its pings is taken for no progress.
    acks: bool,
    /// Events under way, and their bytes.
    open: usize,
    held: usize,
    /// What its events cost since that was last asked.
    work: u64,
}

impl Client {
    /// One that said nothing yet.
    pub fn new(limits: ClientLimits) -> Self {
        Self {
            limits,
            rooms: Vec::new(),
            places: Vec::new(),
            uids: SmallVec::new(),
            logins: 0,
            holder: None,
            acks: false,
            open: 0,
            held: 0,
            work: 0,
        }
    }

    /// The rooms that may know this connection, in the order of the logins.
    pub fn rooms(&self) -> &[Arc<str>] {
        &self.rooms
    }

    /// So much is under way that the connection is to stop reading.
    pub fn is_full(&self) -> bool {
        self.open >= self.limits.unanswered || self.held >= self.limits.held_bytes
    }

    /// An event of so many bytes has had its effect.
    pub const fn done(&mut self, bytes: usize) {
        self.open = self.open.saturating_sub(1);
        self.held = self.held.saturating_sub(bytes);
    }

    /// A room ended the session that this login began (a kick, say), or refused to begin one.
    pub fn ended(&mut self, roomid: &str, login: LoginNumber) {
        if let Some(at) = self.at(roomid)
            && self
                .places
                .get(at)
                .is_some_and(|place| place.login == login)
        {
            self.forget(at);
        }
    }

    fn at(&self, roomid: &str) -> Option<usize> {
        self.rooms.iter().position(|known| **known == *roomid)
    }

    fn forget(&mut self, at: usize) {
        self.rooms.remove(at);
        self.places.remove(at);
    }

    /// What its events cost since this was last asked, beside their frames.
    pub const fn take_work(&mut self) -> u64 {
        std::mem::replace(&mut self.work, 0)
    }

    /// Who it is, by its token.
    pub fn uid(&self) -> Option<&str> {
        self.holder.as_ref().map(|holder| &*holder.pass.uid)
    }

    /// A uid that logged in on it, if any did.
    pub fn logged_in_as(&self) -> Option<&str> {
        self.uids.first().map(|uid| &**uid)
    }

    /// When its token ends, by the clock of `now`.
    pub fn ends(&self) -> Option<u64> {
        self.holder.as_ref().map(|holder| holder.ends())
    }

    /// The client's event, while these bans hold.
    pub fn text(&mut self, now: u64, text: &str, bans: Sight<'_>) -> Vec<Act> {
        if self.ends().is_some_and(|ends| now >= ends) {
            return vec![Act::Close(Close::Expired)];
        }
        match wire::parse(text) {
            Ok(event) => {
                self.work += work::event(&event);
                self.event(now, event, text.len(), bans)
            }
            Err(Bad {
                code,
                message,
                about,
            }) => {
                self.work += work::REFUSED;
                vec![Act::Say(events::error(code, &message, &about))]
            }
        }
    }

    fn event(&mut self, now: u64, event: ClientEvent, size: usize, bans: Sight<'_>) -> Vec<Act> {
        let about = event.about();
        let (roomid, event) = match event {
            ClientEvent::Login(login) => return self.ask_in(now, login, size, bans),
            ClientEvent::Refresh(token) => return vec![self.refresh(token, &about)],
            ClientEvent::Pong => return vec![Act::Answered],
            ClientEvent::Heartbeat { asks } => return self.ping(asks, bans),
            ClientEvent::Message(out) => (out.roomid.clone(), Event::Publish(self.named(out))),
            ClientEvent::Other(out) => (out.roomid.clone(), Event::Signal(self.named(out))),
            ClientEvent::Ack { roomid, position } => (roomid, Event::Ack(position)),
            ClientEvent::Logout(roomid) => (roomid, Event::Logout),
            ClientEvent::Leave(roomid) => (roomid, Event::Leave),
            ClientEvent::Members { roomid, cursor } => (roomid, Event::Members(cursor)),
            ClientEvent::History {
                roomid,
                until,
                limit,
            } => (roomid, Event::History(until, limit)),
        };
        vec![self.for_room(roomid.as_deref(), event, size, &about, bans)]
    }

    /// A heartbeat of its own is a sign of life, which whoever reads the socket counts. Who confirms by `ack` may ask for an
    /// answer; for anybody else one would look like the server's heartbeat, whose answer confirms what was sent before it.
    fn ping(&mut self, asks: bool, bans: Sight<'_>) -> Vec<Act> {
        if !asks || !self.acks {
            return Vec::new();
        }
        self.work += work::ANSWERED;
        vec![Act::Tell(events::pong(bans.now()))]
    }

    /// The token's name goes before the one that the client gives.
    fn named(&self, mut out: Outgoing) -> Outgoing {
        if self
            .holder
            .as_ref()
            .is_some_and(|holder| holder.pass.name.is_some())
        {
            out.drop_name();
        }
        out
    }

    fn for_room(
        &mut self,
        named: Option<&str>,
        event: Event,
        size: usize,
        about: &About,
        bans: Sight<'_>,
    ) -> Act {
        let at = match named {
            Some(roomid) => self.at(roomid),
            None => self.first(),
        };
        if let Some(refusal) = self.silenced(at, named, &event, about, bans) {
            return refusal;
        }
        let rights = at
            .and_then(|at| self.places.get(at))
            .map(|place| place.rights);
        let Some((at, roomid)) = at.and_then(|at| Some((at, self.rooms.get(at)?.clone()))) else {
            let message = match named {
                Some(roomid) => format!("log in to room '{roomid}' first"),
                None => "log in to a room first".to_owned(),
            };
            return Act::Say(events::error("NOLOGIN", &message, about));
        };
        if let Err(denied) = may(rights.unwrap_or_default(), needed(&event), &roomid) {
            let roomid = Some(roomid.to_string());
            return refuse(
                denied,
                &About {
                    roomid,
                    ..about.clone()
                },
            );
        }
        if let (Event::Logout | Event::Leave, Some(place)) = (&event, self.places.get_mut(at)) {
            place.leaving = true;
        }
        self.room_act(roomid, event, size)
    }

    /// The first room that the client does not want to leave; else the first one, which refuses what comes too late.
    fn first(&self) -> Option<usize> {
        let stays = self.places.iter().position(|place| !place.leaving);
        stays.or((!self.places.is_empty()).then_some(0))
    }

    fn room_act(&mut self, roomid: Arc<str>, event: Event, size: usize) -> Act {
        let bytes = size + EACH;
        self.open += 1;
        self.held += bytes;
        Act::Room(roomid, event, bytes)
    }

    fn login(&mut self, now: u64, login: Login, size: usize, bans: Sight<'_>) -> Vec<Act> {
        let event_about = login.about();
        let holder = self.holder.as_ref();
        let own = holder.map_or(Ok(()), |holder| holder.is_of(login.uid.as_deref()));
        let held = holder.map(|holder| holder.pass.uid.clone());
        let uid = match (own, held.or(login.uid.map(Arc::from))) {
            (Err(denied), _) => return vec![refuse(denied, &event_about)],
            (Ok(()), Some(uid)) => uid,
            (Ok(()), None) => {
                let what = "a 'login' needs the field 'uid'".to_owned();
                return vec![refuse(("BADFIELD", what), &event_about)];
            }
        };
        if let Some(ban) = bans.of(&uid) {
            return self.shut_out(&uid, ban, &event_about);
        }
        let told = holder.map(|holder| holder.told(now));
        let name = holder.and_then(|holder| holder.pass.name.clone());
        let name = name.or(login.name.map(Arc::from));
        let each = size / login.rooms.len().max(1);
        let mut acts = Vec::with_capacity(login.rooms.len());
        for entry in login.rooms {
            let holder = self.holder.as_ref();
            let rights = holder.map_or(Rights::ALL, |holder| holder.pass.grants.of(&entry.roomid));
            let role = match may_enter(rights, &entry.roomid, entry.role, entry.history > 0) {
                Ok(role) => role,
                Err(denied) => {
                    acts.push(refuse(denied, &about("login", &entry.roomid)));
                    continue;
                }
            };
            if let Some(ban) = bans.of_room(&uid, &entry.roomid) {
                let denied = ban.denied(&uid, Some(&entry.roomid));
                acts.push(refuse(denied, &about("login", &entry.roomid)));
                continue;
            }
            let Some((roomid, number)) = self.enter(&entry.roomid, &uid, (rights, role)) else {
                acts.push(self.too_many(&entry.roomid));
                continue;
            };
            self.acks |= login.acks;
            let event = Event::Login(Box::new(event::Login {
                number,
                uid: uid.clone(),
                name: name.clone(),
                since: entry.since,
                history: entry.history,
                acks: login.acks,
                guest: role == Role::Guest,
                rights,
                told,
                admission: Admission::Free,
            }));
            acts.push(self.room_act(roomid, event, each));
        }
        acts
    }

    /// Whether there may be no other room. Those that the client is leaving do not count, up to as many again.
    fn has_enough(&self) -> bool {
        let stays = self.places.iter().filter(|place| !place.leaving).count();
        let most = self.limits.max_rooms;
        stays >= most || self.places.len() >= most.saturating_mul(2)
    }

    /// Notes a login; `None` if there are too many rooms.
    fn enter(
        &mut self,
        roomid: &str,
        uid: &Arc<str>,
        (rights, role): (Rights, Role),
    ) -> Option<(Arc<str>, LoginNumber)> {
        let known = self.at(roomid);
        if known.is_none() && self.has_enough() {
            return None;
        }
        let whose = self.whose(uid)?;
        let roomid = match known {
            Some(at) => {
                let roomid = self.rooms.get(at).cloned()?;
                // It is the newest login now.
                self.forget(at);
                roomid
            }
            None => roomid.into(),
        };
        self.logins = self.logins.wrapping_add(1);
        if self.rooms.is_empty() {
            // Most are in one, for which the library would make place for four.
            self.rooms.reserve_exact(1);
            self.places.reserve_exact(1);
        }
        self.rooms.push(roomid.clone());
        self.places.push(Place {
            login: self.logins,
            whose,
            rights,
            role,
            leaving: false,
        });
        Some((roomid, self.logins))
    }

    fn too_many(&self, roomid: &str) -> Act {
        let most = self.limits.max_rooms;
        let message = format!("a connection may be in {most} rooms at most");
        refuse(("LIMIT", message), &about("login", roomid))
    }
}

fn refuse((code, message): Denied, about: &About) -> Act {
    Act::Say(events::error(code, &message, about))
}

/// The right that an event needs.
const fn needed(event: &Event) -> Option<Right> {
    match event {
        Event::Publish(_) => Some(Right::Publish),
        Event::Signal(_) => Some(Right::Signal),
        Event::Ack(_) | Event::History(..) => Some(Right::Read),
        Event::Leave => Some(Right::Leave),
        Event::Members(_) => Some(Right::Members),
        Event::Login(_)
        | Event::Logout
        | Event::Renewed(..)
        | Event::Revoked
        | Event::Banned(_) => None,
    }
}

#[cfg(test)]
mod tests;
