//! The log: every stored message once, numbered without holes, freed from the front.
//!
//! It also counts, per segment, the members whose next message lies there: those who hold the log back, and those who no
//! longer do. So the first message that somebody still waits for is found without looking at any member, to the accuracy
//! of one segment.

mod drops;
mod segment;

pub use drops::{Drops, Reason};
pub use segment::Entry;

use crate::bytes::{Reader, put_varint};
use crate::position::{Position, Seq, Tag};
use segment::{Segment, Waiting};
use std::collections::VecDeque;

/// Numbers stay exact in JSON and in JavaScript up to here.
pub const MAX_SEQ: Seq = (1 << 53) - 1;
/// Times too. An effect with a later one is refused, so a room that is loaded must not have one either.
pub(crate) const MAX_MS: u64 = MAX_SEQ;

/// See the top of the file.
#[derive(Clone, Debug)]
pub struct Log {
    segments: VecDeque<Segment>,
    head: Position,
    last_ms: u64,
    live_bytes: u64,
    /// Members who have acknowledged everything: their next message does not exist yet.
    caught_up: Waiting,
    /// `None` while nothing was dropped: true of most rooms.
    drops: Option<Box<Drops>>,
}

impl Log {
    /// An empty log that continues after `start`.
    pub(crate) fn new(start: Position, last_ms: u64, drops: Drops) -> Self {
        Self {
            segments: VecDeque::new(),
            head: start,
            last_ms,
            live_bytes: 0,
            caught_up: Waiting::default(),
            drops: (drops != *Drops::NONE).then(|| Box::new(drops)),
        }
    }

    /// The last message's position, or where the room began.
    pub const fn head(&self) -> Position {
        self.head
    }

    /// The first message that is still stored; one past the head if there is none.
    pub fn first(&self) -> Seq {
        self.segments
            .front()
            .map_or(self.head.seq.saturating_add(1), Segment::first_live)
    }

    /// Messages stored.
    pub fn len(&self) -> u64 {
        self.head.seq.saturating_add(1).saturating_sub(self.first())
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Bytes of the stored messages: payloads and uids with their few bytes of header.
    pub const fn bytes(&self) -> u64 {
        self.live_bytes
    }

    /// When the newest message was published, Unix time in milliseconds; it never goes back.
    pub const fn last_ms(&self) -> u64 {
        self.last_ms
    }

    /// What was dropped, and why.
    pub fn drops(&self) -> &Drops {
        self.drops.as_deref().unwrap_or(Drops::NONE)
    }

    /// Time of the oldest stored message.
    pub fn oldest_ms(&self) -> Option<u64> {
        self.segments.front().map(Segment::oldest_ms)
    }

    /// The time that a message published at `now` gets.
    pub const fn time_of_next(&self, now: u64) -> u64 {
        if now > self.last_ms {
            now
        } else {
            self.last_ms
        }
    }

    /// Appends; `ms` must come from [`time_of_next`](Self::time_of_next) (an earlier one is raised to the last).
    pub(crate) fn append(&mut self, ms: u64, uid: &[u8], payload: &[u8]) -> Position {
        let ms = self.time_of_next(ms);
        let since = ms - self.last_ms;
        match self.segments.back_mut() {
            Some(last) if last.has_room_for(uid, payload) => {
                last.waiting.add(self.caught_up);
                let before = last.live_bytes();
                last.push(since, uid, payload);
                self.live_bytes += last.live_bytes() - before;
            }
            _ => self.open_segment(ms, uid, payload),
        }
        self.caught_up = Waiting::default();
        self.last_ms = ms;
        self.head = self.head.next(ms, uid, payload);
        self.head
    }

    fn open_segment(&mut self, ms: u64, uid: &[u8], payload: &[u8]) {
        let len = Segment::entry_len(uid, payload);
        let mut segment = Segment::new(self.head, ms, len, !self.segments.is_empty());
        segment.push(0, uid, payload);
        segment.waiting = self.caught_up;
        self.live_bytes += segment.live_bytes();
        self.push_segment(segment);
    }

    /// A list of segments that doubled would cost long rooms half a byte per message.
    fn push_segment(&mut self, segment: Segment) {
        if self.segments.len() == self.segments.capacity() {
            self.segments.reserve_exact(1 + self.segments.len() / 8);
        }
        self.segments.push_back(segment);
    }

    /// Frees every message below `first`. How many went.
    pub(crate) fn drop_before(&mut self, first: Seq, reason: Reason) -> u64 {
        let old_first = self.first();
        let mut orphans = Waiting::default();
        while let Some(front) = self.segments.front_mut() {
            if front.first_live() >= first {
                break;
            }
            let before = front.live_bytes();
            if front.end() > first {
                front.skip_to(first);
                self.live_bytes -= before - front.live_bytes();
                break;
            }
            orphans.add(front.waiting);
            self.live_bytes -= before;
            self.segments.pop_front();
        }
        // Whoever waited for a freed message now waits for the first stored one.
        match self.segments.front_mut() {
            Some(front) => front.waiting.add(orphans),
            None => self.caught_up.add(orphans),
        }
        let gone = self.first() - old_first;
        if gone > 0 {
            let up_to = self.first() - 1;
            let drops = self.drops.get_or_insert_default();
            drops.record(up_to, gone, reason);
        }
        gone
    }

    /// The first message that a member who holds the log back (or is released from that) may still wait for, rounded down
    /// to a segment's first; one past the head if all are caught up. Looks no further than `limit`.
    pub(crate) fn first_awaited(&self, limit: Seq, released: bool) -> Seq {
        for segment in &self.segments {
            let waiting = segment.waiting;
            let count = if released {
                waiting.released
            } else {
                waiting.holding
            };
            if count > 0 || segment.first_live() >= limit {
                return segment.first_live();
            }
        }
        self.head.seq.saturating_add(1)
    }

    /// Counts a member whose cursor is `cursor`.
    pub(crate) fn wait(&mut self, cursor: Seq, released: bool) {
        let count = self.waiting_mut(cursor).of(released);
        *count = count.saturating_add(1);
    }

    /// No longer counts a member whose cursor is `cursor`.
    pub(crate) fn unwait(&mut self, cursor: Seq, released: bool) {
        let count = self.waiting_mut(cursor).of(released);
        *count = count.saturating_sub(1);
    }

    /// Where a member with this cursor is counted: in the segment of the first stored message after it.
    fn waiting_mut(&mut self, cursor: Seq) -> &mut Waiting {
        let next = cursor.saturating_add(1);
        let index = self
            .segments
            .partition_point(|segment| segment.end() <= next);
        match self.segments.get_mut(index) {
            Some(segment) => &mut segment.waiting,
            None => &mut self.caught_up,
        }
    }

    /// The stored messages from `seq` on.
    pub fn entries_from(&self, seq: Seq) -> impl Iterator<Item = Entry<'_>> {
        let start = self
            .segments
            .partition_point(|segment| segment.end() <= seq);
        self.segments
            .range(start..)
            .enumerate()
            .flat_map(move |(i, segment)| segment.entries_from(if i == 0 { seq } else { 0 }))
    }

    /// Where the last messages of `from` to `to` begin that a page of so many, and so many bytes of payload, can hold: one at
    /// least, if there is one; else one past `to`. Looks at sizes only, backwards, and at no more segments than the page has.
    pub fn last_that_fit(&self, from: Seq, to: Seq, most: u64, most_bytes: u64) -> Seq {
        let mut begin = to.saturating_add(1).max(from);
        let (mut rows, mut bytes) = (0, 0_u64);
        let behind = self
            .segments
            .partition_point(|segment| segment.first_live() <= to);
        for segment in self.segments.range(..behind).rev() {
            let first = segment.first_live();
            let sizes: Vec<u64> = segment.payload_sizes().collect();
            for (nth, size) in sizes.into_iter().enumerate().rev() {
                let seq = first.saturating_add(nth as u64);
                if seq > to {
                    continue;
                }
                bytes = bytes.saturating_add(size);
                if seq < from || rows >= most || (rows > 0 && bytes > most_bytes) {
                    return begin;
                }
                rows += 1;
                begin = seq;
            }
        }
        begin
    }

    /// The position of `seq`: known from just before the first stored message up to the head.
    pub fn position_at(&self, seq: Seq) -> Option<Position> {
        if seq == self.head.seq {
            return Some(self.head);
        }
        if seq > self.head.seq || seq.saturating_add(1) < self.first() {
            return None;
        }
        let index = self
            .segments
            .partition_point(|segment| segment.end() <= seq);
        let segment = self.segments.get(index)?;
        // A segment also knows the position before its own first entry.
        segment.tag_at(seq).map(|tag| Position::new(seq, tag))
    }

    /// The position before the first stored message.
    pub fn start(&self) -> Position {
        self.segments
            .front()
            .map_or(self.head, Segment::position_before)
    }

    /// Bytes of all messages after `cursor`, up to one segment too many or too few; without walking the messages.
    pub fn bytes_after(&self, cursor: Seq) -> u64 {
        let next = cursor.saturating_add(1);
        let index = self
            .segments
            .partition_point(|segment| segment.end() <= next);
        let whole: u64 = self
            .segments
            .range(index..)
            .skip(1)
            .map(Segment::live_bytes)
            .sum();
        let part = self.segments.get(index).map_or(0, |segment| {
            segment
                .entries_from(next)
                .map(|entry| (entry.payload.len() + entry.uid.len()) as u64)
                .sum()
        });
        whole + part
    }

    /// The first message that is not old, by its time; one past the head if all are.
    pub(crate) fn first_not(&self, is_old: impl Fn(u64) -> bool) -> Seq {
        for segment in &self.segments {
            let young = segment.sizes_and_times().position(|(_, at)| !is_old(at));
            if let Some(old) = young {
                return segment.first_live().saturating_add(old as u64);
            }
        }
        self.head.seq.saturating_add(1)
    }

    /// The lowest first message that keeps the log within `max` bytes.
    pub(crate) fn first_within_bytes(&self, max: u64) -> Seq {
        let mut excess = self.live_bytes.saturating_sub(max);
        if excess == 0 {
            return self.first();
        }
        for segment in &self.segments {
            if segment.live_bytes() > excess {
                let mut first = segment.first_live();
                for (size, _) in segment.sizes_and_times() {
                    if excess == 0 {
                        break;
                    }
                    excess = excess.saturating_sub(size);
                    first = first.saturating_add(1);
                }
                return first;
            }
            excess -= segment.live_bytes();
        }
        self.head.seq.saturating_add(1)
    }

    /// Heap bytes.
    pub fn heap_bytes(&self) -> usize {
        let list = self.segments.capacity() * size_of::<Segment>();
        let drops = self.drops.as_ref().map_or(0, |drops| drops.heap_bytes());
        list + drops + self.segments.iter().map(Segment::heap_bytes).sum::<usize>()
    }

    /// Heap blocks, the measure of how long freeing takes.
    pub fn heap_blocks(&self) -> usize {
        1 + self.segments.len()
    }

    pub(crate) fn save_header(&self, out: &mut Vec<u8>) {
        let start = self.start();
        put_varint(out, start.seq);
        put_varint(out, u64::from(start.tag.0));
        put_varint(out, self.segments.front().map_or(self.last_ms, |_| 0));
        self.drops().save(out);
    }

    pub(crate) fn load_header(reader: &mut Reader<'_>) -> Option<Self> {
        let seq = reader.varint().filter(|&seq| seq <= MAX_SEQ)?;
        let start = Position::new(seq, Tag(reader.u32()?));
        let last_ms = reader.varint().filter(|&ms| ms <= MAX_MS)?;
        let drops = Drops::load(reader, seq + 1)?;
        Some(Self::new(start, last_ms, drops))
    }

    /// Calls `part` with each segment in turn.
    pub(crate) fn save_segments(&self, mut part: impl FnMut(&Segment)) {
        self.segments.iter().for_each(&mut part);
    }

    /// Appends a saved segment if it continues this log exactly.
    pub(crate) fn load_segment(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let (segment, end, last_ms) = Segment::load(reader)?;
        let continues =
            segment.position_before() == self.head && segment.oldest_ms() >= self.last_ms;
        if !continues || end.seq > MAX_SEQ || last_ms > MAX_MS || !reader.is_empty() {
            return None;
        }
        self.live_bytes += segment.live_bytes();
        self.push_segment(segment);
        self.head = end;
        self.last_ms = last_ms;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of several sizes, three in a millisecond, with freed ones in the front segment.
    fn log() -> Log {
        let mut log = Log::new(Position::new(0, Tag(7)), 0, Drops::default());
        for i in 0..5000u64 {
            let payload = vec![b'x'; (i * 37 % 400) as usize];
            log.append(1_000_000 + i / 3, b"sender", &payload);
        }
        log.drop_before(1234, Reason::Trim);
        log
    }

    #[test]
    fn the_last_that_fit_are_those_that_going_back_one_by_one_finds() {
        let log = log();
        let sizes: Vec<(Seq, u64)> = log
            .entries_from(0)
            .map(|entry| (entry.position.seq, entry.payload.len() as u64))
            .collect();
        for (to, most, most_bytes) in [
            (5000, 100, 1_000_000),
            (5000, 1_000_000, 131_072),
            (4321, 100, 5_000),
            (1300, 100, 1_000_000),
            (1234, 5, 5),
            (1233, 5, 5),
            (0, 5, 5),
            (4000, 7, 0),
        ] {
            for from in [1, 1234, 1290, 4300] {
                let mut naive = (to + 1).max(from);
                let (mut rows, mut bytes) = (0, 0);
                let known = sizes.iter().rev();
                for (seq, size) in known.filter(|(seq, _)| (from..=to).contains(seq)) {
                    bytes += size;
                    if rows == most || (rows > 0 && bytes > most_bytes) {
                        break;
                    }
                    (rows, naive) = (rows + 1, *seq);
                }
                let found = log.last_that_fit(from, to, most, most_bytes);
                assert_eq!(found, naive, "{from} to {to}, {most}, {most_bytes} bytes");
            }
        }
    }

    #[test]
    fn a_limit_finds_the_message_that_dropping_one_by_one_finds() {
        let whole = log();
        for max in (0..whole.bytes() + 1000).step_by(9973) {
            let mut naive = whole.clone();
            while naive.bytes() > max {
                naive.drop_before(naive.first() + 1, Reason::MaxBytes);
            }
            assert_eq!(whole.first_within_bytes(max), naive.first(), "{max} bytes");
        }
        for ms in (999_990..1_001_680).step_by(7) {
            let mut naive = whole.clone();
            while naive.oldest_ms().is_some_and(|oldest| oldest < ms) {
                naive.drop_before(naive.first() + 1, Reason::MaxAge);
            }
            assert_eq!(whole.first_not(|at| at < ms), naive.first(), "since {ms}");
        }
    }
}
