//! WebSocket frames from the server: encoded once, sent to many (RFC 6455, section 5.2).

use bytes::{BufMut, Bytes, BytesMut};

/// Appends `text` as one unmasked, final text frame.
pub fn put_text(out: &mut BytesMut, text: &[u8]) {
    put(out, 0x81, text);
}

/// One text frame.
pub fn text(text: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(text.len() + 10);
    put_text(&mut out, text);
    out.freeze()
}

/// One ping; `payload` has at most 125 bytes.
pub fn ping(payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(payload.len() + 2);
    put(&mut out, 0x89, payload);
    out.freeze()
}

fn put(out: &mut BytesMut, first: u8, payload: &[u8]) {
    out.reserve(payload.len() + 10);
    out.put_u8(first);
    match payload.len() {
        len @ 0..=125 => out.put_u8(len as u8),
        len @ 126..=0xffff => {
            out.put_u8(126);
            out.put_u16(len as u16);
        }
        len => {
            out.put_u8(127);
            out.put_u64(len as u64);
        }
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_one_three_or_nine_bytes() {
        for (len, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            assert_eq!(text(&vec![b'x'; len]).len(), len + header, "{len}");
        }
        assert_eq!(&text(b"hi")[..], b"\x81\x02hi");
        assert_eq!(&text(&[b'x'; 300])[..4], b"\x81\x7e\x01\x2c");
    }
}
