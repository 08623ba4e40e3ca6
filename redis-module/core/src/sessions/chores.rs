//! What ends at once and is cleared away a piece at a time.

use super::rows::Life;
use super::slab::NONE;
use super::state::Sessions;

impl Sessions {
    /// Nobody is here any more, and nothing of it is told: this node no longer serves its rooms.
    pub fn clear(&mut self) {
        let mut old = std::mem::take(self);
        self.rubbish = std::mem::take(&mut old.rubbish);
        self.rubbish.push(old);
    }

    /// Clears away at most `most` rows: sessions of dead connections become ghosts, ghosts whose time is over end, and
    /// what belonged to rooms that went is freed. How many rows; 0 if nothing is left to do.
    pub fn chores(&mut self, now: u64, most: usize) -> usize {
        let mut done = 0;
        while done < most
            && (self.bury_session() || self.end_next_ghosts(now) || self.free_of_dead_room())
        {
            done += 1;
        }
        while done < most
            && let Some(old) = self.rubbish.last_mut()
        {
            match old.scrap(most - done) {
                0 => drop(self.rubbish.pop()),
                some => done += some,
            }
        }
        done
    }

    /// A session of a dead connection becomes a ghost. Whether there was anything of a dead connection.
    fn bury_session(&mut self) -> bool {
        let Some(dead) = self.dead_lives.front() else {
            return false;
        };
        let Some(&Life {
            sessions: row,
            ended_ms,
            until,
            name,
            ..
        }) = self.lives.get(dead)
        else {
            self.dead_lives.pop();
            return true;
        };
        let Some(session) = self.devices.get(row) else {
            self.dead_lives.pop();
            self.lives.remove(dead);
            return true;
        };
        let presence = session.presence;
        self.counted(presence, |this| {
            this.session_to_ghost(row, until, name);
            this.note_departure(presence, ended_ms);
        });
        true
    }

    /// The ghosts of one uid whose time is over end. Whether any uid was due.
    fn end_next_ghosts(&mut self, now: u64) -> bool {
        let Some((when, presence)) = self.ending.pop(now) else {
            return false;
        };
        match self.presences.get_mut(presence) {
            Some(known) if known.ends_ms == when => known.ends_ms = u64::MAX,
            // The row was given to another uid meanwhile.
            _ => return true,
        }
        self.edit(presence, |this| {
            this.end_ghosts(presence, now);
            this.note_next_end(presence);
        });
        true
    }

    /// Frees one device, one uid or the row of a room that went. Whether there was one.
    fn free_of_dead_room(&mut self) -> bool {
        let Some(room) = self.dead_rooms.front() else {
            return false;
        };
        let presence = self.rooms.get(room).map_or(NONE, |room| room.presences);
        if let Some(device) = self.any_device(presence) {
            self.counted(presence, |this| this.drop_device(device));
            return true;
        }
        self.waiting = self.waiting.saturating_sub(1);
        if presence == NONE {
            self.dead_rooms.pop();
            self.rooms.remove(room);
        } else {
            self.free_presence(presence);
        }
        true
    }

    /// Frees about `most` rows of what nobody uses any more. How many; 0 at the end.
    fn scrap(&mut self, most: usize) -> usize {
        let mut done = 0;
        done += self.devices.scrap(most);
        done += self.presences.scrap(most - done);
        done += self.rooms.scrap(most - done);
        done += self.lives.scrap(most - done);
        while done < most
            && (self.presence_index.scrap()
                || self.room_index.scrap()
                || self.came.scrap()
                || self.leaving.scrap()
                || self.ending.scrap()
                || self.risen.scrap())
        {
            done += 1;
        }
        done
    }
}
