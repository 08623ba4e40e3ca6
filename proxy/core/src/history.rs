//! A page of what was said before, for a client that reads back: as many messages as fit into one frame, of those that end at
//! the position that it names.

use crate::ask::{Back, Row};
use crate::event::LoginNumber;
use bytes::{Bytes, BytesMut};
use room_core::position::Position;
use std::cmp::Ordering;

/// Messages that a client may ask for at once.
pub const MOST: u64 = 100;
/// What is in a frame beside the messages: with the longest name of a room, less than this.
const BESIDE: usize = 512;

/// A page that a seat's client asked for, and has not got yet.
#[derive(Debug)]
pub(crate) struct ReadsBack {
    /// The last message that is wanted, and how many at most.
    pub(crate) until: Position,
    pub(crate) limit: u64,
    /// Since which login, and whether that may have what was said before the membership.
    pub(crate) login: LoginNumber,
    pub(crate) all: bool,
    /// Of the client's event.
    pub(crate) bytes: usize,
    /// Redis is asked; else it waits until its connection has room for a page.
    pub(crate) asked: bool,
}

/// See the top of the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Each as an event, in their order.
    pub(crate) messages: Vec<Bytes>,
    /// What the first one follows: the page before this one ends there.
    pub(crate) after: Position,
    /// There are messages before.
    pub(crate) more: bool,
    /// How many messages before it are not stored any more.
    pub(crate) gone: u64,
}

impl Page {
    /// One without messages, up to where nothing is before.
    pub(crate) const fn nothing(until: Position) -> Self {
        Self {
            messages: Vec::new(),
            after: until,
            more: false,
            gone: 0,
        }
    }
}

/// A page of at most `most` bytes, unless the only message in it is larger; `encode` appends a message's event. `None` if
/// `until` is of another history.
pub(crate) fn page(
    back: &Back,
    until: Position,
    most: usize,
    encode: impl Fn(Position, &Row, &mut BytesMut),
) -> Option<Page> {
    let mut before = Vec::with_capacity(back.range.rows.len());
    let mut end = back.range.before;
    for row in &back.range.rows {
        before.push(end);
        end = end.next(row.ms, row.uid.as_bytes(), &row.payload);
    }
    let is_of_here = match end.seq.cmp(&until.seq) {
        Ordering::Equal => end == until,
        // It is gone, and cannot be compared.
        Ordering::Greater => back.range.rows.is_empty(),
        Ordering::Less => false,
    };
    if !is_of_here {
        return None;
    }
    let mut page = Page {
        more: back.more,
        gone: back.gone,
        ..Page::nothing(until)
    };
    let mut left = most.saturating_sub(BESIDE);
    for (row, before) in back.range.rows.iter().zip(before).rev() {
        let mut event = BytesMut::new();
        let at = before.next(row.ms, row.uid.as_bytes(), &row.payload);
        encode(at, row, &mut event);
        match left.checked_sub(event.len() + 1) {
            Some(rest) => left = rest,
            None if page.messages.is_empty() => left = 0,
            None => {
                page.more = true;
                break;
            }
        }
        page.messages.push(event.freeze());
        page.after = before;
    }
    page.messages.reverse();
    Some(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Range;
    use room_core::position::Tag;

    /// The positions from `first - 1` on, and what Redis says of the messages `first` to `last`, of which each is its number.
    fn read(first: u64, last: u64) -> (Vec<Position>, Back) {
        let mut all = vec![Position::new(first - 1, Tag(7))];
        let mut rows = Vec::new();
        for seq in first..=last {
            let row = Row {
                seq,
                ms: 5,
                uid: "u".into(),
                payload: seq.to_string().into_bytes(),
            };
            all.push(all[all.len() - 1].next(5, b"u", &row.payload));
            rows.push(row);
        }
        let back = Back {
            range: Range {
                head: all[all.len() - 1],
                before: all[0],
                rows,
            },
            more: false,
            gone: first - 1,
        };
        (all, back)
    }

    fn of(back: &Back, until: Position, most: usize) -> Option<(String, Position, bool, u64)> {
        let page = page(back, until, most, |_, row, out| {
            out.extend_from_slice(&row.payload);
        })?;
        let texts: Vec<_> = page
            .messages
            .iter()
            .map(|text| String::from_utf8_lossy(text))
            .collect();
        Some((texts.join(" "), page.after, page.more, page.gone))
    }

    #[test]
    fn a_page_ends_where_it_is_asked_to_and_begins_where_the_frame_is_full() {
        let (all, back) = read(5, 12);
        let until = all[8];
        let whole = "5 6 7 8 9 10 11 12".to_owned();
        assert_eq!(of(&back, until, 10_000), Some((whole, all[0], false, 4)));
        // Each has a comma: "12", "11", "10" and "9" have nine bytes, and two more.
        for (room, texts, after) in [
            (11, "9 10 11 12", all[4]),
            (10, "10 11 12", all[5]),
            (9, "10 11 12", all[5]),
            (8, "11 12", all[6]),
            (1, "12", all[7]),
            (0, "12", all[7]),
        ] {
            let got = of(&back, until, BESIDE + room);
            assert_eq!(got, Some((texts.into(), after, true, 4)), "{room}");
        }
    }

    #[test]
    fn what_is_of_another_history_is_no_page() {
        let (all, back) = read(5, 12);
        for until in [
            Position::new(12, Tag(1)),
            Position::new(13, all[8].tag),
            all[7],
        ] {
            assert_eq!(of(&back, until, 10_000), None, "{until}");
        }
    }

    #[test]
    fn what_is_gone_has_nothing_before_it() {
        let (all, mut back) = read(5, 4);
        back.gone = 3;
        let nothing = |at| Some((String::new(), at, false, 3));
        assert_eq!(
            of(&back, all[0], 10_000),
            nothing(all[0]),
            "its end is known"
        );
        let other = Position::new(4, Tag(1));
        assert_eq!(of(&back, other, 10_000), None, "and not this");
        let older = Position::new(3, Tag(1));
        assert_eq!(of(&back, older, 10_000), nothing(older));
    }
}
