//! Publish ids that a room remembers whoever published with them (`ROOM.PUBLISH … ROOMID id`): for a caller that speaks for
//! many uids, and must be able to repeat. They go by their age alone. The room has so many at most, and none gives its place
//! to a newer one before that: the newer one is refused.

use crate::bytes::{Reader, put_bytes, put_varint};
use crate::dedupe::{MOST_FORGOTTEN, valid_id};
use crate::log::MAX_MS;
use crate::position::Seq;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// Ids that one room has at most, whatever the configuration says.
pub const MAX_ROOM_IDS: usize = 100_000;

#[derive(Clone, Debug)]
struct Seen {
    id: Arc<[u8]>,
    seq: Seq,
    ms: u64,
}

/// See the top of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoomIds {
    /// In order of age; loses its items from the front.
    by_age: VecDeque<Seen>,
    /// Where in that order each id is: `gone` is the first one. An id that was too old, and came again before it was
    /// forgotten, is in the list twice; the newer one counts.
    places: HashMap<Arc<[u8]>, u64>,
    gone: u64,
}

impl RoomIds {
    /// The number under which this id was stored, and when.
    pub(crate) fn find(&self, id: &[u8]) -> Option<(Seq, u64)> {
        let at = self.places.get(id)?.checked_sub(self.gone)?;
        let seen = self.by_age.get(usize::try_from(at).ok()?)?;
        Some((seen.seq, seen.ms))
    }

    pub(crate) fn remember(&mut self, id: &[u8], seq: Seq, ms: u64) {
        if self.len() >= MAX_ROOM_IDS {
            // A primary refuses before: this bounds what damaged effects can do.
            self.forget_oldest();
        }
        let id: Arc<[u8]> = id.into();
        self.places
            .insert(id.clone(), self.gone + self.by_age.len() as u64);
        self.by_age.push_back(Seen { id, seq, ms });
    }

    pub(crate) fn len(&self) -> usize {
        self.by_age.len()
    }

    pub(crate) fn oldest_ms(&self) -> Option<u64> {
        self.by_age.front().map(|seen| seen.ms)
    }

    /// How many [`forget_before`](Self::forget_before) would drop.
    pub(crate) fn older_than(&self, ms: u64) -> usize {
        let oldest = self.by_age.iter().take(MOST_FORGOTTEN);
        oldest.take_while(|seen| seen.ms < ms).count()
    }

    fn forget_oldest(&mut self) {
        if let Some(seen) = self.by_age.pop_front() {
            if self.places.get(&seen.id) == Some(&self.gone) {
                self.places.remove(&seen.id);
            }
            self.gone += 1;
        }
    }

    /// Drops what is older than `ms`: at most [`MOST_FORGOTTEN`]. How many.
    pub(crate) fn forget_before(&mut self, ms: u64) -> usize {
        let gone = self.older_than(ms);
        for _ in 0..gone {
            self.forget_oldest();
        }
        if self.by_age.len() * 4 < self.by_age.capacity() {
            // Many came at once, and their time is over.
            self.by_age.shrink_to(2 * self.by_age.len());
            self.places.shrink_to(2 * self.by_age.len());
        }
        gone
    }

    /// Heap bytes, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        // What Arc counts with, and the longest of the usual ids.
        const ID: usize = 16 + 48;
        size_of::<Self>()
            + self.by_age.capacity() * size_of::<Seen>()
            + self.places.capacity() * (size_of::<(Arc<[u8]>, u64)>() + 1)
            + self.places.len() * ID
    }

    pub(crate) fn heap_blocks(&self) -> usize {
        self.by_age.len() + 2
    }

    /// Parts of at most `per_part` ids, oldest first.
    pub(crate) fn save(&self, per_part: usize, mut part: impl FnMut(&[u8])) {
        let mut out = Vec::new();
        for (at, seen) in self.by_age.iter().enumerate() {
            put_bytes(&mut out, &seen.id);
            put_varint(&mut out, seen.seq);
            put_varint(&mut out, seen.ms);
            if (at + 1) % per_part.max(1) == 0 {
                part(&out);
                out.clear();
            }
        }
        if !out.is_empty() {
            part(&out);
        }
    }

    /// Adds one saved part; `head` is the highest number there can be.
    pub(crate) fn load(&mut self, reader: &mut Reader<'_>, head: Seq) -> Option<()> {
        while !reader.is_empty() {
            let id = reader.bytes().filter(|id| valid_id(id))?;
            let seq = reader.varint().filter(|&seq| seq > 0 && seq <= head)?;
            let ms = reader.varint().filter(|&ms| ms <= MAX_MS)?;
            if self.len() >= MAX_ROOM_IDS {
                return None;
            }
            self.remember(id, seq, ms);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Known<'a> = (&'a [u8], Option<(Seq, u64)>);

    fn remembers(ids: &RoomIds, known: &[Known<'_>]) {
        for (id, seen) in known {
            assert_eq!(ids.find(id), *seen, "{}", id.escape_ascii());
        }
    }

    #[test]
    fn ids_go_by_their_age() {
        let mut ids = RoomIds::default();
        for (at, id) in [b"a", b"b", b"c"].into_iter().enumerate() {
            ids.remember(id, at as u64 + 1, 10 * at as u64);
        }
        remembers(&ids, &[(b"a", Some((1, 0))), (b"c", Some((3, 20)))]);
        assert_eq!((ids.older_than(20), ids.oldest_ms()), (2, Some(0)));
        assert_eq!(ids.forget_before(20), 2);
        remembers(&ids, &[(b"a", None), (b"b", None), (b"c", Some((3, 20)))]);
        ids.remember(b"a", 4, 30);
        remembers(&ids, &[(b"a", Some((4, 30))), (b"c", Some((3, 20)))]);
        assert_eq!(ids.forget_before(u64::MAX), 2);
        assert_eq!((ids.len(), ids.oldest_ms()), (0, None));
        assert!(ids.places.is_empty());
    }

    #[test]
    fn an_id_that_comes_again_is_the_newer_one() {
        let mut ids = RoomIds::default();
        ids.remember(b"a", 1, 5);
        ids.remember(b"b", 2, 6);
        ids.remember(b"a", 3, 7);
        remembers(&ids, &[(b"a", Some((3, 7)))]);
        assert_eq!(ids.forget_before(7), 2);
        remembers(&ids, &[(b"a", Some((3, 7))), (b"b", None)]);
    }

    #[test]
    fn many_are_forgotten_a_part_at_a_time_and_their_memory_is_given_back() {
        let mut ids = RoomIds::default();
        for n in 0..5000u64 {
            ids.remember(&n.to_le_bytes(), n + 1, n);
        }
        let full = ids.heap_bytes();
        assert_eq!(ids.forget_before(4990), MOST_FORGOTTEN);
        for _ in 0..4 {
            ids.forget_before(4990);
        }
        assert_eq!(ids.len(), 10);
        assert!(ids.heap_bytes() < full / 20, "{}", ids.heap_bytes());
        remembers(&ids, &[(&4990u64.to_le_bytes(), Some((4991, 4990)))]);
    }

    #[test]
    fn what_is_saved_is_loaded_in_its_order() {
        let mut ids = RoomIds::default();
        for n in 0..10u64 {
            ids.remember(&[n as u8 % 7, 1], n + 1, 100 + n);
        }
        let mut parts = Vec::new();
        ids.save(4, |part| parts.push(part.to_vec()));
        assert_eq!(parts.len(), 3);
        let mut again = RoomIds::default();
        for part in &parts {
            again.load(&mut Reader::new(part), 10).unwrap();
        }
        let mut saved = Vec::new();
        again.save(4, |part| saved.push(part.to_vec()));
        assert_eq!(saved, parts);
        remembers(&again, &[(&[0, 1], Some((8, 107)))]);
        assert!(
            again.load(&mut Reader::new(&parts[0]), 3).is_none(),
            "no such message"
        );
        assert!(
            again.load(&mut Reader::new(&parts[0][..4]), 10).is_none(),
            "cut"
        );
    }
}
