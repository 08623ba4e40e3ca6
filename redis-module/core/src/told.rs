//! What was told of whom. A member of whom nothing was told takes no memory here.

use crate::bytes::{Reader, put_bytes, put_varint};
use crate::log::{MAX_MS, MAX_SEQ};
use crate::position::Seq;
use crate::uid::valid_uid;
use std::collections::BTreeMap;

/// What was told of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// Messages up to here.
    pub seq: Seq,
    /// How often something was told, of everybody who bore this uid before as well.
    pub many: u64,
    /// When it was told the last time: steady Unix time in milliseconds.
    pub at: u64,
    /// It was not here since then, and acknowledged nothing.
    pub quiet: bool,
}

/// See the top of the file. In the order of uids, so that two equal rooms are saved as the same bytes.
#[derive(Clone, Debug, Default)]
pub struct Told {
    of: BTreeMap<Box<[u8]>, Telling>,
    /// The most tellings of anybody who left: whoever comes under such a uid is told of under higher numbers.
    left: u64,
}

impl Told {
    /// What was told of this uid.
    pub fn get(&self, uid: &[u8]) -> Option<&Telling> {
        self.of.get(uid)
    }

    /// How often something was told of this uid.
    pub(crate) fn many(&self, uid: &[u8]) -> u64 {
        self.get(uid).map_or(self.left, |telling| telling.many)
    }

    /// Messages up to `seq` were told at `at`. What was told never goes back.
    pub(crate) fn tell(&mut self, uid: &[u8], seq: Seq, at: u64, quiet: bool) {
        let many = self.many(uid).saturating_add(1);
        let before = self.get(uid).map_or(0, |telling| telling.seq);
        let telling = Telling {
            seq: seq.max(before),
            many,
            at,
            quiet,
        };
        match self.of.get_mut(uid) {
            Some(known) => *known = telling,
            None => drop(self.of.insert(uid.into(), telling)),
        }
    }

    /// This member acknowledged something, or is here. Whether that ends its quiet.
    pub(crate) fn stir(&mut self, uid: &[u8]) -> bool {
        let quiet = self.of.get_mut(uid).map(|telling| &mut telling.quiet);
        quiet.is_some_and(std::mem::take)
    }

    /// A membership ended.
    pub(crate) fn remove(&mut self, uid: &[u8]) {
        if let Some(telling) = self.of.remove(uid) {
            self.left = self.left.max(telling.many);
        }
    }

    /// Parts of at most `per_part` rows.
    pub(crate) fn save(&self, per_part: usize, mut part: impl FnMut(&[u8])) {
        let mut out = Vec::new();
        put_varint(&mut out, self.left);
        for (at, (uid, telling)) in self.of.iter().enumerate() {
            if at > 0 && at % per_part == 0 {
                part(&out);
                out.clear();
                put_varint(&mut out, self.left);
            }
            put_bytes(&mut out, uid);
            put_varint(&mut out, telling.seq);
            put_varint(&mut out, telling.many << 1 | u64::from(telling.quiet));
            put_varint(&mut out, telling.at);
        }
        part(&out);
    }

    /// Adds one saved part; `is_member` says of whom there may be something.
    pub(crate) fn load(
        &mut self,
        reader: &mut Reader<'_>,
        head: Seq,
        is_member: impl Fn(&[u8]) -> bool,
    ) -> Option<()> {
        self.left = reader.varint().filter(|many| *many <= MAX_SEQ)?;
        while !reader.is_empty() {
            let uid = reader.bytes().filter(|uid| valid_uid(uid))?;
            let seq = reader.varint().filter(|seq| *seq <= head)?;
            let marks = reader.varint().filter(|marks| *marks >> 1 <= MAX_SEQ)?;
            let at = reader.varint().filter(|ms| *ms <= MAX_MS)?;
            let telling = Telling {
                seq,
                many: marks >> 1,
                at,
                quiet: marks & 1 == 1,
            };
            let new = is_member(uid) && self.of.insert(uid.into(), telling).is_none();
            new.then_some(())?;
        }
        Some(())
    }

    /// Heap bytes, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        // A pointer with its length, the row, what nodes leave free, and a usual uid.
        const ROW: usize = size_of::<(Box<[u8]>, Telling)>() * 4 / 3 + 16;
        size_of::<Self>() + self.of.len() * ROW
    }

    /// Heap blocks, about.
    pub(crate) fn heap_blocks(&self) -> usize {
        1 + self.of.len() + self.of.len() / 6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tellings_are_numbered_and_never_go_back() {
        let mut told = Told::default();
        assert_eq!((told.get(b"a"), told.many(b"a")), (None, 0));
        told.tell(b"a", 7, 100, true);
        told.tell(b"a", 5, 200, true);
        let telling = Telling {
            seq: 7,
            many: 2,
            at: 200,
            quiet: true,
        };
        assert_eq!(told.get(b"a"), Some(&telling));
        assert!(told.stir(b"a") && !told.stir(b"a") && !told.stir(b"b"));
        told.remove(b"a");
        told.remove(b"b");
        assert_eq!(
            (told.get(b"a"), told.many(b"a")),
            (None, 2),
            "whoever comes next"
        );
        told.tell(b"b", 9, 300, false);
        assert_eq!(told.many(b"b"), 3);
    }

    fn saved(told: &Told, per_part: usize) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        told.save(per_part, |part| parts.push(part.to_vec()));
        parts
    }

    #[test]
    fn it_is_saved_in_parts_and_damaged_ones_are_refused() {
        let mut told = Told::default();
        assert_eq!(saved(&told, 2).len(), 1, "the numbers stay");
        for (seq, uid) in ["a", "b", "c"].into_iter().enumerate() {
            told.tell(uid.as_bytes(), seq as u64, 50, seq == 1);
        }
        told.remove(b"c");
        told.tell(b"d", 3, 60, true);
        let parts = saved(&told, 2);
        assert_eq!(parts.len(), 2);
        let load = |parts: &[Vec<u8>], head: Seq, known: &[u8]| {
            let mut again = Told::default();
            parts
                .iter()
                .try_for_each(|part| {
                    again.load(&mut Reader::new(part), head, |uid| known.contains(&uid[0]))
                })
                .map(|()| again)
        };
        let again = load(&parts, 3, b"abd").unwrap();
        assert_eq!(again.of, told.of);
        assert_eq!((again.left, again.many(b"d")), (1, 2));
        assert_eq!(saved(&again, 2), parts);
        assert!(load(&parts, 2, b"abd").is_none(), "beyond the head");
        assert!(load(&parts, 3, b"ab").is_none(), "no member");
        let twice = [&parts[..], &parts[..]].concat();
        assert!(load(&twice, 3, b"abd").is_none(), "twice");
    }
}
