//! What a ban does to a connection: one of the uid ends it, one of a room ends the seat there.

use super::{Act, Client, Place, refuse};
use crate::bans::{Ban, Sight};
use crate::close::Close;
use crate::event::Event;
use crate::events;
use crate::wire::About;
use std::sync::Arc;

impl Client {
    /// Notes a uid: its number, which is a free one if it is new. `None` if there are too many.
    pub(super) fn whose(&mut self, uid: &Arc<str>) -> Option<u16> {
        let places = &self.places;
        let is_free = |number: usize| {
            places
                .iter()
                .all(|place| usize::from(place.whose) != number)
        };
        let known = self.uids.iter().position(|known| known == uid);
        let number = known.or_else(|| (0..self.uids.len()).find(|number| is_free(*number)));
        let number = number.unwrap_or(self.uids.len());
        match self.uids.get_mut(number) {
            Some(before) => before.clone_from(uid),
            None => self.uids.push(uid.clone()),
        }
        u16::try_from(number).ok()
    }

    /// The rooms, and who is in each.
    fn seats(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        let places = self.rooms.iter().zip(&self.places);
        places.filter_map(|(roomid, place)| Some((roomid, self.uid_of(place)?)))
    }

    /// Who logged in to this place.
    pub(super) fn uid_of(&self, place: &Place) -> Option<&Arc<str>> {
        self.uids.get(usize::from(place.whose))
    }

    /// There are other bans than before: what follows from them.
    pub fn look_at_bans(&self, bans: Sight<'_>) -> Vec<Act> {
        let mut all = self.seats();
        if let Some((uid, ban)) = all.find_map(|(_, uid)| Some((uid, bans.of(uid)?))) {
            return self.end(uid, ban);
        }
        let banned = self.seats().filter_map(|(roomid, uid)| {
            let ban = bans.of_room(uid, roomid)?.clone();
            Some(Act::Room(roomid.clone(), Event::Banned(ban), 0))
        });
        banned.collect()
    }

    /// Refuses an event, and then everything.
    pub(super) fn shut_out(&self, uid: &str, ban: &Ban, about: &About) -> Vec<Act> {
        let mut acts = vec![refuse(ban.denied(uid, None), about)];
        acts.append(&mut self.end(uid, ban));
        acts
    }

    /// Tells it in each of its rooms, and closes the connection: their seats end with that.
    fn end(&self, uid: &str, ban: &Ban) -> Vec<Act> {
        let its = self.seats().filter(|(_, of)| ***of == *uid);
        let told = its.map(|(roomid, _)| {
            let event = events::kicked(roomid, uid, &ban.reason, ban.until);
            Act::Say(event)
        });
        told.chain([Act::Close(Close::Banned)]).collect()
    }

    /// What keeps an event from others: a ban is believed before the room has heard of it, and behind its end.
    pub(super) fn silenced(
        &self,
        at: Option<usize>,
        named: Option<&str>,
        event: &Event,
        about: &About,
        bans: Sight<'_>,
    ) -> Option<Act> {
        if !matches!(event, Event::Publish(_) | Event::Signal(_)) {
            return None;
        }
        let place = at.and_then(|at| self.places.get(at));
        let held = self.holder.as_ref().map(|holder| &holder.pass.uid);
        let uid = place.and_then(|place| self.uid_of(place)).or(held)?;
        let room = at.and_then(|at| self.rooms.get(at)).map(|roomid| &**roomid);
        let room = room.or(named);
        let denied = match bans.of(uid) {
            Some(ban) => ban.denied(uid, None),
            None => bans.of_room(uid, room?)?.denied(uid, room),
        };
        let about = About {
            roomid: room.map(str::to_owned),
            ..about.clone()
        };
        Some(refuse(denied, &about))
    }
}

#[cfg(test)]
mod tests;
