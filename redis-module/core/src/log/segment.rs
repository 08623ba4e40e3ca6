//! A run of messages in one buffer.
//!
//! An entry is `sender, time since the entry before, payload length` as varints, then the payload: three bytes for a
//! message of 100 bytes. `sender` is 1 + the index in the segment's short list of senders, or 0 and the uid itself.
//! Numbers and tags are not stored: they follow from `first` and `base_tag`.

use crate::bytes::{Reader, put_bytes, put_varint, varint_len};
use crate::chain::next_tag;
use crate::position::{Position, Seq, Tag};

/// A buffer is full at this size (an allocation class of jemalloc); only a single larger message exceeds it.
pub(crate) const SEGMENT_BYTES: usize = 16 * 1024;
/// Messages above this size get a segment of exactly their size, or the rest of a segment would often be lost.
const LARGE_MESSAGE: usize = 2 * 1024;
/// Senders that a segment lists; those who come later are written out in each of their messages.
const MAX_SENDERS: usize = 16;

/// One message as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its position: the tag covers this message too.
    pub position: Position,
    /// When it was published, Unix time in milliseconds.
    pub ms: u64,
    /// Who published it.
    pub uid: &'a [u8],
    /// As it was published.
    pub payload: &'a [u8],
}

/// How many members have their next message somewhere.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waiting {
    /// Those who hold the log back.
    pub(crate) holding: u32,
    /// Those who do not: what goes before they have it is lost to them.
    pub(crate) released: u32,
}

impl Waiting {
    pub(crate) const fn of(&mut self, released: bool) -> &mut u32 {
        if released {
            &mut self.released
        } else {
            &mut self.holding
        }
    }

    pub(crate) const fn add(&mut self, others: Self) {
        self.holding = self.holding.saturating_add(others.holding);
        self.released = self.released.saturating_add(others.released);
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// The number of the first entry in `buf`, freed ones included.
    first: Seq,
    /// Time and tag that the first entry continues.
    base_ms: u64,
    base_tag: Tag,
    /// Entries in `buf`.
    count: u32,
    /// The first `skip` of them are freed; the next one starts at byte `skip_at`.
    skip: u32,
    skip_at: u32,
    /// The time that the first stored entry continues.
    skip_ms: u64,
    /// All bytes ever appended: where a segment ends must not depend on what was freed since, or a replica that loaded
    /// a snapshot would cut elsewhere.
    filled: u32,
    /// Members whose next message lies in this segment.
    pub(crate) waiting: Waiting,
    senders: Box<[u8]>,
    buf: Vec<u8>,
}

impl Segment {
    /// An empty segment after `before`, whose first entry has `entry_len` bytes at most; `busy` if others come soon.
    pub(crate) fn new(before: Position, base_ms: u64, entry_len: usize, busy: bool) -> Self {
        // What is not known to be needed is left to the first entry, which takes exactly its size.
        let capacity = if busy && entry_len <= LARGE_MESSAGE {
            SEGMENT_BYTES
        } else {
            0
        };
        Self {
            first: before.seq.saturating_add(1),
            base_ms,
            base_tag: before.tag,
            count: 0,
            skip: 0,
            skip_at: 0,
            skip_ms: base_ms,
            filled: 0,
            waiting: Waiting::default(),
            senders: Box::default(),
            buf: Vec::with_capacity(capacity),
        }
    }

    /// The first entry that is still stored.
    pub(crate) const fn first_live(&self) -> Seq {
        self.first.saturating_add(self.skip as u64)
    }

    /// The number after the last entry.
    pub(crate) const fn end(&self) -> Seq {
        self.first.saturating_add(self.count as u64)
    }

    /// Encoded bytes of the entries that are still stored.
    pub(crate) const fn live_bytes(&self) -> u64 {
        self.buf.len().saturating_sub(self.skip_at as usize) as u64
    }

    /// An upper bound of an entry's encoded size.
    pub(crate) const fn entry_len(uid: &[u8], payload: &[u8]) -> usize {
        // Sender 0, length and uid; at most ten bytes of time; length and payload.
        1 + varint_len(uid.len() as u64)
            + uid.len()
            + 10
            + varint_len(payload.len() as u64)
            + payload.len()
    }

    /// Whether another entry belongs in here: a rule on `filled` and the message alone, so that every node cuts alike.
    pub(crate) const fn has_room_for(&self, uid: &[u8], payload: &[u8]) -> bool {
        let len = Self::entry_len(uid, payload);
        self.count == 0 || (len <= LARGE_MESSAGE && self.filled as usize + len <= SEGMENT_BYTES)
    }

    /// `ms_since` is the time since the entry before (or since `base_ms`).
    pub(crate) fn push(&mut self, ms_since: u64, uid: &[u8], payload: &[u8]) {
        let code = self.sender_code(uid);
        let named = match code {
            0 => varint_len(uid.len() as u64) + uid.len(),
            _ => 0,
        };
        let head = varint_len(code) + named + varint_len(ms_since);
        self.make_room(head + varint_len(payload.len() as u64) + payload.len());
        let before = self.buf.len();
        match code {
            0 => {
                put_varint(&mut self.buf, 0);
                put_bytes(&mut self.buf, uid);
            }
            code => put_varint(&mut self.buf, code),
        }
        put_varint(&mut self.buf, ms_since);
        put_bytes(&mut self.buf, payload);
        self.filled = self.filled.saturating_add((self.buf.len() - before) as u32);
        self.count += 1;
    }

    /// The first entry gets its own size, as many rooms have no other. Then the buffer doubles up to the size of a full
    /// segment, where `Vec`'s own doubling would overshoot.
    fn make_room(&mut self, more: usize) {
        let need = self.buf.len() + more;
        if need > self.buf.capacity() {
            let target = if self.buf.is_empty() {
                need
            } else {
                need.next_power_of_two().min(SEGMENT_BYTES).max(need)
            };
            self.buf.reserve_exact(target - self.buf.len());
        }
    }

    /// The code of this sender, listed now if there is room.
    fn sender_code(&mut self, uid: &[u8]) -> u64 {
        let mut listed = 0;
        for sender in senders(&self.senders) {
            listed += 1;
            if sender == uid {
                return listed as u64;
            }
        }
        if listed == MAX_SENDERS {
            return 0;
        }
        let mut longer = Vec::with_capacity(self.senders.len() + 1 + uid.len());
        longer.extend_from_slice(&self.senders);
        put_bytes(&mut longer, uid);
        self.senders = longer.into_boxed_slice();
        listed as u64 + 1
    }

    /// Frees entries below `seq`; their bytes go with the segment, or when most of it is dead.
    pub(crate) fn skip_to(&mut self, seq: Seq) {
        let mut reader = Reader::starting_at(&self.buf, self.skip_at as usize);
        while self.first_live() < seq && self.skip < self.count {
            let Some((_, ms_since, _)) = read_entry(&mut reader, &self.senders) else {
                return;
            };
            self.skip_ms = self.skip_ms.saturating_add(ms_since);
            self.skip += 1;
            self.skip_at = reader.at() as u32;
        }
    }

    /// When the first stored entry was published.
    pub(crate) fn oldest_ms(&self) -> u64 {
        let mut reader = Reader::starting_at(&self.buf, self.skip_at as usize);
        let since = read_entry(&mut reader, &self.senders).map_or(0, |(_, ms_since, _)| ms_since);
        self.skip_ms.saturating_add(since)
    }

    /// The position just before the first stored entry.
    pub(crate) fn position_before(&self) -> Position {
        let mut walk = self.walk();
        for _ in 0..self.skip {
            if walk.next().is_none() {
                break;
            }
        }
        walk.before
    }

    /// All entries, the freed ones too (their bytes are needed for time and tags).
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk {
            reader: Reader::new(&self.buf),
            senders: &self.senders,
            before: Position::new(self.first.saturating_sub(1), self.base_tag),
            ms: self.base_ms,
            left: self.count,
        }
    }

    /// The stored entries from `seq` on.
    pub(crate) fn entries_from(&self, seq: Seq) -> impl Iterator<Item = Entry<'_>> {
        let from = seq.max(self.first_live());
        self.walk()
            .skip_while(move |entry| entry.position.seq < from)
    }

    /// Encoded size and time of each stored entry: what limits ask on the publish path, so without the chain, and without
    /// the freed entries.
    pub(crate) fn sizes_and_times(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut reader = Reader::starting_at(&self.buf, self.skip_at as usize);
        let mut ms = self.skip_ms;
        (self.skip..self.count).map_while(move |_| {
            let before = reader.at();
            let (_, ms_since, _) = read_entry(&mut reader, &self.senders)?;
            ms = ms.saturating_add(ms_since);
            Some(((reader.at() - before) as u64, ms))
        })
    }

    /// The size of each stored entry's payload, without the chain.
    pub(crate) fn payload_sizes(&self) -> impl Iterator<Item = u64> {
        let mut reader = Reader::starting_at(&self.buf, self.skip_at as usize);
        (self.skip..self.count).map_while(move |_| {
            let (_, _, payload) = read_entry(&mut reader, &self.senders)?;
            Some(payload.len() as u64)
        })
    }

    /// The tag after message `seq`, which is in here (or is the one before the first).
    pub(crate) fn tag_at(&self, seq: Seq) -> Option<Tag> {
        let mut walk = self.walk();
        while walk.before.seq < seq {
            walk.next()?;
        }
        (walk.before.seq == seq).then_some(walk.before.tag)
    }

    /// Heap bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.buf.capacity() + self.senders.len()
    }

    /// Writes what is stored, without the freed entries.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        let mut walk = self.walk();
        for _ in 0..self.skip {
            walk.next();
        }
        put_varint(out, walk.before.seq.saturating_add(1));
        put_varint(out, walk.ms);
        put_varint(out, u64::from(walk.before.tag.0));
        put_varint(out, u64::from(self.filled));
        put_varint(out, u64::from(self.count - self.skip));
        put_bytes(out, &self.senders);
        put_bytes(
            out,
            self.buf.get(self.skip_at as usize..).unwrap_or_default(),
        );
    }

    /// Reads what [`save`](Self::save) wrote and walks it once; the caller checks that it continues the log.
    /// `Some((segment, end, last time))`; times are sums that stop at the largest number, so the last one tells of all.
    pub(crate) fn load(reader: &mut Reader<'_>) -> Option<(Self, Position, u64)> {
        let first = reader.varint().filter(|&first| first > 0)?;
        let base_ms = reader.varint()?;
        let base_tag = Tag(reader.u32()?);
        let filled = reader.u32()?;
        let count = reader.u32().filter(|&count| count > 0)?;
        let names = reader.bytes()?;
        let buf = reader.bytes()?;
        if !senders_are_sound(names)
            || (filled as usize) < buf.len()
            || u32::try_from(buf.len()).is_err()
        {
            return None;
        }
        let segment = Self {
            first,
            base_ms,
            base_tag,
            count,
            skip: 0,
            skip_at: 0,
            skip_ms: base_ms,
            filled,
            waiting: Waiting::default(),
            senders: names.into(),
            buf: buf.to_vec(),
        };
        let mut walk = segment.walk();
        for entry in walk.by_ref() {
            if !crate::uid::valid_uid(entry.uid) {
                return None;
            }
        }
        if walk.left > 0 || !walk.reader.is_empty() {
            return None;
        }
        let (end, ms) = (walk.before, walk.ms);
        Some((segment, end, ms))
    }
}

fn senders(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(list);
    std::iter::from_fn(move || reader.bytes())
}

fn senders_are_sound(list: &[u8]) -> bool {
    let mut reader = Reader::new(list);
    let mut count = 0;
    while !reader.is_empty() {
        count += 1;
        if count > MAX_SENDERS || !reader.bytes().is_some_and(crate::uid::valid_uid) {
            return false;
        }
    }
    true
}

/// Sender, time since the entry before, payload.
fn read_entry<'a>(reader: &mut Reader<'a>, list: &'a [u8]) -> Option<(&'a [u8], u64, &'a [u8])> {
    let uid = match reader.varint()? {
        0 => reader.bytes()?,
        code => senders(list).nth(usize::try_from(code - 1).ok()?)?,
    };
    Some((uid, reader.varint()?, reader.bytes()?))
}

/// Goes through a segment and keeps the chain on the way.
pub(crate) struct Walk<'a> {
    reader: Reader<'a>,
    senders: &'a [u8],
    /// The position before the entry that comes next.
    before: Position,
    ms: u64,
    left: u32,
}

impl<'a> Iterator for Walk<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.left == 0 {
            return None;
        }
        let (uid, ms_since, payload) = read_entry(&mut self.reader, self.senders)?;
        self.ms = self.ms.saturating_add(ms_since);
        self.before = Position::new(
            self.before.seq.saturating_add(1),
            next_tag(self.before.tag, self.ms, uid, payload),
        );
        self.left -= 1;
        Some(Entry {
            position: self.before,
            ms: self.ms,
            uid,
            payload,
        })
    }
}
