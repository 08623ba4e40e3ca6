//! Reads the reply of `ROOM.RANGE`, which is written row by row, as the proxy's link does.

use hub_core::ask::{Range, Row};
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
}

/// What the reply says.
pub(crate) fn read(rows: &Rows<'_>) -> Range {
    let mut reader = Reader::default();
    rows.write(&mut reader);
    Range {
        head: reader.positions[0],
        before: reader.positions[1],
        rows: reader.rows,
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

    fn position(&mut self, position: Position) {
        self.positions.push(position);
    }
}
