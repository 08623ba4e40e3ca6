//! How a client shows who it is: its token is looked at by whoever has the keys, and what it says holds for all that the
//! connection does.

use super::{Act, Client, refuse};
use crate::bans::Sight;
use crate::event::Event;
use crate::events;
use crate::holder::{Holder, may_enter};
use crate::pass::{Pass, Refused, Token};
use crate::wire::{About, ClientEvent, Login};

/// A token, and what waits for it.
#[derive(Debug)]
pub struct Look {
    /// It.
    pub token: Token,
    what: For,
}

/// What a token is for.
#[derive(Debug)]
enum For {
    /// It came with the connection.
    Connection,
    /// A login, and the size of its text.
    Login(Box<Login>, usize),
    /// To go on with.
    Refresh,
}

impl Look {
    /// A token that came with the connection, before any event.
    pub const fn of_connection(token: Token) -> Self {
        Self {
            token,
            what: For::Connection,
        }
    }
}

impl Client {
    /// A login whose client has shown who it is, or is to show it first.
    pub(super) fn ask_in(
        &mut self,
        now: u64,
        mut login: Login,
        size: usize,
        bans: Sight<'_>,
    ) -> Vec<Act> {
        let token = login.token.take().filter(|_| self.limits.tokens);
        if let Some(token) = token {
            let what = For::Login(Box::new(login), size);
            return vec![Act::Look(Look { token, what })];
        }
        if self.limits.tokens && self.holder.is_none() {
            let what = "a 'login' needs the field 'token': this server lets in whoever shows one";
            let about = ClientEvent::Login(login).about();
            return vec![refuse(("NOTOKEN", what.to_owned()), &about)];
        }
        self.login(now, login, size, bans)
    }

    pub(super) fn refresh(&self, token: Token, about: &About) -> Act {
        if self.limits.tokens {
            let what = For::Refresh;
            return Act::Look(Look { token, what });
        }
        let what = "this server asks for no token: there is nothing to refresh";
        refuse(("BADEVENT", what.to_owned()), about)
    }

    /// A token was looked at, while these bans hold.
    pub fn looked(
        &mut self,
        now: u64,
        what: Look,
        found: Result<Pass, Refused>,
        bans: Sight<'_>,
    ) -> Vec<Act> {
        let about = match &what.what {
            For::Connection => About::default(),
            For::Login(login, _) => login.about(),
            For::Refresh => ClientEvent::Refresh(what.token.clone()).about(),
        };
        let pass = match found {
            Ok(pass) => pass,
            Err(refused) => {
                let mut acts = vec![refuse((refused.code(), refused.to_string()), &about)];
                // Whoever has another one keeps it.
                if self.holder.is_none() {
                    acts.push(Act::Close(refused.close()));
                }
                return acts;
            }
        };
        let held = self.holder.as_ref();
        if let Some(Err(denied)) = held.map(|held| held.is_of(Some(&pass.uid))) {
            return vec![refuse(denied, &about)];
        }
        if let Some(ban) = bans.of(&pass.uid) {
            return self.shut_out(&pass.uid, ban, &about);
        }
        let holder = Holder::new(pass, now);
        let told = holder.told(now);
        let mut acts = self.renew(&holder, bans);
        self.holder = Some(Box::new(holder));
        match what.what {
            For::Connection => {}
            For::Login(login, size) => acts.append(&mut self.login(now, *login, size, bans)),
            For::Refresh => acts.push(Act::Tell(events::refreshed(told))),
        }
        acts
    }

    /// All rights are replaced at once; rooms that the token says nothing of end.
    fn renew(&mut self, holder: &Holder, bans: Sight<'_>) -> Vec<Act> {
        let mut acts = Vec::with_capacity(self.rooms.len());
        for (roomid, place) in self.rooms.iter().zip(&mut self.places) {
            place.rights = holder.pass.grants.of(roomid);
            let banned = bans.of_room(&holder.pass.uid, roomid);
            let allowed = may_enter(place.rights, roomid, Some(place.role), false);
            let event = match (allowed, banned) {
                (Ok(_), None) => Event::Renewed(place.rights, holder.pass.name.clone()),
                (Ok(_), Some(ban)) => Event::Banned(ban.clone()),
                (Err(_), _) => Event::Revoked,
            };
            acts.push(Act::Room(roomid.clone(), event, 0));
        }
        acts
    }
}

#[cfg(test)]
mod tests;
