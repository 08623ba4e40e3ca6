//! What must hold after each step, whatever happened.

use crate::calls::{join, publish};
use crate::device::Kept;
use crate::world::{KEY, World};
use room_core::log::Reason;
use room_core::position::{Position, Seq};

/// What a step may not take away: looked at before it.
pub(crate) struct Before {
    birth: Option<u32>,
    first: Seq,
    cursors: Vec<Option<Seq>>,
}

impl Before {
    pub(crate) fn of(world: &World) -> Self {
        let room = world.room();
        let cursors = world.devices.iter();
        Self {
            birth: room.map(|room| room.birth().0),
            first: room.map_or(0, |room| room.log().first()),
            cursors: cursors.map(|device| world.cursor(device.uid)).collect(),
        }
    }

    /// Compares with what is there now. `tick`: all was done that a tick does.
    pub(crate) fn judge(self, world: &mut World, tick: bool) {
        world.follow_life();
        world.forgive_mistaken();
        let same = world.room().map(|room| room.birth().0) == self.birth;
        for (at, before) in self.cursors.iter().enumerate() {
            let now = world.cursor(world.devices[at].uid);
            let device = &mut world.devices[at];
            let Some(now) = now else {
                assert!(
                    !tick || !same || device.kept == Kept::No,
                    "{device:?} was forgotten"
                );
                device.has = None;
                device.seat = None;
                device.kept = Kept::No;
                device.given_up = 0;
                continue;
            };
            if device.kept == Kept::No {
                device.given_up = device.given_up.max(now);
                continue;
            }
            let Some(has) = device.has else { continue };
            let owed = has.seq.max(device.given_up);
            if let (true, Some(before)) = (same, before) {
                assert!(
                    now <= owed || now == *before,
                    "the cursor rose to {now}: {device:?}"
                );
            }
            let device = device.clone();
            let Some(room) = world.room().filter(|_| same) else {
                continue;
            };
            for seq in self.first..room.log().first() {
                let reason = room.log().drops().reason_of(seq);
                assert!(
                    reason != Reason::Read || seq <= owed,
                    "{seq} was freed: {device:?}"
                );
            }
            let released = room.member(device.uid.as_bytes()).unwrap().released;
            assert!(
                !tick || !released || device.kept != Kept::Live,
                "{device:?} is here and holds nothing"
            );
        }
    }
}

impl World {
    /// Commands that are refused: nothing changes, which the server looks at.
    pub(crate) fn refused(&mut self) {
        let bad = Position::new(1 << 40, Default::default());
        assert!(self.server.ack_at(1, KEY, bad, &["a"]).is_err());
        assert!(self.server.invite(KEY, &["new", "a b"]).is_err());
        assert!(self.server.leave(KEY, &["a", "a b"]).is_err());
        assert!(self.server.attach(1, KEY, &["a", ""]).is_err());
        assert!(self.server.away(1, KEY, bad, &["a", "b", "c"]).is_err());
        self.server.full = true;
        assert!(self.server.publish(1, KEY, publish("a", "x")).is_err());
        assert!(self.server.join(1, KEY, join("stranger")).is_err());
        self.server.full = false;
    }
}
