//! Where in a room's history something is: a number and the tag that proves which history it counts in.

use std::fmt::{self, Write};
use std::str::FromStr;

/// The number of a stored message: 1, 2, 3 … without holes. 0 is "before the first".
pub type Seq = u64;

/// The state of the room's [chain](crate::chain) after a message; written as eight lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Tag(pub u32);

impl Tag {
    /// The text form.
    pub fn hex(self) -> [u8; 8] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        // An index below 16 into 16 digits.
        std::array::from_fn(|i| HEX[(self.0 >> (28 - 4 * i) & 15) as usize])
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hex()
            .iter()
            .try_for_each(|digit| f.write_char(char::from(*digit)))
    }
}

/// `<seq>-<tag>`, for example `42-9f3c01aa`: everything up to and including message `seq` of one certain history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Position {
    /// The last message that is included.
    pub seq: Seq,
    /// The chain's state after that message.
    pub tag: Tag,
}

impl Position {
    /// Puts the two halves together.
    pub const fn new(seq: Seq, tag: Tag) -> Self {
        Self { seq, tag }
    }

    /// The text form, without the heap.
    pub fn text(self) -> PositionText {
        let mut digits = itoa::Buffer::new();
        let seq = digits.format(self.seq).as_bytes();
        let mut text = PositionText {
            bytes: [b'-'; 29],
            len: seq.len() + 9,
        };
        // At most 20 digits, a dash, 8 hex digits.
        for (to, from) in text.bytes.iter_mut().zip(seq) {
            *to = *from;
        }
        let tag = self.tag.hex();
        for (to, from) in text.bytes.iter_mut().skip(seq.len() + 1).zip(tag) {
            *to = from;
        }
        text
    }

    /// Reads the text form from the bytes of a command argument or a frame.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let dash = text.iter().position(|byte| *byte == b'-')?;
        let (seq, tag) = (text.get(..dash)?, text.get(dash + 1..)?);
        Some(Self::new(parse_decimal(seq)?, parse_tag(tag)?))
    }
}

/// See [`Position::text`].
pub struct PositionText {
    bytes: [u8; 29],
    len: usize,
}

impl PositionText {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.seq, self.tag)
    }
}

impl FromStr for Position {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, BadPosition> {
        Self::parse(text.as_bytes()).ok_or(BadPosition)
    }
}

/// The text is not of the form `<decimal>-<eight hex digits>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPosition;

impl fmt::Display for BadPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a position looks like 42-9f3c01aa: a number, a dash, eight hex digits")
    }
}

impl std::error::Error for BadPosition {}

/// Decimal digits only, and no number too large.
pub(crate) fn parse_decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Eight lower-case hex digits.
pub(crate) fn parse_tag(text: &[u8]) -> Option<Tag> {
    if text.len() != 8 {
        return None;
    }
    let tag = text.iter().try_fold(0_u32, |tag, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(tag << 4 | u32::from(digit))
    })?;
    Some(Tag(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_goes_there_and_back() {
        let position = Position::new(42, Tag(0x9f3c_01aa));
        assert_eq!(position.to_string(), "42-9f3c01aa");
        assert_eq!(Position::parse(b"42-9f3c01aa"), Some(position));
        assert_eq!(Position::new(0, Tag(7)).to_string(), "0-00000007");
        for seq in [0, 9, 10, u64::MAX] {
            let position = Position::new(seq, Tag(7));
            assert_eq!(position.text().as_bytes(), position.to_string().as_bytes());
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "42",
            "-",
            "42-",
            "-9f3c01aa",
            "42-9F3C01AA",
            "42-9f3c01a",
            "42-9f3c01aaa",
            "+4-9f3c01aa",
            " 42-9f3c01aa",
            "42-9f3c01a ",
            "18446744073709551616-00000000",
        ] {
            assert_eq!(Position::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Position::parse(b"1-\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }
}
