//! A room's last frames, encoded once. Each live seat has its own place here; who catches up steps over to here.
//!
//! A **chunk** is what left together: a burst of messages and events that are not stored, or one event about presence. Its bytes
//! are shared by all seats. A longer burst is several: whoever has room for little is not handed all of it at once.

use bytes::{Bytes, BytesMut};
use room_core::position::Position;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;

/// A message in a chunk: its position, and where its bytes end.
type Mark = (Position, u32);

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    /// What its first message follows.
    before: Position,
    marks: SmallVec<[Mark; 1]>,
    about: About,
}

/// What a chunk tells.
#[derive(Debug, PartialEq, Eq)]
enum About {
    Talk,
    /// Who came, went or is here; not for this uid.
    Names(Option<Arc<str>>),
    /// How many are here.
    Counters,
}

impl Chunk {
    /// Whoever has this chunk is here.
    pub(crate) fn end(&self) -> Position {
        self.marks.last().map_or(self.before, |mark| mark.0)
    }

    /// Whether it is about presence and not for somebody: who logs in is told of presence from `synced` on, with the counts that
    /// are true then; what is older contradicts its login. `names`: it may know who the others are.
    pub(crate) fn passes(&self, uid: &str, owes_synced: bool, names: bool) -> bool {
        match &self.about {
            About::Talk => false,
            About::Names(except) => owes_synced || !names || except.as_deref() == Some(uid),
            About::Counters => owes_synced,
        }
    }

    /// What of it follows a position.
    fn after(&self, at: Position) -> Option<Bytes> {
        if at == self.before {
            return Some(self.bytes.clone());
        }
        let mark = self.marks.iter().find(|mark| mark.0 == at)?;
        Some(self.bytes.slice(mark.1 as usize..))
    }

    /// Its place in memory, about.
    fn size(&self) -> usize {
        self.bytes.len() + self.marks.len() * size_of::<Mark>() + size_of::<Self>()
    }
}

/// See the top of the file. Chunks are numbered from 0 on.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Everything up to here went through.
    at: Position,
    /// The number of the first chunk that is kept.
    first: u64,
    /// A room that was quiet for a while has nothing but its end.
    kept: Option<Box<Kept>>,
}

#[derive(Debug)]
struct Kept {
    chunks: VecDeque<Chunk>,
    size: usize,
    /// What gathers for the next chunk.
    open: BytesMut,
    marks: SmallVec<[Mark; 1]>,
    /// Everything up to here is in chunks or went through them; the rest gathers.
    sealed: Position,
    /// When a message was stamped, and how many seats are still to be looked at until all have it. One at a time: those
    /// that come meanwhile are not measured.
    measured: Option<(u64, u32)>,
}

impl Kept {
    fn new(at: Position) -> Self {
        Self {
            chunks: VecDeque::new(),
            size: 0,
            open: BytesMut::new(),
            marks: SmallVec::new(),
            sealed: at,
            measured: None,
        }
    }

    fn close(&mut self, at: Position, about: About) {
        let chunk = Chunk {
            bytes: std::mem::take(&mut self.open).freeze(),
            before: self.sealed,
            marks: std::mem::take(&mut self.marks),
            about,
        };
        self.sealed = at;
        self.size += chunk.size();
        self.chunks.push_back(chunk);
    }
}

impl Ring {
    /// An empty one that everything after `at` comes to. Its first chunk has the number `first`.
    pub(crate) const fn new(at: Position, first: u64) -> Self {
        Self {
            at,
            first,
            kept: None,
        }
    }

    /// Begins anew with everything after `at`.
    pub(crate) fn start(&mut self, at: Position) {
        *self = Self::new(at, self.end());
    }

    pub(crate) const fn at(&self) -> Position {
        self.at
    }

    /// The number that the next chunk gets.
    pub(crate) fn end(&self) -> u64 {
        let kept = self.kept.as_ref();
        self.first + kept.map_or(0, |kept| kept.chunks.len()) as u64
    }

    /// Something was said a moment ago, or somebody reads the log.
    pub(crate) const fn is_warm(&self) -> bool {
        self.kept.is_some()
    }

    pub(crate) fn size(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.size)
    }

    fn kept(&mut self) -> &mut Kept {
        self.kept
            .get_or_insert_with(|| Box::new(Kept::new(self.at)))
    }

    /// Adds the message at `to`, which follows: `encode` appends its frame. What gathered before is closed if that is `most`
    /// bytes or more.
    pub(crate) fn push(&mut self, to: Position, most: usize, encode: impl FnOnce(&mut BytesMut)) {
        self.seal_beyond(most);
        let kept = self.kept();
        encode(&mut kept.open);
        kept.marks.push((to, kept.open.len() as u32));
        self.at = to;
    }

    /// What was added last was stamped then, and this many seats are to be looked at.
    pub(crate) fn measure(&mut self, ms: u64, seats: u32) {
        if let Some(kept) = &mut self.kept
            && kept.measured.is_none()
            && seats > 0
        {
            kept.measured = Some((ms, seats));
        }
    }

    /// So many more seats were looked at. When the message that is measured was stamped, if all have it now.
    pub(crate) fn served(&mut self, seats: u32) -> Option<u64> {
        let measured = &mut self.kept.as_mut()?.measured;
        let (ms, left) = measured.as_mut()?;
        *left = left.saturating_sub(seats);
        let stamped = (*left == 0).then_some(*ms)?;
        *measured = None;
        Some(stamped)
    }

    /// Adds an event that is not stored.
    pub(crate) fn push_event(&mut self, most: usize, encode: impl FnOnce(&mut BytesMut)) {
        self.seal_beyond(most);
        encode(&mut self.kept().open);
    }

    /// Adds an event that names who came, went or is here, for all but a uid.
    pub(crate) fn push_names(
        &mut self,
        except: Option<Arc<str>>,
        encode: impl FnOnce(&mut BytesMut),
    ) {
        self.push_presence(About::Names(except), encode);
    }

    /// Adds an event that says how many are here.
    pub(crate) fn push_counters(&mut self, encode: impl FnOnce(&mut BytesMut)) {
        self.push_presence(About::Counters, encode);
    }

    fn push_presence(&mut self, about: About, encode: impl FnOnce(&mut BytesMut)) {
        self.seal();
        let at = self.at;
        let kept = self.kept();
        encode(&mut kept.open);
        kept.close(at, about);
    }

    /// Makes a chunk of what has gathered.
    pub(crate) fn seal(&mut self) {
        if let Some(kept) = &mut self.kept
            && !kept.open.is_empty()
        {
            kept.close(self.at, About::Talk);
        }
    }

    fn seal_beyond(&mut self, most: usize) {
        if self
            .kept
            .as_ref()
            .is_some_and(|kept| kept.open.len() >= most)
        {
            self.seal();
        }
    }

    /// The chunk of a number.
    pub(crate) fn chunk(&self, number: u64) -> Option<&Chunk> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.kept.as_ref()?.chunks.get(index)
    }

    /// Whether the message at this position went through, as far as is remembered.
    pub(crate) fn has(&self, at: Position) -> bool {
        let is_here = |mark: &Mark| mark.0 == at;
        let known = |chunk: &Chunk| chunk.before == at || chunk.marks.iter().any(is_here);
        at == self.at
            || self.kept.as_ref().is_some_and(|kept| {
                kept.marks.iter().any(is_here) || kept.chunks.iter().rev().any(known)
            })
    }

    /// Where somebody who has everything up to `at` goes on: what is left of the chunk that ends later, and the number of
    /// the next one. `None` if that is not here. To be called when all is sealed.
    pub(crate) fn find(&self, at: Position) -> Option<(Option<Bytes>, u64)> {
        let gathers = |kept: &Kept| !kept.marks.is_empty();
        if at == self.at && !self.kept.as_deref().is_some_and(gathers) {
            return Some((None, self.end()));
        }
        for (index, chunk) in self.kept.as_ref()?.chunks.iter().enumerate().rev() {
            if chunk.end() == at && chunk.before != at {
                return Some((None, self.first + index as u64 + 1));
            }
            if let Some(rest) = chunk.after(at).filter(|_| chunk.end() != at) {
                return Some((Some(rest), self.first + index as u64 + 1));
            }
        }
        None
    }

    /// Drops the oldest chunks before `needed`, until no more than `most` bytes are kept.
    pub(crate) fn shrink(&mut self, needed: u64, most: usize) {
        let Some(kept) = &mut self.kept else {
            return;
        };
        while kept.size > most && self.first < needed {
            let Some(chunk) = kept.chunks.pop_front() else {
                break;
            };
            kept.size -= chunk.size();
            self.first += 1;
        }
        if kept.chunks.is_empty() && kept.open.is_empty() {
            self.kept = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use room_core::position::Tag;

    fn at(n: u64) -> Position {
        Position::new(n, Tag(n as u32 * 7))
    }

    fn ring() -> Ring {
        let mut ring = Ring::new(at(10), 3);
        for burst in [11..=13, 14..=14, 15..=17] {
            for n in burst {
                ring.push(at(n), 100, |out| {
                    out.extend_from_slice(format!("{n};").as_bytes())
                });
            }
            ring.seal();
        }
        ring
    }

    /// Everything that somebody at `from` gets.
    fn rest(ring: &Ring, from: Position) -> Option<String> {
        let (first, mut next) = ring.find(from)?;
        let mut all = first.map_or_else(Vec::new, |bytes| bytes.to_vec());
        while let Some(chunk) = ring.chunk(next) {
            all.extend_from_slice(&chunk.bytes);
            next += 1;
        }
        Some(String::from_utf8(all).unwrap())
    }

    #[test]
    fn who_steps_over_gets_what_follows_once() {
        let ring = ring();
        for n in 10..=17 {
            let wanted: String = (n + 1..=17).map(|n| format!("{n};")).collect();
            assert_eq!(rest(&ring, at(n)), Some(wanted), "{n}");
            assert!(ring.has(at(n)));
        }
        for strange in [at(9), at(18), Position::new(12, Tag(1))] {
            assert_eq!(rest(&ring, strange), None);
            assert!(!ring.has(strange));
        }
    }

    #[test]
    fn a_long_burst_is_several_chunks() {
        let mut ring = Ring::new(at(10), 3);
        for n in 11..=15 {
            ring.push(at(n), 5, |out| {
                out.extend_from_slice(format!("{n};").as_bytes())
            });
        }
        ring.seal();
        assert_eq!(ring.end(), 6, "two, two and one");
        for n in 10..=15 {
            let wanted: String = (n + 1..=15).map(|n| format!("{n};")).collect();
            assert_eq!(rest(&ring, at(n)), Some(wanted), "{n}");
        }
    }

    #[test]
    fn presence_is_a_chunk_of_its_own_and_not_for_everybody() {
        let mut ring = ring();
        ring.push_names(Some("ann".into()), |out| out.extend_from_slice(b"+ann;"));
        ring.push(at(18), 100, |out| out.extend_from_slice(b"18;"));
        ring.seal();
        // Whoever comes now was told in the login who is here.
        assert_eq!(rest(&ring, at(17)), Some("18;".into()));
        assert_eq!(rest(&ring, at(16)), Some("17;+ann;18;".into()));
        let came = ring.chunk(6).unwrap();
        assert!(came.passes("ann", false, true) && !came.passes("bob", false, true));
        assert!(came.passes("bob", true, true), "its login tells it more");
        assert!(came.passes("bob", false, false), "it may not know names");
        assert!(!ring.chunk(5).unwrap().passes("ann", true, false));
    }

    #[test]
    fn counters_are_for_who_may_know_no_names_too() {
        let mut ring = ring();
        ring.push_counters(|out| out.extend_from_slice(b"9;"));
        let counters = ring.chunk(6).unwrap();
        assert!(!counters.passes("bob", false, false));
        assert!(counters.passes("bob", true, true));
    }

    #[test]
    fn what_nobody_needs_is_dropped() {
        let mut ring = ring();
        ring.shrink(5, 0);
        assert_eq!((ring.kept().chunks.len(), ring.end()), (1, 6));
        assert_eq!(rest(&ring, at(13)), None);
        assert_eq!(rest(&ring, at(15)), Some("16;17;".into()));
        ring.shrink(6, 0);
        assert!(ring.kept.is_none());
        assert_eq!((ring.size(), ring.end(), ring.at()), (0, 6, at(17)));
        assert_eq!(rest(&ring, at(17)), Some(String::new()));
    }
}
