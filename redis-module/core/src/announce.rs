//! The frame that the module publishes on a room's channel and that every proxy reads.
//!
//! One text header line, then the payload's bytes as they were published:
//! `<kind>[@<db>] <seq> <tag> <ms> <online> <members> <uid>\n<payload>`.
//!
//! | kind | `seq` and `tag` | `uid` | payload |
//! |---|---|---|---|
//! | `m` message | of this message | who published | as published |
//! | `e` ephemeral | 0 and the head's tag | who published | as published |
//! | `p` presence | the head's | `-` | lines `+uid` (came online) and `-uid` (went), or `=uid` for all who are online; empty when only the counters changed |
//! | `c` control | the head's (0 and zeros if the key is gone) | whom it concerns, `-` for all | [`control`] |
//!
//! Channels know no databases, so an announcement names its own; 0 is not written. Whoever hears one of another database than
//! it asked for drops it.
//!
//! `ms` is Unix time in milliseconds, `online` and `members` count uids after the event.

use crate::position::{Position, Seq, Tag, parse_decimal, parse_tag};
use crate::uid::valid_uid;

/// The words that a control frame's payload begins with.
pub mod control {
    /// The uid's membership ended.
    pub const LEFT: &str = "left";
    /// The uid was kicked; a space and the reason may follow.
    pub const KICKED: &str = "kicked";
    /// The room's key was deleted, expired, was evicted, renamed or replaced: every session must join again.
    pub const GONE: &str = "gone";
    /// The room's slot is leaving this node, and nothing is lost: ask for the room by redirect.
    pub const MOVED: &str = "moved";
}

/// What a frame announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A stored message.
    Message,
    /// An event that was not stored.
    Ephemeral,
    /// Who is online changed.
    Presence,
    /// Somebody left or was kicked, or the key is gone.
    Control,
}

impl Kind {
    const fn letter(self) -> u8 {
        match self {
            Self::Message => b'm',
            Self::Ephemeral => b'e',
            Self::Presence => b'p',
            Self::Control => b'c',
        }
    }

    const fn from_letter(letter: &[u8]) -> Option<Self> {
        match letter {
            b"m" => Some(Self::Message),
            b"e" => Some(Self::Ephemeral),
            b"p" => Some(Self::Presence),
            b"c" => Some(Self::Control),
            _ => None,
        }
    }
}

/// The header line of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// What is announced.
    pub kind: Kind,
    /// The number of the database that the room is in.
    pub db: i32,
    /// See the table at the top of the file.
    pub seq: Seq,
    /// See the table at the top of the file.
    pub tag: Tag,
    /// Unix time in milliseconds.
    pub ms: u64,
    /// Uids of this room with at least one live session.
    pub online: u64,
    /// Uids that are members of this room.
    pub members: u64,
    /// Who published, or whom it concerns; `-` for nobody in particular.
    pub uid: &'a str,
}

impl Header<'_> {
    /// `seq` and `tag` as one.
    pub const fn position(&self) -> Position {
        Position::new(self.seq, self.tag)
    }
}

/// Appends the frame to `out`. `uid` must be a valid uid (or `-`): it is written as it is.
pub fn write(out: &mut Vec<u8>, header: &Header<'_>, payload: &[u8]) {
    // The longest header but the uid: five numbers of up to 20 digits, a database, a tag, a letter and seven separators.
    out.reserve(128 + header.uid.len() + payload.len());
    let mut digits = itoa::Buffer::new();
    let mut number = |out: &mut Vec<u8>, n: u64| {
        out.extend_from_slice(digits.format(n).as_bytes());
        out.push(b' ');
    };
    out.push(header.kind.letter());
    if header.db == 0 {
        out.push(b' ');
    } else {
        out.push(b'@');
        number(out, header.db.unsigned_abs().into());
    }
    number(out, header.seq);
    out.extend_from_slice(&header.tag.hex());
    out.push(b' ');
    number(out, header.ms);
    number(out, header.online);
    number(out, header.members);
    out.extend_from_slice(header.uid.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload);
}

/// Splits a frame; `None` if it is not one that [`write()`] makes.
pub fn parse(frame: &[u8]) -> Option<(Header<'_>, &[u8])> {
    let end = frame.iter().position(|&b| b == b'\n')?;
    let payload = frame.get(end + 1..)?;
    let mut parts = frame.get(..end)?.split(|byte| *byte == b' ');
    let (kind, db) = kind_and_db(parts.next()?)?;
    let seq = parse_decimal(parts.next()?)?;
    let tag = parse_tag(parts.next()?)?;
    let ms = parse_decimal(parts.next()?)?;
    let online = parse_decimal(parts.next()?)?;
    let members = parse_decimal(parts.next()?)?;
    let uid = parts.next()?;
    if parts.next().is_some() || !valid_uid(uid) {
        return None;
    }
    let uid = std::str::from_utf8(uid).ok()?;
    Some((
        Header {
            kind,
            db,
            seq,
            tag,
            ms,
            online,
            members,
            uid,
        },
        payload,
    ))
}

/// `m`, or `m@3` for database 3.
fn kind_and_db(word: &[u8]) -> Option<(Kind, i32)> {
    let (letter, rest) = word.split_at_checked(1)?;
    let kind = Kind::from_letter(letter)?;
    let db = match rest.strip_prefix(b"@") {
        Some(digits) => i32::try_from(parse_decimal(digits)?)
            .ok()
            .filter(|db| *db > 0)?,
        None if rest.is_empty() => 0,
        None => return None,
    };
    Some((kind, db))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_looks_as_the_design_says() {
        let header = Header {
            kind: Kind::Message,
            db: 0,
            seq: 42,
            tag: Tag(0x9f3c_01aa),
            ms: 1_790_000_000_000,
            online: 3,
            members: 5,
            uid: "alice",
        };
        let mut out = Vec::new();
        write(&mut out, &header, b"{\"a\":1}\nsecond line");
        assert_eq!(
            out,
            b"m 42 9f3c01aa 1790000000000 3 5 alice\n{\"a\":1}\nsecond line"
        );
        assert_eq!(parse(&out), Some((header, &b"{\"a\":1}\nsecond line"[..])));
    }

    #[test]
    fn another_database_is_named() {
        let frame = b"e@3 0 00000000 7 1 1 a\n";
        let (header, _) = parse(frame).expect("a frame");
        assert_eq!((header.kind, header.db), (Kind::Ephemeral, 3));
        let mut out = Vec::new();
        write(&mut out, &header, b"");
        assert_eq!(out, frame);
    }

    #[test]
    fn extremes_go_there_and_back() {
        for kind in [
            Kind::Message,
            Kind::Ephemeral,
            Kind::Presence,
            Kind::Control,
        ] {
            let header = Header {
                kind,
                db: i32::MAX,
                seq: u64::MAX,
                tag: Tag(u32::MAX),
                ms: u64::MAX,
                online: 0,
                members: u64::MAX,
                uid: "-",
            };
            let mut out = Vec::new();
            write(&mut out, &header, b"");
            assert_eq!(parse(&out), Some((header, &b""[..])));
        }
    }

    #[test]
    fn other_text_is_no_frame() {
        for frame in [
            "",
            "\n",
            "m",
            "m 1 0 0 0 0 a\n",
            "x 1 00000000 0 0 0 a\n",
            "m 1 00000000 0 0 0\n",
            "m 1 00000000 0 0 0 a b\n",
            "m@0 1 00000000 0 0 0 a\n",
            "m@ 1 00000000 0 0 0 a\n",
            "m@-1 1 00000000 0 0 0 a\n",
            "m@4294967296 1 00000000 0 0 0 a\n",
            "mm 1 00000000 0 0 0 a\n",
            "m 1 00000000 0 0 0 a",
            "{\"event\":\"message\"}\n",
        ] {
            assert_eq!(parse(frame.as_bytes()), None, "{frame:?}");
        }
        assert_eq!(parse(b"m 1 00000000 0 0 0 \xff\n"), None);
    }
}
