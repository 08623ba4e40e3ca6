//! What others are told, behind the times on purpose: arrivals are gathered, departures kept back, and cursors rise once
//! nothing holds them.

use super::keys::RoomKey;
use super::state::Sessions;
use super::values::{Change, Risen};
use std::collections::BTreeMap;

/// One call may skip this many entries that came to nothing (who came back, say) per entry that is told.
const SKIPPED_PER_TOLD: usize = 8;

/// Changes by the row of the room.
type Changes = BTreeMap<u32, (RoomKey, Change)>;

impl Sessions {
    /// What is to be told now, room by room; told once. `grace_ms` is how long a departure is kept back. At most `most`
    /// arrivals and as many departures: the others are told by the next calls.
    pub fn flush(&mut self, now: u64, grace_ms: u64, most: usize) -> Vec<(RoomKey, Change)> {
        let mut changes = Changes::new();
        self.flush_arrivals(most, &mut changes);
        if let Some(until) = now.checked_sub(grace_ms) {
            self.flush_departures(until, most, &mut changes);
        }
        changes.into_values().collect()
    }

    fn flush_arrivals(&mut self, most: usize, changes: &mut Changes) {
        let mut told = 0;
        for _ in 0..most.saturating_mul(SKIPPED_PER_TOLD) {
            if told == most {
                return;
            }
            let Some(row) = self.came.pop() else { return };
            let news = self.is_found(row) && self.live_sessions(row) > 0;
            let Some(known) = self.presences.get_mut(row).filter(|known| known.coming) else {
                continue;
            };
            known.coming = false;
            if !news {
                // It went again before the others were told that it is here still: their list goes without it.
                known.told = false;
                continue;
            }
            let again = std::mem::replace(&mut known.told, true);
            let (room, uid) = (known.room, (*known.uid).into());
            if let Some(change) = self.change_of(room, changes) {
                match again {
                    true => change.again = true,
                    false => change.came.push(uid),
                }
            }
            told += 1;
        }
    }

    fn flush_departures(&mut self, until: u64, most: usize, changes: &mut Changes) {
        let mut told = 0;
        for _ in 0..most.saturating_mul(SKIPPED_PER_TOLD) {
            if told == most {
                return;
            }
            let Some((when, row)) = self.leaving.pop(until) else {
                return;
            };
            if !self.is_found(row) {
                continue;
            }
            // Who came back is not absent, or went again at another time.
            let absent = self
                .presences
                .get(row)
                .filter(|known| known.absent && known.gone_ms == when);
            let Some(known) = absent else { continue };
            let (room, uid, knew) = (known.room, (*known.uid).into(), known.told);
            if let Some(change) = self.change_of(room, changes) {
                match knew {
                    true => change.went.push(uid),
                    false => {
                        change.passed.push(uid);
                        change.again = true;
                    }
                }
            }
            self.counted(row, |this| {
                if let Some(known) = this.presences.get_mut(row) {
                    known.absent = false;
                    known.told = false;
                }
            });
            self.tidy(row);
            told += 1;
        }
    }

    fn change_of<'a>(&self, room: u32, changes: &'a mut Changes) -> Option<&'a mut Change> {
        let key = match changes.contains_key(&room) {
            true => None,
            false => Some(self.key_of(room)?),
        };
        if let Some(key) = key {
            changes.insert(room, (key, Change::default()));
        }
        changes.get_mut(&room).map(|(_, change)| change)
    }

    /// Up to `most` cursors that are to rise now, each told once, to what the uid's devices have acknowledged at this
    /// moment; if it has none any more, to what they had when the last one went.
    pub fn take_risen(&mut self, now: u64, most: usize) -> Vec<Risen> {
        let mut risen = Vec::new();
        for _ in 0..most.saturating_mul(SKIPPED_PER_TOLD) {
            if risen.len() == most {
                break;
            }
            let Some((_, row)) = self.risen.pop(now) else {
                break;
            };
            let Some(known) = self.presences.get(row).filter(|known| known.rising) else {
                continue;
            };
            let held_ms = self.rooms.get(known.room).map_or(0, |room| room.held_ms);
            if held_ms > now && self.is_found(row) {
                self.risen.push(held_ms, row);
                continue;
            }
            if self.is_found(row)
                && let Some(key) = self.key_of(known.room)
            {
                risen.push(Risen {
                    key,
                    uid: (*known.uid).into(),
                    to: self.floor_of(row, None).unwrap_or(known.acked),
                });
            }
            if let Some(known) = self.presences.get_mut(row) {
                known.rising = false;
            }
            self.tidy(row);
        }
        risen
    }
}
