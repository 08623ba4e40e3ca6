//! What a command knows of the world: the times, random bits, settings, its caller.

use crate::came::Came;
use crate::clock::{Clock, Times};
use crate::position::Tag;
use crate::room::Room;
use crate::sessions::{ClientId, RoomName, Sessions};
use crate::settings::Settings;

/// Where a command acts.
pub struct Place<'a> {
    /// The room's key.
    pub key: RoomName<'a>,
    /// The room, if there is one.
    pub room: Option<&'a mut Room>,
    /// Who is connected to this node.
    pub sessions: &'a mut Sessions,
}

/// See the top of the file.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// Read once, for the whole command.
    pub times: Times,
    /// Knows how old a stamp is.
    pub clock: &'a Clock,
    /// Random bits for a room that is born.
    pub birth: Tag,
    /// Redis is full: what grows memory is refused.
    pub full: bool,
    /// The connection that the command came over.
    pub client: ClientId,
    /// Sessions may begin and end: this is a primary, and the end of the caller's connection will be told. (Not so in
    /// a script, while an AOF is loaded, or for what the primary sends.)
    pub counts: bool,
    /// When this node started, or last became what it is (primary or replica): monotonic.
    pub role_since: u64,
    /// Set by the operator.
    pub settings: &'a Settings,
}

impl Env<'_> {
    /// Whether the proxies have had the time to announce their sessions.
    pub fn is_settled(&self) -> bool {
        self.times.mono >= self.role_since.saturating_add(self.settings.start_grace)
    }

    /// Until when an acknowledgement in this room moves only its own session; `None`: it is free. A room that was not
    /// born here has devices that this node does not know of yet.
    pub fn held_until(&self, came: Came) -> Option<u64> {
        let grace = self.settings.device_grace;
        let arrived = if came.arrived { came.at } else { 0 };
        let promoted = if came.at <= self.role_since {
            self.role_since
        } else {
            0
        };
        let until = arrived.max(promoted).saturating_add(grace);
        (grace > 0 && arrived.max(promoted) > 0 && self.times.mono < until).then_some(until)
    }

    /// Whether whoever was here before this node started, was promoted, or got the room, has had the time to come back.
    pub fn all_are_back(&self, came: Came) -> bool {
        self.is_settled() && self.held_until(came).is_none()
    }

    /// Says of a message's time in this room whether it is older than `age` ms.
    pub fn is_old<'e>(&'e self, room: &Room, age: u64) -> impl Fn(u64) -> bool + use<'e> {
        let last = (room.log().last_ms(), room.said());
        move |stamp| self.clock.is_old(stamp, age, last)
    }

    /// Says of a message's time in this room in how many ms it is `age` old.
    pub fn old_in<'e>(&'e self, room: &Room, age: u64) -> impl Fn(u64) -> u64 + use<'e> {
        let last = (room.log().last_ms(), room.said());
        move |stamp| self.clock.old_in(stamp, age, last)
    }

    /// Publish ids from before this are too old.
    pub const fn ids_end(&self) -> u64 {
        self.times
            .steady
            .saturating_sub(self.settings.dedupe.age_ms)
    }

    /// When a ghost that is made now ends.
    pub fn ghost_until(&self) -> u64 {
        self.times.mono.saturating_add(self.settings.device_grace)
    }

    /// A room that comes to be now by a command.
    pub fn new_room(&self) -> Box<Room> {
        let room = Room::new(self.birth);
        room.set_came(Came {
            at: self.times.mono,
            arrived: false,
        });
        Box::new(room)
    }
}
