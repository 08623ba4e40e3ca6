//! Writes JSON objects into the bytes of a frame.

use bytes::{BufMut, BytesMut};
use room_core::position::Position;

/// Room for the fields of an everyday event.
const EVERYDAY: usize = 192;

/// An object that is being written; `end` it.
pub(crate) struct Object<'a> {
    out: &'a mut BytesMut,
}

impl<'a> Object<'a> {
    /// Begins an event of this name.
    pub(crate) fn event(out: &'a mut BytesMut, name: &str) -> Self {
        out.reserve(EVERYDAY);
        out.extend_from_slice(b"{\"event\":");
        put_string(out, name);
        Self { out }
    }

    /// A field's name, which is plain, up to its value.
    fn name(&mut self, name: &'static str) -> &mut BytesMut {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(crate) fn string(mut self, name: &'static str, value: &str) -> Self {
        put_string(self.name(name), value);
        self
    }

    pub(crate) fn number(mut self, name: &'static str, value: u64) -> Self {
        put_number(self.name(name), value);
        self
    }

    pub(crate) fn truth(self, name: &'static str, value: bool) -> Self {
        self.json(name, if value { "true" } else { "false" })
    }

    pub(crate) fn position(mut self, name: &'static str, value: Position) -> Self {
        let out = self.name(name);
        out.put_u8(b'"');
        out.extend_from_slice(value.text().as_bytes());
        out.put_u8(b'"');
        self
    }

    /// A value that is JSON.
    pub(crate) fn json(mut self, name: &'static str, value: &str) -> Self {
        self.name(name).extend_from_slice(value.as_bytes());
        self
    }

    /// A list, each of whose items `put` writes.
    pub(crate) fn list<T>(
        mut self,
        name: &'static str,
        items: &[T],
        put: impl Fn(&mut BytesMut, &T),
    ) -> Self {
        let out = self.name(name);
        out.put_u8(b'[');
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                out.put_u8(b',');
            }
            put(out, item);
        }
        out.put_u8(b']');
        self
    }

    /// Fields as they are written elsewhere.
    pub(crate) fn fields(self, text: &str) -> Self {
        self.out.reserve(text.len() + EVERYDAY);
        self.out.put_u8(b',');
        self.out.extend_from_slice(text.as_bytes());
        self
    }

    pub(crate) fn end(self) {
        self.out.put_u8(b'}');
    }
}

/// A string in quotes is this text as it is.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\')
}

/// A JSON string.
pub(crate) fn put_string(out: &mut BytesMut, text: &str) {
    out.reserve(text.len() + 2);
    if is_plain(text) {
        out.put_u8(b'"');
        out.extend_from_slice(text.as_bytes());
        out.put_u8(b'"');
    } else {
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(out.writer(), text);
    }
}

/// A number.
pub(crate) fn put_number(out: &mut BytesMut, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
