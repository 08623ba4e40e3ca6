//! Who of a room's members is to be told of, looked at one by one: a room may have a million, and whoever asks does not hold up
//! everybody else for them.

use super::super::env::Env;
use super::heads::Heads;
use crate::limits::Limit;
use crate::log::Entry;
use crate::members::Member;
use crate::position::{Position, Seq};
use crate::room::Room;
use crate::sessions::{RoomName, Sessions};
use crate::told::Telling;
use hashbrown::HashMap;

/// Messages, and bytes of their payload, that one step looks at: a member may have said thousands itself, which wait for nobody.
const MESSAGES: usize = 256;
const BYTES: usize = 256 * 1024;

/// One member's lease.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// Until when: monotonic milliseconds.
    pub until: u64,
    /// When the member had acted last as it was leased: if that is another time now, it did something since.
    pub acted: u64,
}

/// Who is leased.
pub type Leases = HashMap<Box<[u8]>, Lease>;

/// What a scan looks at.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The room's key.
    pub key: RoomName<'a>,
    /// The room.
    pub room: &'a Room,
    /// Who is connected to this node.
    pub sessions: &'a Sessions,
    /// Who is leased in this room.
    pub leases: &'a Leases,
    /// The times and settings.
    pub env: &'a Env<'a>,
}

/// A member for whom mail waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who.
    pub uid: Box<[u8]>,
    /// The last message it has acknowledged.
    pub cursor: Seq,
    /// The last message that it was told of.
    pub told: Seq,
    /// The newest message.
    pub head: Position,
    /// Messages behind its cursor.
    pub pending: u64,
    /// When the first of those that it is to be told of was published: Unix time in milliseconds.
    pub since: u64,
    /// Where it joined, and how often it was told of before: with the room's birth no two tellings have the same.
    pub joined_at: Seq,
    /// See [`joined_at`](Self::joined_at).
    pub tellings: u64,
    /// When it acted last.
    pub acted: u64,
}

/// What a step came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// One more was looked at, or a part of what it waits for.
    Next,
    /// It is to be told of.
    Found(Row),
    /// All were looked at.
    Over,
}

/// How far a room was looked through, from its last row to the first: whoever leaves moves the last row into its gap, and nobody
/// is passed over for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Rows that are left; before the first step nobody knows.
    left: Option<usize>,
    /// Who is looked at, if that is not done: everything up to here it said itself.
    own: Option<(Box<[u8]>, Seq)>,
    /// When it is to be looked again: monotonic milliseconds.
    pub(super) wake: u64,
    /// Up to which message all had come when. Kept from one way through the room to the next.
    heads: Heads,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            left: None,
            own: None,
            wake: u64::MAX,
            heads: Heads::default(),
        }
    }
}

impl Scan {
    pub(super) const fn is_begun(&self) -> bool {
        self.left.is_some()
    }

    /// All were looked at: as it is before it begins anew.
    pub(super) fn again(self) -> Self {
        Self {
            heads: self.heads,
            ..Self::default()
        }
    }

    /// Looks at the next member.
    pub fn step(&mut self, look: &Look<'_>) -> Step {
        let delay = look.room.limits(&look.env.settings.limits);
        let delay = delay.get(Limit::WaitingDelay);
        if delay == 0 {
            return Step::Over;
        }
        let settled = settled_at(look);
        if look.env.times.mono < settled {
            // Its proxies may not have said yet who is here.
            self.wake(settled);
            return Step::Over;
        }
        if !self.is_begun() {
            let head = look.room.log().head().seq;
            self.heads.note(head, look.env.times.mono, delay);
        }
        let rows = look.room.member_count();
        let left = self.left.unwrap_or(rows).min(rows);
        let Some(at) = left.checked_sub(1) else {
            return Step::Over;
        };
        let found = match look.room.member_at(at) {
            Some(member) => self.member(look, &member, delay),
            None => Step::Next,
        };
        self.left = Some(if self.own.is_some() { left } else { at });
        found
    }

    fn wake(&mut self, at: u64) {
        self.wake = self.wake.min(at);
    }

    fn member(&mut self, look: &Look<'_>, member: &Member<'_>, delay: u64) -> Step {
        let own = self.own.take().filter(|(uid, _)| **uid == *member.uid);
        let own = own.map_or(0, |(_, seq)| seq);
        let Some(behind) = self.behind(look, member) else {
            return Step::Next;
        };
        let log = look.room.log();
        let from = behind.max(own).saturating_add(1).max(log.first());
        let (mut last, mut bytes) = (0, 0);
        let mut entries = log.entries_from(from).take(MESSAGES).take_while(|entry| {
            let fits = bytes < BYTES;
            bytes += entry.payload.len();
            fits
        });
        let of_others = entries.find(|entry: &Entry<'_>| {
            last = entry.position.seq;
            entry.uid != member.uid
        });
        let Some(oldest) = of_others else {
            let more = (1..log.head().seq).contains(&last);
            self.own = more.then(|| (member.uid.into(), last));
            return Step::Next;
        };
        // While the wall clock is behind the room's stamps, all messages bear the same one, and the first looks as young as the last.
        let now = look.env.times.mono;
        let by_stamp = look.env.old_in(look.room, delay)(oldest.ms);
        let left = by_stamp.min(self.heads.old_in(oldest.position.seq, now, delay));
        if left > 0 {
            self.wake(now.saturating_add(left));
            return Step::Next;
        }
        let told = look.room.telling(member.uid);
        Step::Found(Row {
            uid: member.uid.into(),
            cursor: member.cursor,
            told: told.map_or(0, |telling| telling.seq),
            head: log.head(),
            pending: look.room.pending(member.cursor),
            since: oldest.ms,
            joined_at: member.joined_at,
            tellings: look.room.tellings(member.uid),
            acted: member.acted_ms,
        })
    }

    /// Behind which message the first one lies that a member may have to be told of; `None`: it is here, leased, quiet, or was away
    /// for too long.
    fn behind(&mut self, look: &Look<'_>, member: &Member<'_>) -> Option<Seq> {
        let head = look.room.log().head().seq;
        if member.released || member.cursor >= head {
            return None;
        }
        let told = look.room.telling(member.uid);
        let behind = match told {
            None => member.cursor,
            Some(telling) => self.behind_told(look, member, telling)?,
        };
        // After a start acknowledgements wait for slower devices. Who sent one has that all the same.
        let has = look.sessions.rises_to(look.key, member.uid);
        let behind = behind.max(has.unwrap_or(0));
        if behind >= head || look.sessions.is_online(look.key, member.uid) {
            return None;
        }
        match look.leases.get(member.uid) {
            Some(lease) if look.env.times.mono < lease.until => {
                self.wake(lease.until);
                None
            }
            _ => Some(behind),
        }
    }

    /// The same of one who was told of something.
    fn behind_told(
        &mut self,
        look: &Look<'_>,
        member: &Member<'_>,
        telling: &Telling,
    ) -> Option<Seq> {
        let (times, again) = (look.env.times, look.env.settings.waiting_again);
        let left = telling
            .at
            .saturating_add(again)
            .saturating_sub(times.steady);
        if again > 0 && left == 0 {
            return Some(member.cursor);
        }
        if again > 0 {
            self.wake(times.mono.saturating_add(left));
        }
        (!telling.quiet).then_some(telling.seq.max(member.cursor))
    }
}

/// From when on it counts who is not here.
fn settled_at(look: &Look<'_>) -> u64 {
    let came = look.room.came();
    let since = match came.arrived {
        true => look.env.role_since.max(came.at),
        false => look.env.role_since,
    };
    match since {
        0 => 0,
        since => since.saturating_add(look.env.settings.start_grace),
    }
}
