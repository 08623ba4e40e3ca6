//! Pages of the log for those who catch up: read once, encoded once, used by everybody.
//!
//! Pages begin at fixed numbers, so that readers at different places share them.

use crate::ask::{Range, Row};
use bytes::{Bytes, BytesMut};
use room_core::position::{Position, Seq};
use std::collections::VecDeque;

/// Messages of one page.
const LEN: u64 = 64;
/// Pages that a room keeps for others.
const KEPT: usize = 32;

/// A run of messages, encoded.
#[derive(Debug)]
struct Page {
    before: Position,
    /// The position of each message and where its bytes end.
    ends: Vec<(Position, u32)>,
    bytes: Bytes,
    /// The log went on after it.
    cut: bool,
}

/// What somebody finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// What follows, up to a position.
    Bytes(Bytes, Position),
    /// It is asked for already: wait for the page from this number on.
    Asked(Seq),
    /// Ask for the page from this number on, so many messages.
    Ask(Seq, u64),
    /// The log begins later, or the reader's position is of another history.
    Broken,
}

/// What a page holds for somebody.
enum Slice {
    Bytes(Bytes, Position),
    /// It ends before.
    Beyond,
    Broken,
}

impl Page {
    fn end(&self) -> Position {
        self.ends.last().map_or(self.before, |end| end.0)
    }

    fn after(&self, at: Position) -> Slice {
        if at.seq < self.before.seq {
            return Slice::Broken;
        }
        let index = (at.seq - self.before.seq) as usize;
        let (known, from) = match index.checked_sub(1) {
            None => (self.before, 0),
            Some(i) => match self.ends.get(i) {
                Some(&(position, end)) => (position, end as usize),
                None => return Slice::Beyond,
            },
        };
        match known == at {
            false => Slice::Broken,
            true if at == self.end() => Slice::Beyond,
            true => Slice::Bytes(self.bytes.slice(from..), self.end()),
        }
    }
}

/// See the top of the file.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// By first number; `None` while Redis is asked.
    kept: VecDeque<(Seq, Option<Page>)>,
    /// When somebody last read.
    pub(crate) used: u64,
}

impl Pages {
    /// What follows `at`. After an answer that was made for this reader (`fresh`) nothing is asked twice.
    pub(crate) fn after(&mut self, at: Position, fresh: Option<Seq>) -> Found {
        let aligned = at.seq / LEN * LEN + 1;
        let own = at.seq.saturating_add(1);
        for from in [aligned, own] {
            let place = self.kept.iter().position(|kept| kept.0 == from);
            let Some(page) = place.and_then(|place| self.kept.get(place)) else {
                return Found::Ask(from, LEN - (from - 1) % LEN);
            };
            let Some(page) = &page.1 else {
                return Found::Asked(from);
            };
            match page.after(at) {
                Slice::Bytes(bytes, to) => return Found::Bytes(bytes, to),
                // It was cut by its bytes: the reader gets a page of its own.
                Slice::Beyond if page.cut && from != own => {}
                Slice::Broken if fresh == Some(from) => return Found::Broken,
                // It ended at the head of its time, or is of a history of its time: both may have changed.
                _ => {
                    self.kept.retain(|kept| kept.0 != from);
                    return Found::Ask(from, LEN - (from - 1) % LEN);
                }
            }
        }
        Found::Broken
    }

    /// A page is asked for.
    pub(crate) fn asked(&mut self, from: Seq) {
        if self.kept.len() >= KEPT
            && let Some(old) = self.kept.iter().position(|kept| kept.1.is_some())
        {
            self.kept.remove(old);
        }
        self.kept.push_back((from, None));
    }

    /// The answer; `encode` appends a message's frame.
    pub(crate) fn answered(
        &mut self,
        from: Seq,
        range: &Range,
        mut encode: impl FnMut(Position, &Row, &mut BytesMut),
    ) {
        let mut at = range.before;
        let mut bytes = BytesMut::new();
        let mut ends = Vec::with_capacity(range.rows.len());
        for row in &range.rows {
            at = at.next(row.ms, row.uid.as_bytes(), &row.payload);
            encode(at, row, &mut bytes);
            ends.push((at, bytes.len() as u32));
        }
        let page = Page {
            before: range.before,
            ends,
            bytes: bytes.freeze(),
            cut: at.seq < range.head.seq,
        };
        if let Some(kept) = self.kept.iter_mut().find(|kept| kept.0 == from) {
            kept.1 = Some(page);
        }
    }

    /// There was no answer.
    pub(crate) fn failed(&mut self, from: Seq) {
        self.kept.retain(|kept| kept.0 != from || kept.1.is_some());
    }

    /// Forgets all pages but those that are being read.
    pub(crate) fn clear(&mut self) {
        self.kept.retain(|kept| kept.1.is_none());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use room_core::position::Tag;

    fn history(birth: u32, to: u64) -> (Vec<Position>, Vec<Row>) {
        let mut all = vec![Position::new(0, Tag(birth))];
        let mut rows = Vec::new();
        for seq in 1..=to {
            let row = Row {
                seq,
                ms: 1000 + seq,
                uid: "u".into(),
                payload: format!("{seq};").into_bytes(),
            };
            all.push(all[seq as usize - 1].next(row.ms, b"u", &row.payload));
            rows.push(row);
        }
        (all, rows)
    }

    fn read(pages: &mut Pages, (all, rows): &(Vec<Position>, Vec<Row>), from: u64, to: u64) {
        let range = Range {
            head: *all.last().unwrap(),
            before: all[from as usize - 1],
            rows: rows[from as usize - 1..to as usize].to_vec(),
        };
        pages.answered(from, &range, |_, row, out| {
            out.extend_from_slice(&row.payload)
        });
    }

    #[test]
    fn a_page_serves_everybody_who_is_inside_it() {
        let log = history(7, 200);
        let all = &log.0;
        let mut pages = Pages::default();
        assert_eq!(pages.after(all[70], None), Found::Ask(65, 64));
        pages.asked(65);
        assert_eq!(pages.after(all[71], None), Found::Asked(65));
        read(&mut pages, &log, 65, 75);
        assert_eq!(
            pages.after(all[73], None),
            Found::Bytes("74;75;".into(), all[75])
        );
        // It was cut by its bytes, so who is at its end gets one of its own.
        assert_eq!(pages.after(all[75], None), Found::Ask(76, 53));
        pages.asked(76);
        read(&mut pages, &log, 76, 77);
        assert_eq!(
            pages.after(all[75], Some(76)),
            Found::Bytes("76;77;".into(), all[77])
        );
    }

    #[test]
    fn another_history_is_asked_about_once() {
        let log = history(7, 100);
        let other = history(8, 100);
        let mut pages = Pages::default();
        pages.asked(65);
        read(&mut pages, &log, 65, 100);
        assert_eq!(
            pages.after(other.0[70], None),
            Found::Ask(65, 64),
            "the page may be the old one"
        );
        pages.asked(65);
        read(&mut pages, &log, 65, 100);
        assert_eq!(pages.after(other.0[70], Some(65)), Found::Broken);
        assert_eq!(
            pages.after(log.0[100], Some(65)),
            Found::Ask(65, 64),
            "more may have come"
        );
    }
}
