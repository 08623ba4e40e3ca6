//! Publish ids that were seen: a retry with the same (uid, id) gets the first one's number. Beside them those that a room
//! remembers whoever published (`RoomIds`), so that a room with neither pays for none.

use crate::bytes::{Reader, put_bytes, put_varint};
use crate::log::MAX_MS;
use crate::position::Seq;
use crate::room_ids::RoomIds;
use crate::uid::valid_uid;
use hashbrown::HashMap;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The longest publish id, in bytes.
pub const MAX_ID: usize = 64;
/// Ids that one room remembers at most, whatever the configuration says.
pub const MAX_IDS: usize = 100_000;
/// Ids that one call forgets at most: what is left goes with the next ones.
pub const MOST_FORGOTTEN: usize = 1000;

/// 1 to 64 bytes, any.
pub fn valid_id(id: &[u8]) -> bool {
    !id.is_empty() && id.len() <= MAX_ID
}

/// For how long and how many ids are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DedupePolicy {
    /// Ids per uid.
    pub count: u64,
    /// Milliseconds.
    pub age_ms: u64,
}

impl Default for DedupePolicy {
    fn default() -> Self {
        Self {
            count: 100,
            age_ms: 5 * 60 * 1000,
        }
    }
}

impl DedupePolicy {
    /// Whether nothing is remembered.
    pub const fn is_off(&self) -> bool {
        self.count == 0 || self.age_ms == 0
    }
}

#[derive(Clone, Debug)]
struct Seen {
    /// Counts every id that the room ever remembered: the order of age, also within a millisecond.
    no: u64,
    id: Box<[u8]>,
    seq: Seq,
    ms: u64,
}

/// See the top of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dedupe {
    /// Each list is in order of age and loses its items from the front.
    of_uid: HashMap<Arc<[u8]>, VecDeque<Seen>>,
    /// Every remembered id, oldest first, so that old ones are found without looking at every uid.
    by_age: BTreeMap<u64, Arc<[u8]>>,
    last_no: u64,
    /// Those of nobody in particular.
    pub(crate) of_room: Option<Box<RoomIds>>,
}

impl Dedupe {
    /// The number under which this id was stored, and when.
    pub(crate) fn find(&self, uid: &[u8], id: &[u8]) -> Option<(Seq, u64)> {
        let list = self.of_uid.get(uid)?;
        let seen = list.iter().rev().find(|seen| &*seen.id == id)?;
        Some((seen.seq, seen.ms))
    }

    pub(crate) fn remember(
        &mut self,
        uid: &[u8],
        id: &[u8],
        seq: Seq,
        ms: u64,
        policy: &DedupePolicy,
    ) {
        if policy.is_off() {
            return;
        }
        self.insert(uid, id, seq, ms);
        for _ in 0..MOST_FORGOTTEN {
            let many = self.of_uid.get(uid).map_or(0, VecDeque::len);
            if many as u64 <= policy.count {
                break;
            }
            self.forget_oldest_of(uid);
        }
        // Only what is too much: which ids are too old a tick says, as a stamp alone does not tell after the wall clock was set.
        self.forget_before(0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_age.is_empty() && self.of_room.is_none()
    }

    fn insert(&mut self, uid: &[u8], id: &[u8], seq: Seq, ms: u64) {
        let uid: Arc<[u8]> = match self.of_uid.get_key_value(uid) {
            Some((known, _)) => known.clone(),
            None => uid.into(),
        };
        self.last_no += 1;
        let no = self.last_no;
        self.by_age.insert(no, uid.clone());
        self.of_uid.entry(uid).or_default().push_back(Seen {
            no,
            id: id.into(),
            seq,
            ms,
        });
    }

    fn forget_oldest_of(&mut self, uid: &[u8]) {
        let Some(list) = self.of_uid.get_mut(uid) else {
            return;
        };
        if let Some(seen) = list.pop_front() {
            self.by_age.remove(&seen.no);
        }
        if list.is_empty() {
            self.of_uid.remove(uid);
        }
    }

    /// The uid and the time of the oldest id.
    fn oldest(&self) -> Option<(&Arc<[u8]>, u64)> {
        let (_, uid) = self.by_age.first_key_value()?;
        let seen = self.of_uid.get(uid)?.front()?;
        Some((uid, seen.ms))
    }

    pub(crate) fn oldest_ms(&self) -> Option<u64> {
        let of_uids = self.oldest().map(|(_, ms)| ms);
        let of_room = self.of_room.as_ref().and_then(|ids| ids.oldest_ms());
        of_uids.into_iter().chain(of_room).min()
    }

    /// The same for those of the room: at most [`MOST_FORGOTTEN`]. How many.
    pub(crate) fn forget_of_room(&mut self, ms: u64) -> usize {
        let Some(ids) = &mut self.of_room else {
            return 0;
        };
        let gone = ids.forget_before(ms);
        if ids.len() == 0 {
            self.of_room = None;
        }
        gone
    }

    /// Drops what is older than `ms`, and the oldest beyond the room's own limit: at most [`MOST_FORGOTTEN`]. How many.
    pub(crate) fn forget_before(&mut self, ms: u64) -> usize {
        for gone in 0..MOST_FORGOTTEN {
            match self.oldest() {
                Some((uid, at)) if at < ms || self.by_age.len() > MAX_IDS => {
                    let uid = uid.clone();
                    self.forget_oldest_of(&uid);
                }
                _ => return gone,
            }
        }
        MOST_FORGOTTEN
    }

    /// Heap bytes, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        let per_uid = size_of::<(Arc<[u8]>, VecDeque<Seen>)>() + 64;
        size_of::<Self>()
            + self.of_uid.capacity() * per_uid
            + self.by_age.len() * (size_of::<Seen>() + size_of::<(u64, Arc<[u8]>)>() + 24)
            + self.of_room.as_ref().map_or(0, |ids| ids.heap_bytes())
    }

    pub(crate) fn heap_blocks(&self) -> usize {
        let of_room = self.of_room.as_ref().map_or(0, |ids| ids.heap_blocks());
        self.by_age.len() + 2 * self.of_uid.len() + of_room
    }

    /// Parts of at most `per_part` ids, oldest first.
    pub(crate) fn save(&self, per_part: usize, mut part: impl FnMut(&[u8])) {
        let mut out = Vec::new();
        let mut in_part = 0;
        for (no, uid) in &self.by_age {
            let Some(seen) = find_no(&self.of_uid, uid, *no) else {
                continue;
            };
            put_bytes(&mut out, uid);
            put_bytes(&mut out, &seen.id);
            put_varint(&mut out, seen.seq);
            put_varint(&mut out, seen.ms);
            in_part += 1;
            if in_part == per_part {
                part(&out);
                out.clear();
                in_part = 0;
            }
        }
        if in_part > 0 {
            part(&out);
        }
    }

    /// Adds one saved part; `head` is the highest number there can be.
    pub(crate) fn load(&mut self, reader: &mut Reader<'_>, head: Seq) -> Option<()> {
        while !reader.is_empty() {
            let uid = reader.bytes().filter(|uid| valid_uid(uid))?;
            let id = reader.bytes().filter(|id| valid_id(id))?;
            let seq = reader.varint().filter(|&seq| seq > 0 && seq <= head)?;
            let ms = reader.varint().filter(|&ms| ms <= MAX_MS)?;
            if self.by_age.len() >= MAX_IDS {
                return None;
            }
            self.insert(uid, id, seq, ms);
        }
        Some(())
    }
}

fn find_no<'a>(
    of_uid: &'a HashMap<Arc<[u8]>, VecDeque<Seen>>,
    uid: &[u8],
    no: u64,
) -> Option<&'a Seen> {
    let list = of_uid.get(uid)?;
    let at = list.binary_search_by_key(&no, |seen| seen.no).ok()?;
    list.get(at)
}
