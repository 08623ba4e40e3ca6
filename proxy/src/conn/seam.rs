//! Whether the bytes that came so far end within a message. The library tells only of whole ones; between the parts of a
//! message in fragments a client may send signs of life for ever. Pure.

/// Bytes of the longest header, the mask left out: that counts as payload here.
const LONGEST: usize = 10;
/// Opcodes from here on are of control frames.
const CONTROL: u8 = 8;

/// See the top of the file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seam {
    header: [u8; LONGEST],
    has: u8,
    /// Bytes of the frame's mask and payload that are to come.
    left: u64,
    /// The frame's end is a message's.
    ends: bool,
    /// Fragments of a message came, and not its last one.
    in_fragments: bool,
}

impl Seam {
    /// Takes what came: whether a message of data was finished by it, and how many frames' headers.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> (bool, u64) {
        let (mut finished, mut frames) = (false, 0);
        while let [first, rest @ ..] = bytes {
            if self.left > 0 {
                let skip = usize::try_from(self.left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                self.left -= skip as u64;
                bytes = bytes.get(skip..).unwrap_or_default();
            } else {
                if let Some(place) = self.header.get_mut(usize::from(self.has)) {
                    *place = *first;
                }
                self.has += 1;
                bytes = rest;
                self.begin_payload();
                frames += u64::from(self.has == 0);
            }
            finished |= self.left == 0 && self.has == 0 && std::mem::take(&mut self.ends);
        }
        (finished, frames)
    }

    /// Whether what came ends within a message, or within any frame.
    pub(super) const fn is_within(&self) -> bool {
        self.has > 0 || self.left > 0 || self.in_fragments
    }

    /// The header may be whole.
    fn begin_payload(&mut self) {
        let [kind, length, ref more @ ..] = self.header;
        let (more_len, short) = match length & 0x7f {
            126 => (2, 0),
            127 => (8, 0),
            short => (0, u64::from(short)),
        };
        if self.has < 2 + more_len {
            return;
        }
        let long = more.iter().take(usize::from(more_len));
        let payload = short + long.fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let mask = if length & 0x80 == 0 { 0 } else { 4 };
        self.left = payload.saturating_add(mask);
        self.has = 0;
        if kind & 0x0f < CONTROL {
            self.ends = kind & 0x80 != 0;
            self.in_fragments = !self.ends;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(fin: bool, opcode: u8, len: usize) -> Vec<u8> {
        let mut frame = vec![u8::from(fin) << 7 | opcode];
        match len {
            0..=125 => frame.push(0x80 | len as u8),
            126..=0xffff => {
                frame.push(0xfe);
                frame.extend((len as u16).to_be_bytes());
            }
            _ => {
                frame.push(0xff);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0; 4 + len]);
        frame
    }

    /// After each byte: whether it ended within a message; and how many messages were finished.
    fn bytewise(frames: &[Vec<u8>]) -> (Vec<bool>, usize) {
        let mut seam = Seam::default();
        let mut finished = 0;
        let after = |byte: &u8| {
            finished += usize::from(seam.take(&[*byte]).0);
            seam.is_within()
        };
        (frames.concat().iter().map(after).collect(), finished)
    }

    #[test]
    fn each_byte_but_the_last_is_within() {
        for len in [0, 1, 125, 126, 70_000] {
            let (within, finished) = bytewise(&[frame(true, 1, len)]);
            let (last, others) = within.split_last().unwrap();
            assert!(!last && others.iter().all(|within| *within), "{len}");
            assert_eq!(finished, 1);
        }
    }

    #[test]
    fn control_frames_end_no_message() {
        let pong = frame(true, 10, 8);
        assert_eq!(bytewise(std::slice::from_ref(&pong)).1, 0);
        let parts = [frame(false, 1, 3), pong.clone(), frame(false, 0, 200), pong];
        let (within, finished) = bytewise(&parts);
        assert!(within.iter().all(|within| *within));
        assert_eq!(finished, 0);
        let all = [parts.as_slice(), &[frame(true, 0, 0)]].concat();
        let (within, finished) = bytewise(&all);
        assert_eq!((within.last(), finished), (Some(&false), 1));
    }

    #[test]
    fn many_at_once() {
        let mut seam = Seam::default();
        let two = [frame(true, 1, 9), frame(true, 1, 300)].concat();
        assert_eq!(seam.take(&two), (true, 2));
        assert!(!seam.is_within());
        let (begin, end) = two.split_at(20);
        assert_eq!(seam.take(begin), (true, 2));
        assert!(seam.is_within());
        assert_eq!(seam.take(end), (true, 0));
        assert!(!seam.is_within());
        let empty = frame(false, 0, 0).repeat(40);
        assert_eq!(seam.take(&empty).1, 40, "the empty ones too");
    }
}
