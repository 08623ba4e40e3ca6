//! Saved rooms as somebody would forge them who knows the format: the chain of tags holds, whatever else they say, unless bytes
//! are flipped afterwards. Bytes alone would never get past the chain.

use arbitrary::{Arbitrary, Unstructured};
use room_core::chain::next_tag;
use room_core::position::Tag;

/// A number: most are small or at an edge, as those meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number(pub(crate) u64);

/// Where rules about numbers change.
const EDGES: [u64; 6] = [
    (1 << 53) - 2,
    (1 << 53) - 1,
    1 << 53,
    u32::MAX as u64,
    u64::MAX - 1,
    u64::MAX,
];

impl<'a> Arbitrary<'a> for Number {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let small = u8::arbitrary(u)?;
        Ok(Self(match small {
            0..=239 => small.into(),
            240..=251 => EDGES[usize::from(small - 240) / 2],
            _ => u64::arbitrary(u)?,
        }))
    }
}

/// Who: three that come again, or any bytes.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Uid<'a> {
    Ann,
    Bob,
    Cid,
    Any(&'a [u8]),
}

impl<'a> Uid<'a> {
    pub(crate) const fn bytes(self) -> &'a [u8] {
        match self {
            Self::Ann => b"ann",
            Self::Bob => b"bob",
            Self::Cid => "cid\u{301}".as_bytes(),
            Self::Any(bytes) => bytes,
        }
    }
}

/// A saved room.
#[derive(Arbitrary, Debug)]
pub(crate) struct Forged<'a> {
    version_1: bool,
    birth: u32,
    start: Number,
    last_ms: Number,
    counts: [Number; 6],
    runs: Vec<(Number, u8)>,
    limits: [Number; 5],
    parts: Vec<Part<'a>>,
    acted: Number,
    /// Which part, which byte, what it is turned into.
    flips: Vec<(u8, u16, u8)>,
}

#[derive(Arbitrary, Debug)]
enum Part<'a> {
    Segment(Segment<'a>),
    Members(Vec<Member<'a>>),
    Ids(Vec<(Uid<'a>, &'a [u8], Number, Number)>),
    Raw(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
struct Segment<'a> {
    /// The time that its first message follows: so much after the last one, or any.
    base: Result<u8, Number>,
    more_filled: Number,
    names: Vec<Uid<'a>>,
    rows: Vec<Row<'a>>,
}

#[derive(Arbitrary, Debug)]
struct Row<'a> {
    /// One of the names, or written out.
    sender: Result<u8, Uid<'a>>,
    since: Number,
    payload: Payload<'a>,
}

#[derive(Arbitrary, Debug)]
enum Payload<'a> {
    Given(&'a [u8]),
    Long(u16),
}

#[derive(Arbitrary, Debug)]
struct Member<'a> {
    uid: Uid<'a>,
    cursor: Number,
    joined: Number,
    acted: Number,
    flags: Number,
}

/// The parts as bytes, and the end of the log so far.
#[derive(Default)]
struct Forge {
    parts: Vec<Vec<u8>>,
    seq: u64,
    tag: Tag,
    ms: u64,
    members: u64,
}

impl Forged<'_> {
    /// Its parts.
    pub(crate) fn parts(&self) -> Vec<Vec<u8>> {
        let mut forge = Forge {
            seq: self.start.0,
            tag: Tag(self.birth),
            ms: self.last_ms.0,
            ..Forge::default()
        };
        forge.header(self);
        for part in &self.parts {
            match part {
                Part::Segment(segment) => forge.segment(segment),
                Part::Members(members) => forge.members(members),
                Part::Ids(ids) => forge.ids(ids),
                Part::Raw(bytes) => forge.parts.push(bytes.to_vec()),
            }
        }
        forge.end(self);
        for (part, byte, to) in &self.flips {
            let many = forge.parts.len();
            let part = &mut forge.parts[usize::from(*part) % many];
            let len = part.len().max(1);
            if let Some(byte) = part.get_mut(usize::from(*byte) % len) {
                *byte = *to;
            }
        }
        forge.parts
    }
}

impl Forge {
    fn header(&mut self, room: &Forged<'_>) {
        let mut out = vec![b'H', if room.version_1 { 1 } else { 2 }];
        put(&mut out, room.birth.into());
        put(&mut out, self.seq);
        put(&mut out, self.tag.0.into());
        put(&mut out, self.ms);
        room.counts.iter().for_each(|count| put(&mut out, count.0));
        put(&mut out, room.runs.len() as u64);
        for (up_to, reason) in &room.runs {
            put(&mut out, up_to.0);
            put(&mut out, (*reason).into());
        }
        room.limits.iter().for_each(|limit| put(&mut out, limit.0));
        self.parts.push(out);
    }

    fn segment(&mut self, segment: &Segment<'_>) {
        let base = match &segment.base {
            Ok(after) => self.ms.saturating_add((*after).into()),
            Err(any) => any.0,
        };
        let (first, before) = (self.seq.wrapping_add(1), self.tag);
        let mut names = Vec::new();
        segment
            .names
            .iter()
            .for_each(|name| put_bytes(&mut names, name.bytes()));
        self.ms = base;
        let mut buf = Vec::new();
        for row in &segment.rows {
            let uid = match &row.sender {
                Ok(code) => {
                    put(&mut buf, u64::from(*code) + 1);
                    segment
                        .names
                        .get(usize::from(*code))
                        .map_or(&b""[..], |name| name.bytes())
                }
                Err(uid) => {
                    put(&mut buf, 0);
                    put_bytes(&mut buf, uid.bytes());
                    uid.bytes()
                }
            };
            put(&mut buf, row.since.0);
            let payload = match &row.payload {
                Payload::Given(bytes) => bytes.to_vec(),
                Payload::Long(len) => vec![b'x'; usize::from(*len)],
            };
            put_bytes(&mut buf, &payload);
            self.ms = self.ms.saturating_add(row.since.0);
            self.tag = next_tag(self.tag, self.ms, uid, &payload);
            self.seq = self.seq.wrapping_add(1);
        }
        let mut out = vec![b'S'];
        put(&mut out, first);
        put(&mut out, base);
        put(&mut out, before.0.into());
        put(
            &mut out,
            segment.more_filled.0.saturating_add(buf.len() as u64),
        );
        put(&mut out, segment.rows.len() as u64);
        put_bytes(&mut out, &names);
        put_bytes(&mut out, &buf);
        self.parts.push(out);
    }

    fn members(&mut self, members: &[Member<'_>]) {
        let mut out = vec![b'M'];
        for member in members {
            put_bytes(&mut out, member.uid.bytes());
            for number in [member.cursor, member.joined, member.acted, member.flags] {
                put(&mut out, number.0);
            }
            self.members += 1;
        }
        self.parts.push(out);
    }

    fn ids(&mut self, ids: &[(Uid<'_>, &[u8], Number, Number)]) {
        let mut out = vec![b'D'];
        for (uid, id, seq, ms) in ids {
            put_bytes(&mut out, uid.bytes());
            put_bytes(&mut out, id);
            put(&mut out, seq.0);
            put(&mut out, ms.0);
        }
        self.parts.push(out);
    }

    fn end(&mut self, room: &Forged<'_>) {
        let mut out = vec![b'E'];
        put(&mut out, self.seq);
        put(&mut out, self.tag.0.into());
        put(&mut out, self.ms);
        put(&mut out, self.members);
        if !room.version_1 {
            put(&mut out, room.acted.0);
        }
        self.parts.push(out);
    }
}

/// A number in groups of seven bits, the lowest first.
fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n as u8) | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
