//! WebSocket frames from the server: encoded once, sent to many (RFC 6455, section 5.2).

use bytes::{BufMut, Bytes, BytesMut};

/// The first byte of a final, unmasked frame.
const TEXT: u8 = 0x81;
const PING: u8 = 0x89;

/// Appends what `write` appends as one text frame. The text is written behind the header of everyday length (126 to
/// 65,535 bytes), and moved where it turns out to be of another.
pub fn put_text(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.extend_from_slice(&[TEXT, 126, 0, 0]);
    let from = start + 4;
    write(out);
    let len = out.len().saturating_sub(from);
    let header = header(TEXT, len);
    let to = start + header.len();
    if to > from {
        out.put_bytes(0, to - from);
    }
    if to != from {
        out.copy_within(from..from + len, to);
    }
    out.truncate(to + len);
    if let Some(place) = out.get_mut(start..to) {
        place.copy_from_slice(&header);
    }
}

/// One text frame.
pub fn text(text: &[u8]) -> Bytes {
    whole(TEXT, text)
}

/// One ping; `payload` has at most 125 bytes.
pub fn ping(payload: &[u8]) -> Bytes {
    whole(PING, payload)
}

fn whole(first: u8, payload: &[u8]) -> Bytes {
    let header = header(first, payload.len());
    let mut out = BytesMut::with_capacity(header.len() + payload.len());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
    out.freeze()
}

fn header(first: u8, len: usize) -> smallvec::SmallVec<[u8; 10]> {
    let mut header = smallvec::SmallVec::new();
    header.push(first);
    match len {
        0..=125 => header.push(len as u8),
        126..=0xffff => {
            header.push(126);
            header.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            header.push(127);
            header.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    header
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
        assert_eq!(&ping(b"12345678")[..], b"\x89\x0812345678");
    }

    #[test]
    fn a_frame_that_is_written_in_place_is_the_same() {
        for len in [0, 1, 4, 125, 126, 127, 65_535, 65_536, 70_000] {
            let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let mut out = BytesMut::from(&b"before"[..]);
            put_text(&mut out, |out| out.extend_from_slice(&payload));
            put_text(&mut out, |out| out.extend_from_slice(b"after"));
            let wanted = [b"before", &text(&payload)[..], &text(b"after")[..]].concat();
            assert!(out == wanted, "{len}");
        }
    }
}
