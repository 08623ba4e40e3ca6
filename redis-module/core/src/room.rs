//! The room: its log, its members and its own limits, and what may be done to them.
//!
//! Two kinds of methods. Those that **look** (`&self`) check a call and say what it would do; those that **change**
//! (`&mut self`) take resolved facts (a time, a number, a reason) and cannot fail. A primary looks, changes, and sends
//! the same facts to its replicas and its AOF, which only change: so all copies stay equal whatever their clocks and
//! configurations say.

use crate::came::{Came, CameCell, FoundCell};
use crate::dedupe::{Dedupe, DedupePolicy, valid_id};
use crate::error::RoomError;
use crate::limits::{Limit, Limits, Overrides};
use crate::log::{Log, MAX_SEQ, Reason};
use crate::members::{Member, Members};
use crate::position::{Position, Seq, Tag};
use crate::room_ids::RoomIds;
use crate::told::{Telling, Told};
use crate::uid::{valid_new_uid, valid_uid};

/// See the top of the file.
#[derive(Clone, Debug)]
pub struct Room {
    pub(crate) log: Log,
    pub(crate) members: Members,
    /// What few rooms have takes no memory in the others.
    pub(crate) dedupe: Option<Box<Dedupe>>,
    pub(crate) overrides: Option<Box<Overrides>>,
    pub(crate) told: Option<Box<Told>>,
    pub(crate) birth: Tag,
    /// The version of the snapshot that is being loaded.
    pub(crate) loading: Option<u8>,
    came: CameCell,
    found: FoundCell,
    /// When the last message came to this node: see [`said`](Self::said).
    said: u64,
}

/// Dropping messages, resolved: all below `first` go for `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drop {
    /// The first message that stays.
    pub first: Seq,
    /// Why the others go.
    pub reason: Reason,
}

impl Room {
    /// An empty room. `birth` is random: it makes the positions of this room unlike those of any other life of its key.
    pub fn new(birth: Tag) -> Self {
        Self::with_log(
            birth,
            Log::new(Position::new(0, birth), 0, Default::default()),
        )
    }

    pub(crate) fn with_log(birth: Tag, log: Log) -> Self {
        Self {
            log,
            members: Members::default(),
            dedupe: None,
            overrides: None,
            told: None,
            birth,
            loading: None,
            came: CameCell::default(),
            found: FoundCell::default(),
            said: 0,
        }
    }

    // ---- looking ----

    /// The messages.
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// When the last message came to this node, in steady Unix milliseconds; 0 if it was here before. Node-local, never
    /// saved: while the wall clock is set back, the last messages' times do not tell it.
    pub const fn said(&self) -> u64 {
        self.said
    }

    /// See [`said`](Self::said).
    pub const fn set_said(&mut self, steady: u64) {
        self.said = steady;
    }

    /// False while parts of its snapshot are missing.
    pub const fn is_whole(&self) -> bool {
        self.loading.is_none()
    }

    /// The tag of position 0.
    pub const fn birth(&self) -> Tag {
        self.birth
    }

    /// How many members there are.
    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    /// One member.
    pub fn member(&self, uid: &[u8]) -> Option<Member<'_>> {
        self.members.get(uid)
    }

    /// One member, or the error that says there is none.
    pub fn member_or_err(&self, uid: &[u8]) -> Result<Member<'_>, RoomError> {
        self.member(uid)
            .ok_or_else(|| RoomError::NoMember(uid.into()))
    }

    /// The member in row `at` (0 to `member_count`, in no promised order): for paging from the last row to the first.
    pub fn member_at(&self, at: usize) -> Option<Member<'_>> {
        self.members.at(at)
    }

    /// All members.
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        self.members.iter()
    }

    /// The `top` members furthest behind, ordered by cursor, then uid. It looks at every member once and keeps no more
    /// than `top` of them.
    pub fn lag(&self, top: usize) -> Vec<Member<'_>> {
        self.members.lag(top)
    }

    /// When a member last acted, also one that left: steady Unix time in milliseconds, which the times of messages are not.
    pub const fn acted_ms(&self) -> u64 {
        self.members.acted_ms()
    }

    /// When the oldest publish id that is remembered was stored, Unix time in milliseconds.
    pub fn oldest_id_ms(&self) -> Option<u64> {
        self.dedupe.as_ref().and_then(|dedupe| dedupe.oldest_ms())
    }

    /// Since when and how the room is on this node. Never saved, and no part of what makes two rooms equal.
    pub fn came(&self) -> Came {
        self.came.get()
    }

    /// Notes since when and how the room is on this node.
    pub fn set_came(&self, came: Came) {
        self.came.set(came);
    }

    /// Notes in which time of this node the room was looked through for waiting mail; 0: it is to be. Whether that is news.
    pub fn set_found(&self, generation: u32) -> bool {
        let news = self.found.get() != generation;
        self.found.set(generation);
        news
    }

    /// What the room sets for itself.
    pub fn own_limits(&self) -> Overrides {
        self.overrides.as_deref().copied().unwrap_or_default()
    }

    /// The limits in force where the configuration has `defaults`.
    pub fn limits(&self, defaults: &Limits) -> Limits {
        match &self.overrides {
            Some(own) => own.over(defaults),
            None => *defaults,
        }
    }

    /// What was told of a member for whom mail waited, if it was.
    pub fn telling(&self, uid: &[u8]) -> Option<&Telling> {
        self.told.as_ref()?.get(uid)
    }

    /// How often something was told of whoever bears, or bore, this uid: the number of the next telling.
    pub fn tellings(&self, uid: &[u8]) -> u64 {
        self.told.as_ref().map_or(0, |told| told.many(uid))
    }

    /// Whether `uid` may become a member of a room with at most `max` of them.
    pub fn check_admit(&self, uid: &[u8], max: u64) -> Result<(), RoomError> {
        check_new_uid(uid)?;
        self.check_room_for(1, max)
    }

    /// Whether all these uids, none of which is a member and none of which comes twice, may become members of a room
    /// with at most `max` of them. The uid table has room for the bytes of as many uids as can be numbered, however long.
    pub fn check_admit_all<'a>(
        &self,
        new_uids: impl Iterator<Item = &'a [u8]>,
        max: u64,
    ) -> Result<(), RoomError> {
        let mut many = 0;
        for uid in new_uids {
            check_new_uid(uid)?;
            many += 1;
        }
        self.check_room_for(many, max)
    }

    fn check_room_for(&self, more: usize, max: u64) -> Result<(), RoomError> {
        let wanted = (self.members.len() as u64).saturating_add(more as u64);
        if more > 0 && (wanted > max || !self.members.has_room_for(more)) {
            return Err(RoomError::Limit("members", max));
        }
        Ok(())
    }

    /// Whether another message can be numbered.
    pub fn check_append(&self) -> Result<(), RoomError> {
        if self.log.head().seq >= MAX_SEQ {
            return Err(RoomError::Limit("messages ever", MAX_SEQ));
        }
        Ok(())
    }

    /// A publish with this id that is remembered: the number under which it was stored, and its time.
    pub fn seen_before(&self, uid: &[u8], id: &[u8]) -> Option<(Seq, u64)> {
        self.dedupe.as_ref()?.find(uid, id)
    }

    /// The same of an id that the room remembers whoever published.
    pub fn seen_here(&self, id: &[u8]) -> Option<(Seq, u64)> {
        self.room_ids()?.find(id)
    }

    fn room_ids(&self) -> Option<&RoomIds> {
        self.dedupe.as_ref()?.of_room.as_deref()
    }

    /// Whether the room may remember one more such id, where it may have `most` and those from before `old` may go: `true`
    /// if some of these have to go for it.
    pub fn check_room_id(&self, most: u64, old: u64) -> Result<bool, RoomError> {
        let Some(ids) = self.room_ids() else {
            return Ok(false);
        };
        let has = ids.len() as u64;
        if has < most {
            return Ok(false);
        }
        match has.saturating_sub(ids.older_than(old) as u64) < most {
            true => Ok(true),
            false => Err(RoomError::IdsFull(most)),
        }
    }

    // ---- changing ----

    /// Stores a message. Who published is no newcomer any more.
    pub fn append(&mut self, ms: u64, uid: &[u8], payload: &[u8]) -> Position {
        if self.members.newcomers() > 0 {
            self.members.settle(uid);
        }
        self.log.append(ms, uid, payload)
    }

    /// Remembers the id of a message that was stored as `seq`, and forgets ids as the policy says: at most
    /// [`MOST_FORGOTTEN`](crate::dedupe::MOST_FORGOTTEN) for their number and as many for their age.
    pub fn remember(&mut self, uid: &[u8], id: &[u8], seq: Seq, ms: u64, policy: &DedupePolicy) {
        let dedupe = self.dedupe.get_or_insert_default();
        dedupe.remember(uid, id, seq, ms, policy);
        if dedupe.is_empty() {
            self.dedupe = None;
        }
    }

    /// Remembers the id of such a message whoever published it.
    pub fn remember_here(&mut self, id: &[u8], seq: Seq, ms: u64) {
        let dedupe = self.dedupe.get_or_insert_default();
        let ids = dedupe.of_room.get_or_insert_default();
        ids.remember(id, seq, ms);
    }

    /// Forgets publish ids that were stored before `ms`, the oldest first, at most
    /// [`MOST_FORGOTTEN`](crate::dedupe::MOST_FORGOTTEN) of either kind in one call. How many: less than that means all of
    /// them.
    pub fn forget_ids_before(&mut self, ms: u64) -> usize {
        let Some(dedupe) = &mut self.dedupe else {
            return 0;
        };
        let gone = dedupe.forget_before(ms) + dedupe.forget_of_room(ms);
        if dedupe.is_empty() {
            self.dedupe = None;
        }
        gone
    }

    /// Drops messages. How many went.
    pub fn drop_messages(&mut self, drop: Drop) -> u64 {
        self.log.drop_before(drop.first, drop.reason)
    }

    /// Makes `uid` a member whose queue starts after `cursor`; nothing if it is one. A `newcomer` came by itself (a
    /// JOIN) and stays one until it is invited, acknowledges or publishes. Whether it is new.
    pub fn admit(&mut self, uid: &[u8], cursor: Seq, ms: u64, newcomer: bool) -> bool {
        if self.members.get(uid).is_some() {
            return false;
        }
        let cursor = cursor.min(self.log.head().seq);
        self.members.insert(uid, cursor, ms, newcomer);
        self.log.wait(cursor, false);
        true
    }

    /// Says that somebody wants this member here: it is no newcomer any more. Whether it was one.
    pub fn set_invited(&mut self, uid: &[u8]) -> bool {
        self.members.settle(uid)
    }

    /// Ends a membership. Whether there was one.
    pub fn remove(&mut self, uid: &[u8]) -> bool {
        let Some((cursor, holds)) = self.members.remove(uid) else {
            return false;
        };
        self.log.unwait(cursor, !holds);
        if let Some(told) = &mut self.told {
            told.remove(uid);
        }
        true
    }

    /// Raises a cursor; it never falls. Whether it moved; then the member is no newcomer any more.
    pub fn raise(&mut self, uid: &[u8], to: Seq, ms: u64) -> bool {
        let Some(member) = self.members.get(uid) else {
            return false;
        };
        let (cursor, released) = (member.cursor, member.released);
        let to = to.min(self.log.head().seq);
        if to <= cursor {
            return false;
        }
        self.log.unwait(cursor, released);
        self.log.wait(to, released);
        self.members.set_cursor(uid, to, ms);
        self.stir(uid);
        true
    }

    /// Says that a member was seen. Whether there is such a member.
    pub fn touch(&mut self, uid: &[u8], ms: u64) -> bool {
        self.stir(uid);
        self.members.set_acted(uid, ms)
    }

    /// Says that a member was told, at `at`, of what waits for it up to `seq`; `quiet`: nothing more, until it does something.
    pub fn tell(&mut self, uid: &[u8], seq: Seq, at: u64, quiet: bool) {
        if self.members.get(uid).is_some() {
            let seq = seq.min(self.log.head().seq);
            self.told.get_or_insert_default().tell(uid, seq, at, quiet);
        }
    }

    /// Says that a member did something: it may be told of what comes. Whether it was quiet before.
    pub fn stir(&mut self, uid: &[u8]) -> bool {
        self.told.as_mut().is_some_and(|told| told.stir(uid))
    }

    /// Makes a member hold the log back, or no longer.
    pub fn set_released(&mut self, uid: &[u8], released: bool) {
        let Some(member) = self.members.get(uid) else {
            return;
        };
        let (cursor, before) = (member.cursor, member.released);
        if before == released {
            return;
        }
        self.members.set_released(uid, released);
        self.log.unwait(cursor, before);
        self.log.wait(cursor, released);
    }

    /// Counts a kick. Whether there is such a member.
    pub fn add_kick(&mut self, uid: &[u8]) -> bool {
        self.members.add_kick(uid)
    }

    /// Sets one of the room's own limits, or takes it away.
    pub fn set_limit(&mut self, limit: Limit, value: Option<u64>) {
        let own = self.overrides.get_or_insert_default();
        own.set(limit, value);
        if own.is_empty() {
            self.overrides = None;
        }
    }

    // ---- cost ----

    /// Heap bytes of the room, about.
    pub fn heap_bytes(&self) -> usize {
        let dedupe = self.dedupe.as_ref().map_or(0, |dedupe| dedupe.heap_bytes());
        let own = self.overrides.as_ref().map_or(0, |own| size_of_val(&**own));
        let told = self.told.as_ref().map_or(0, |told| told.heap_bytes());
        let parts = [
            self.log.heap_bytes(),
            self.members.heap_bytes(),
            dedupe,
            own,
            told,
        ];
        size_of::<Self>() + parts.iter().sum::<usize>()
    }

    /// Heap blocks of the room: how much work freeing it is.
    pub fn heap_blocks(&self) -> usize {
        let dedupe = self
            .dedupe
            .as_ref()
            .map_or(0, |dedupe| dedupe.heap_blocks());
        let told = self.told.as_ref().map_or(0, |told| told.heap_blocks());
        self.log.heap_blocks() + self.members.heap_blocks() + dedupe + told
    }
}

/// The uid, or the error that says why it is none.
pub fn check_uid(uid: &[u8]) -> Result<(), RoomError> {
    if valid_uid(uid) {
        Ok(())
    } else {
        Err(RoomError::BadUid(uid.into()))
    }
}

/// The uid of somebody who is to become a member, or the error that says why it is none.
fn check_new_uid(uid: &[u8]) -> Result<(), RoomError> {
    if valid_new_uid(uid) {
        Ok(())
    } else {
        Err(RoomError::BadUid(uid.into()))
    }
}

/// The publish id, or the error that says why it is none.
pub fn check_id(id: &[u8]) -> Result<(), RoomError> {
    if valid_id(id) {
        Ok(())
    } else {
        Err(RoomError::BadId(id.into()))
    }
}
