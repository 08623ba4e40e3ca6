//! Where in a room's history something is: a number and the tag that proves which history it counts in.

use std::fmt;
use std::str::FromStr;

/// The number of a stored message: 1, 2, 3 … without holes. 0 is "before the first".
pub type Seq = u64;

/// The state of the room's [chain](crate::chain) after a message; written as eight lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Tag(pub u32);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
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

    /// Reads the text form from the bytes of a command argument or a frame.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (seq, tag) = text.split_once('-')?;
        Some(Self::new(parse_decimal(seq)?, parse_tag(tag)?))
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

/// Decimal digits only: `u64::from_str` would also take a leading `+`.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Eight lower-case hex digits.
pub(crate) fn parse_tag(text: &str) -> Option<Tag> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() != 8 || !text.bytes().all(hex) {
        return None;
    }
    u32::from_str_radix(text, 16).ok().map(Tag)
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
