//! What a client may do here, and what follows when another token or a ban changes that.

use super::Room;
use crate::bans::Ban;
use crate::book::Leave;
use crate::cx::Cx;
use crate::event::{Event, Login};
use crate::events;
use crate::handle::{ConnId, Handle, Push};
use crate::holder::Denied;
use crate::rights::{Right, Rights};
use crate::seat::{State, Why};
use bytes::Bytes;
use serde_json::value::RawValue;
use std::sync::Arc;

impl<H: Handle> Room<H> {
    /// Another token: logins that are under way, or wait behind one, come with its rights too.
    pub(super) fn renewed(
        &mut self,
        conn: ConnId,
        rights: Rights,
        name: Option<Arc<RawValue>>,
        cx: &mut Cx<'_, H>,
    ) {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        let could_read = std::mem::replace(&mut seat.rights, rights).has(Right::Read);
        if name.is_some() {
            seat.name.clone_from(&name);
        }
        if let Some(waiting) = &mut seat.waiting {
            let first = match &mut waiting.why {
                Why::Login { login, .. } => Some(login),
                Why::Again { .. } | Why::Leave => None,
            };
            let later = waiting
                .queue
                .iter_mut()
                .filter_map(|(event, _)| match event {
                    Event::Login(login) => Some(login),
                    _ => None,
                });
            for login in first.into_iter().chain(later) {
                login.rights = rights;
                if name.is_some() {
                    login.name.clone_from(&name);
                }
            }
        }
        match (could_read, rights.has(Right::Read)) {
            (true, false) => self.mute(conn),
            (false, true) if seat.state == State::Mute => self.advance_one(conn, cx),
            _ => {}
        }
    }

    /// Another token says nothing of this room: logins that wait there were allowed by the one before it.
    pub(super) fn revoked(&mut self, conn: ConnId, cx: &mut Cx<'_, H>) {
        let what = format!("the token does not let you stay in room '{}'", self.roomid);
        let event = events::error("NORIGHT", &what, &self.about("refresh"));
        self.turn_out(conn, &event, &("NORIGHT", what), cx);
    }

    /// Its uid is banned from here.
    pub(super) fn banned(&mut self, conn: ConnId, ban: &Ban, cx: &mut Cx<'_, H>) {
        let Some(seat) = self.seats.get(&conn) else {
            return;
        };
        let denied = ban.denied(&seat.uid, Some(&self.roomid));
        let event = events::kicked(&self.roomid, &seat.uid, &ban.reason, ban.until);
        self.turn_out(conn, &event, &denied, cx);
    }

    /// A second login has failed. Whoever wanted to be somebody else by it is not left as who they were: bans and tokens are
    /// judged by the last login.
    pub(super) fn stay_unless_other(&mut self, conn: ConnId, login: &Login, cx: &mut Cx<'_, H>) {
        let Some(seat) = self.seats.get(&conn) else {
            return;
        };
        if seat.uid != login.uid || seat.guest != login.guest {
            let event = events::logout(&self.roomid, &seat.uid, None);
            self.end_seat(conn, Leave::Away, Some(&event), cx);
        }
    }

    /// Ends a seat by a last word. Logins that wait there are refused, whatever else does finds no seat.
    fn turn_out(&mut self, conn: ConnId, last: &Bytes, denied: &Denied, cx: &mut Cx<'_, H>) {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        let handle = seat.handle.clone();
        let waiting = seat.waiting.as_mut();
        let queue = waiting.map_or_else(Vec::new, |waiting| std::mem::take(&mut waiting.queue));
        self.end_seat(conn, Leave::Told, Some(last), cx);
        for (event, bytes) in queue {
            if let Event::Login(login) = event {
                let event = events::error(denied.0, &denied.1, &self.about("login"));
                handle.push(cx.now, &event, Push::Answer);
                handle.done(bytes);
                handle.ended(&self.roomid, login.number);
            } else {
                self.client(conn, &handle, event, bytes, cx);
            }
        }
    }

    /// Nothing more goes to a seat. Those who wait for Redis find that out when it has answered.
    fn mute(&mut self, conn: ConnId) {
        if let Some(seat) = self.seats.get_mut(&conn)
            && matches!(seat.state, State::Live | State::Full | State::Ahead)
        {
            seat.state = State::Mute;
            seat.strayed = true;
        }
    }
}
