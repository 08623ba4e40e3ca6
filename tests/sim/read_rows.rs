//! Reads the reply of `ROOM.RANGE`, which is written row by row, as the proxy's link does.

use hub_core::ask::{Back, Range, Row};
use room_core::commands::Rows;
use room_core::commands::reply::{Answer, Sink};
use room_core::position::Position;
use std::ffi::CStr;

#[derive(Default)]
struct Reader {
    positions: Vec<Position>,
    /// Number and time of the row that is being read.
    numbers: Vec<u64>,
    uid: Option<String>,
    rows: Vec<Row>,
    /// Names and numbers of the map.
    last: Vec<(String, u64)>,
}

/// What the reply says.
pub(crate) fn read(rows: &Rows<'_>) -> Range {
    read_back(rows).range
}

/// The same, with what is said behind the rows.
pub(crate) fn read_back(rows: &Rows<'_>) -> Back {
    let mut reader = Reader::default();
    rows.write(&mut reader);
    let last = |name: &str| reader.last.iter().find(|(known, _)| known == name);
    let number = |name: &str| last(name).map_or(0, |pair| pair.1);
    Back {
        more: number("more") == 1,
        gone: number("gone"),
        range: Range {
            head: reader.positions[0],
            before: reader.positions[1],
            rows: reader.rows,
        },
    }
}

impl Sink for Reader {
    fn int(&mut self, n: u64) {
        self.numbers.push(n);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        match self.uid.take() {
            None => self.uid = Some(String::from_utf8_lossy(bytes).into()),
            Some(uid) => self.rows.push(Row {
                seq: self.numbers[0],
                ms: self.numbers[1],
                uid,
                payload: bytes.to_vec(),
            }),
        }
    }

    fn status(&mut self, _: &'static CStr) {}
    fn error(&mut self, _: &str) {}
    fn null(&mut self) {}

    fn array(&mut self, _: usize) {
        self.numbers.clear();
        self.uid = None;
    }

    fn begin_array(&mut self) {}
    fn end_array(&mut self, _: usize) {}
    fn map(&mut self, _: usize) {}

    /// Names of the map.
    fn text(&mut self, _: &str) {}

    fn pair(&mut self, name: &str, value: u64) {
        self.last.push((name.to_owned(), value));
    }

    fn position(&mut self, position: Position) {
        self.positions.push(position);
    }
}
