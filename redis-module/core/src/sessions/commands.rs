//! What commands do with the sessions of one uid in one room.

use super::keys::{ClientId, RoomName};
use super::rows::{Device, NameNo};
use super::state::Sessions;
use super::values::{Ghost, Kicked};
use crate::position::Seq;

impl Sessions {
    /// Begins a session with everything up to `at` acknowledged. One that this connection has already stays at the lower
    /// of both: it stands for all tabs of the uid on one proxy. A ghost that is `taken` over goes in the same step.
    pub fn join(
        &mut self,
        client: ClientId,
        room: RoomName<'_>,
        uid: &[u8],
        at: Seq,
        taken: Option<Ghost>,
    ) {
        let (presence, _) = self.find_or_make(room, uid);
        self.edit(presence, |this| {
            this.begin(client, presence, at, Seq::min, true);
            let gone = taken.and_then(|taken| {
                let mut ghosts = this.all_ghosts(presence);
                ghosts.find(|(_, ghost)| *ghost == taken)
            });
            if let Some((row, _)) = gone {
                this.drop_device(row);
            }
        });
        self.announce(presence);
    }

    /// [`attach_all`](Self::attach_all) of one uid.
    pub fn attach(
        &mut self,
        client: ClientId,
        room: RoomName<'_>,
        uid: &[u8],
        cursor: Seq,
        quiet: bool,
    ) {
        self.attach_all(client, room, &[(uid, cursor)], quiet);
    }

    /// Announces sessions of members, each at the member's cursor. One that this connection has already stays at the higher
    /// of both: it never ended, and its acknowledgements count.
    ///
    /// What is left of dead connections of the same proxy is taken over: then the session is at the lowest of that (and
    /// not above where it was), whatever the cursor is. `quiet`: if the uid is new here, the others need not be told that
    /// it came, as they know it from before this server started; only who is here now, once for all that came so.
    pub fn attach_all(
        &mut self,
        client: ClientId,
        room: RoomName<'_>,
        members: &[(&[u8], Seq)],
        quiet: bool,
    ) {
        if members.is_empty() {
            return;
        }
        let (room, of) = (self.find_or_make_room(room), self.name_of(client));
        for &(uid, cursor) in members {
            let (presence, made) = self.find_or_make_in(room, uid);
            if made {
                // Nothing is taken over, and no cursor was held back.
                self.counted(presence, |this| {
                    this.add_session(client, presence, cursor, false)
                });
                if quiet && let Some(known) = self.presences.get_mut(presence) {
                    known.told = true;
                    known.coming = true;
                    self.came.push(presence);
                }
            } else if !self.is_attached(client, presence, cursor) {
                self.attach_again(client, presence, cursor, of);
            }
            self.announce(presence);
        }
    }

    /// Whether a session stands already as another ATTACH would leave it: the uid's only device, at its cursor or above. So
    /// it is for most when a proxy asks again.
    fn is_attached(&self, client: ClientId, presence: u32, cursor: Seq) -> bool {
        let Some(known) = self.presences.get(presence) else {
            return false;
        };
        let alone = known.session_count == 1 && known.ghost_count == 0;
        let life = self.clients.get(&client).and_then(|client| client.life);
        let own = self.devices.get(known.sessions);
        let stands = |own: &Device| Some(own.of) == life && own.acked >= cursor && !own.single;
        alone && own.is_some_and(stands)
    }

    fn attach_again(&mut self, client: ClientId, presence: u32, cursor: Seq, of: NameNo) {
        self.edit(presence, |this| {
            let left: Vec<(u32, Ghost)> = this
                .all_ghosts(presence)
                .filter(|(_, ghost)| of != 0 && ghost.of == of)
                .collect();
            match left.iter().map(|(_, ghost)| ghost.at).min() {
                Some(lowest) => this.begin(client, presence, lowest, Seq::min, false),
                None => this.begin(client, presence, cursor, Seq::max, false),
            }
            for (row, _) in left {
                this.drop_device(row);
            }
        });
    }

    /// `of_both` chooses between what a session has acknowledged and what it begins with now; `single`: one device comes,
    /// else it may be several.
    fn begin(
        &mut self,
        client: ClientId,
        presence: u32,
        acked: Seq,
        of_both: fn(Seq, Seq) -> Seq,
        single: bool,
    ) {
        let own = self.own_session(client, presence);
        match own.and_then(|own| self.devices.get_mut(own)) {
            Some(own) => {
                own.acked = of_both(own.acked, acked);
                own.single = false;
            }
            None => self.add_session(client, presence, acked, single),
        }
    }

    /// A device went without a logout at position `at`: its ghost holds back the cursor `until` then, whoever says so. A
    /// session of the uid goes on: it may stand for other tabs.
    pub fn away(&mut self, room: RoomName<'_>, uid: &[u8], at: Seq, until: u64) {
        let (presence, _) = self.find_or_make(room, uid);
        let ghost = Ghost {
            at,
            until,
            of: 0,
            single: true,
        };
        self.edit(presence, |this| this.add_ghost(presence, ghost));
    }

    /// Ends one session by a logout: it leaves no ghost. Whether there was one. What a session left that ended with the
    /// lease before is taken over by no later ATTACH: nobody sits there any more.
    pub fn detach(&mut self, client: ClientId, room: RoomName<'_>, uid: &[u8], now: u64) -> bool {
        let Some(presence) = self.find(room, uid) else {
            return false;
        };
        let Some(own) = self.own_session(client, presence) else {
            if let Some(name) = self.name_without_lease(client) {
                self.no_one_comes_back(presence, Some(name));
            }
            return false;
        };
        self.edit(presence, |this| {
            this.drop_device(own);
            this.note_departure(presence, now);
        });
        true
    }

    /// This connection's session acknowledges everything up to `seq`. Returns where the uid's cursor may rise to: what all
    /// of its devices have acknowledged.
    ///
    /// `held`: until then (ms) no cursor of the room rises, as other devices may not have come back yet; what is to rise
    /// comes out of [`take_risen`](Self::take_risen) then.
    ///
    /// Without a session of the uid a proxy moves nothing, and somebody else (an operator) not more than the uid's devices
    /// have acknowledged.
    pub fn ack(
        &mut self,
        client: ClientId,
        room: RoomName<'_>,
        uid: &[u8],
        seq: Seq,
        held: Option<u64>,
    ) -> Option<Seq> {
        if let Some(until) = held {
            self.hold(room, until);
        }
        let presence = self.find(room, uid);
        let own = presence.and_then(|presence| self.own_session(client, presence));
        let (Some(presence), Some(own)) = (presence, own) else {
            let known = self.clients.get(&client);
            if held.is_some() || known.is_some_and(|known| known.is_proxy) {
                return None;
            }
            let floor = presence.and_then(|presence| self.floor_of(presence, None));
            return Some(floor.map_or(seq, |floor| floor.min(seq)));
        };
        if let Some(own) = self.devices.get_mut(own) {
            own.acked = own.acked.max(seq);
        }
        if held.is_some() {
            self.queue_rise(presence);
            return None;
        }
        self.floor_of(presence, None)
    }

    /// The uid's cursor rises to what its devices have acknowledged, as soon as the room allows it.
    pub fn rise_later(&mut self, room: RoomName<'_>, uid: &[u8]) {
        if let Some(presence) = self.find(room, uid) {
            self.queue_rise(presence);
        }
    }

    /// No cursor of the room rises until then (ms), whatever ends there; a room that nobody is in forgets it.
    pub fn hold(&mut self, room: RoomName<'_>, until: u64) {
        if let Some(row) = self.find_room(room)
            && let Some(room) = self.rooms.get_mut(row)
        {
            room.held_ms = room.held_ms.max(until);
        }
    }

    /// Ends all sessions of a uid at once; what they acknowledged holds back its cursor `until` then, and no proxy that lost
    /// them before takes that over when it announces them again. That it went is not told later: the caller tells it.
    pub fn kick(&mut self, room: RoomName<'_>, uid: &[u8], until: u64) -> Kicked {
        let Some(presence) = self.find(room, uid) else {
            return Kicked::default();
        };
        self.edit(presence, |this| {
            let mut kicked = Kicked::default();
            let sessions: Vec<u32> = this.sessions_in(presence).map(|(row, _)| row).collect();
            for row in sessions {
                let life = this.devices.get(row).and_then(|own| this.lives.get(own.of));
                match life.filter(|life| life.ended) {
                    Some(life) => this.session_to_ghost(row, life.until, 0),
                    None => {
                        kicked.sessions += 1;
                        this.session_to_ghost(row, until, 0);
                    }
                }
            }
            this.no_one_comes_back(presence, None);
            if let Some(known) = this.presences.get_mut(presence) {
                kicked.told = std::mem::take(&mut known.told);
                known.absent = false;
            }
            kicked
        })
    }

    /// The uid left the room: its sessions and ghosts go, and nothing is told later. How many live sessions there were.
    pub fn remove_uid(&mut self, room: RoomName<'_>, uid: &[u8]) -> usize {
        let Some(presence) = self.find(room, uid) else {
            return 0;
        };
        let live = self.live_sessions(presence);
        self.counted(presence, |this| {
            while let Some(row) = this.any_device(presence) {
                this.drop_device(row);
            }
        });
        self.free_presence(presence);
        live
    }
}
