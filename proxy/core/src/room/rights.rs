//! What a client may do here, and what follows when another token changes that.

use super::Room;
use crate::book::Leave;
use crate::cx::Cx;
use crate::events;
use crate::handle::{ConnId, Handle};
use crate::rights::{Right, Rights};
use crate::seat::{State, Why};
use serde_json::value::RawValue;
use std::sync::Arc;

impl<H: Handle> Room<H> {
    /// Another token: a login that is under way comes with its rights too.
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
        if let Some(Why::Login { login, .. }) =
            seat.waiting.as_mut().map(|waiting| &mut waiting.why)
        {
            login.rights = rights;
            login.name = name.or(login.name.take());
        }
        match (could_read, rights.has(Right::Read)) {
            (true, false) => self.mute(conn),
            (false, true) if seat.state == State::Mute => self.advance_one(conn, cx),
            _ => {}
        }
    }

    /// Another token says nothing of this room.
    pub(super) fn revoked(&mut self, conn: ConnId, cx: &mut Cx<'_, H>) {
        let what = format!("the token does not let you stay in room '{}'", self.roomid);
        let event = events::error("NORIGHT", &what, &self.about("refresh"));
        self.end_seat(conn, Leave::Told, Some(&event), cx);
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
