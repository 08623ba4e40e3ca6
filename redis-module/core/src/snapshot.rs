//! A room as bytes: for RDB, DUMP, the AOF rewrite and the digest.
//!
//! A snapshot is a series of parts, so that neither writing nor reading needs the whole room twice in memory. Each part
//! begins with a letter: `H` header (with the version), `S` one segment of the log, `M` members, `D` publish ids, `E` the
//! end. Reading trusts nothing: messages must continue the chain of tags to the head that `E` names.

use crate::bytes::{Reader, put_varint};
use crate::error::RoomError;
use crate::limits::Overrides;
use crate::log::Log;
use crate::position::Tag;
use crate::room::Room;

/// The format that is written.
pub const VERSION: u8 = 1;
/// Members or ids in one part.
const PER_PART: usize = 1024;

/// Calls `part` with each part in turn.
pub fn save(room: &Room, mut part: impl FnMut(&[u8])) {
    let mut out = vec![b'H', VERSION];
    put_varint(&mut out, u64::from(room.birth.0));
    room.log.save_header(&mut out);
    room.overrides.save(&mut out);
    part(&out);
    room.log.save_segments(|segment| {
        out.clear();
        out.push(b'S');
        segment.save(&mut out);
        part(&out);
    });
    let mut lettered = |letter: u8, body: &[u8]| {
        let mut out = Vec::with_capacity(body.len() + 1);
        out.push(letter);
        out.extend_from_slice(body);
        part(&out);
    };
    room.members.save(PER_PART, |body| lettered(b'M', body));
    room.dedupe.save(PER_PART, |body| lettered(b'D', body));
    let mut end = Vec::new();
    put_varint(&mut end, room.log.head().seq);
    put_varint(&mut end, u64::from(room.log.head().tag.0));
    put_varint(&mut end, room.log.last_ms());
    put_varint(&mut end, room.members.len() as u64);
    lettered(b'E', &end);
}

/// Puts a room together again, part by part.
#[derive(Default)]
pub struct Loader {
    room: Option<Room>,
    complete: bool,
}

impl Loader {
    /// Takes the next part.
    pub fn feed(&mut self, part: &[u8]) -> Result<(), RoomError> {
        if self.complete {
            return Err(RoomError::Corrupt("something follows the end"));
        }
        match (part.first(), &mut self.room) {
            (Some(b'H'), None) => {
                self.room = Some(begin(part)?);
                Ok(())
            }
            (Some(_), Some(room)) => {
                self.complete = extend(room, part)?;
                Ok(())
            }
            _ => Err(RoomError::Corrupt("it does not begin with one header")),
        }
    }

    /// The room, if everything was there.
    pub fn finish(self) -> Result<Room, RoomError> {
        match self.room {
            Some(room) if self.complete => Ok(room),
            _ => Err(RoomError::Corrupt("the end is missing")),
        }
    }
}

/// The room that a header part begins.
pub fn begin(part: &[u8]) -> Result<Room, RoomError> {
    let mut reader = Reader::new(part);
    if reader.byte() != Some(b'H') {
        return Err(RoomError::Corrupt("it does not begin with a header"));
    }
    if reader.byte() != Some(VERSION) {
        return Err(RoomError::Corrupt(
            "it is of a version that this module does not know",
        ));
    }
    let header = |reader: &mut Reader<'_>| {
        let birth = Tag(reader.u32()?);
        let mut room = Room::with_log(birth, Log::load_header(reader)?);
        room.overrides = Overrides::load(reader)?;
        room.whole = false;
        reader.is_empty().then_some(room)
    };
    header(&mut reader).ok_or(RoomError::Corrupt("the header is damaged"))
}

/// Adds a part to a room that [`begin`] began; true if it was the end. After an error such a room is half loaded and must
/// be thrown away; a room that is whole takes no part and stays as it is.
pub fn extend(room: &mut Room, part: &[u8]) -> Result<bool, RoomError> {
    if room.whole {
        return Err(RoomError::Corrupt("something follows the end"));
    }
    let mut reader = Reader::new(part);
    let done = match reader.byte() {
        Some(b'S') => room.log.load_segment(&mut reader),
        Some(b'M') => load_members(room, &mut reader),
        Some(b'D') => {
            let head = room.log.head().seq;
            room.dedupe.load(&mut reader, head)
        }
        Some(b'E') => return check_end(room, &mut reader),
        _ => return Err(RoomError::Corrupt("a part is of an unknown kind")),
    };
    match done {
        Some(()) => Ok(false),
        None => Err(RoomError::Corrupt(
            "a part is damaged or does not fit to the one before",
        )),
    }
}

fn load_members(room: &mut Room, reader: &mut Reader<'_>) -> Option<()> {
    let Room { members, log, .. } = room;
    members.load(reader, log.head().seq, |cursor, holds| {
        log.wait(cursor, !holds)
    })
}

fn check_end(room: &mut Room, reader: &mut Reader<'_>) -> Result<bool, RoomError> {
    let head = room.log.head();
    let seq = reader.varint();
    let tag = reader.u32();
    let last_ms = reader.varint();
    let members = reader.varint();
    let whole = seq == Some(head.seq)
        && tag == Some(head.tag.0)
        && last_ms == Some(room.log.last_ms())
        && members == Some(room.members.len() as u64)
        && reader.is_empty();
    if whole {
        room.whole = true;
        Ok(true)
    } else {
        Err(RoomError::Corrupt(
            "the end does not match what came before",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::MAX_MS;

    /// What `save` writes of a room with one member, one message and one publish id, all of them at `ms`.
    fn saved(ms: u64) -> Vec<Vec<u8>> {
        let mut room = Room::new(Tag(7));
        room.admit(b"a", 0, ms, false);
        let seq = room.append(ms, b"a", b"payload").seq;
        room.remember(b"a", b"id", seq, ms, &Default::default());
        let mut parts = Vec::new();
        save(&room, |part| parts.push(part.to_vec()));
        parts
    }

    /// The parts up to the one with this letter, which decides.
    fn loads(parts: &[Vec<u8>], letter: u8) -> bool {
        let mut loader = Loader::default();
        for part in parts.iter().filter(|part| part[0] != b'E') {
            let fed = loader.feed(part);
            if part[0] == letter {
                return fed.is_ok();
            }
        }
        panic!("no such part");
    }

    #[test]
    fn a_time_that_no_effect_could_carry_is_refused() {
        for (ms, fits) in [(MAX_MS, true), (MAX_MS + 1, false), (u64::MAX, false)] {
            let (sound, parts) = (saved(1), saved(ms));
            for (at, letter) in [(1, b'S'), (2, b'M'), (3, b'D')] {
                let mut mixed = sound.clone();
                mixed[at].clone_from(&parts[at]);
                // A segment of its own time has tags of its own, so what follows it is not looked at.
                assert_eq!(loads(&mixed, letter), fits, "{ms} in part {at}");
            }
            let mut empty = Room::new(Tag(7));
            empty.append(ms, b"a", b"payload");
            empty.drop_messages(crate::room::Drop {
                first: 2,
                reason: crate::log::Reason::Trim,
            });
            let mut header = Vec::new();
            save(&empty, |part| header.push(part.to_vec()));
            assert_eq!(begin(&header[0]).is_ok(), fits, "{ms} of the last message");
        }
    }

    #[test]
    fn times_that_add_up_to_more_than_a_number_are_refused() {
        let mut room = Room::new(Tag(7));
        room.append(u64::MAX - 1, b"a", b"one");
        room.append(u64::MAX, b"a", b"two");
        let mut parts = Vec::new();
        save(&room, |part| parts.push(part.to_vec()));
        assert!(!loads(&parts, b'S'));
        // The second message's time since the first one: one byte behind the first entry, made as large as can be.
        let mut low = saved(MAX_MS - 5);
        assert!(loads(&low, b'S'));
        let last = low[1].len();
        // sender, time 0, length 7, payload: the time becomes 100.
        low[1][last - 9] = 100;
        assert!(!loads(&low, b'S'));
    }
}
