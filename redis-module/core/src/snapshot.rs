//! A room as bytes: for RDB, DUMP, the AOF rewrite and the digest.
//!
//! A snapshot is a series of parts, so that neither writing nor reading needs the whole room twice in memory. Each part
//! begins with a letter: `H` header (with the version), `S` one segment of the log, `M` members, `D` publish ids of uids,
//! `I` those of the room, `W` what was told of members for whom mail waited, `E` the end. Reading trusts nothing: messages must continue the chain of tags to the head that `E` names.

use crate::bytes::{Reader, put_varint};
use crate::error::RoomError;
use crate::limits::Overrides;
use crate::log::Log;
use crate::position::Tag;
use crate::room::Room;

/// The newest format. Version 1, which knew no newcomers and no time of the last act, is read as well.
pub const VERSION: u8 = 4;
/// The formats that are written of rooms without anything that a newer one knows more: an older module reads them. Version 3 knew no
/// waiting mail …
const WITHOUT_WAITING: u8 = 3;
/// … and version 2 no ids of `ROOMID`.
const WITHOUT_ROOM_IDS: u8 = 2;
/// Members or ids in one part.
const PER_PART: usize = 1024;

/// Calls `part` with each part in turn.
pub fn save(room: &Room, mut part: impl FnMut(&[u8])) {
    let dedupe = room.dedupe.as_deref();
    let room_ids = dedupe.and_then(|dedupe| dedupe.of_room.as_deref());
    let own = room.own_limits();
    let version = if room.told.is_some() || own.has_new() {
        VERSION
    } else if room_ids.is_some() {
        WITHOUT_WAITING
    } else {
        WITHOUT_ROOM_IDS
    };
    let mut out = vec![b'H', version];
    put_varint(&mut out, u64::from(room.birth.0));
    room.log.save_header(&mut out);
    own.save(version > WITHOUT_WAITING, &mut out);
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
    if let Some(dedupe) = dedupe {
        dedupe.save(PER_PART, |body| lettered(b'D', body));
    }
    if let Some(ids) = room_ids {
        ids.save(PER_PART, |body| lettered(b'I', body));
    }
    if let Some(told) = &room.told {
        told.save(PER_PART, |body| lettered(b'W', body));
    }
    let mut end = Vec::new();
    put_varint(&mut end, room.log.head().seq);
    put_varint(&mut end, u64::from(room.log.head().tag.0));
    put_varint(&mut end, room.log.last_ms());
    put_varint(&mut end, room.members.len() as u64);
    put_varint(&mut end, room.members.acted_ms());
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
    let version = reader
        .byte()
        .filter(|version| (1..=VERSION).contains(version));
    let version = version.ok_or(RoomError::Corrupt(
        "it is of a version that this module does not know",
    ))?;
    let header = |reader: &mut Reader<'_>| {
        let birth = Tag(reader.u32()?);
        let mut room = Room::with_log(birth, Log::load_header(reader)?);
        let own = Overrides::load(version > WITHOUT_WAITING, reader)?;
        room.overrides = (!own.is_empty()).then(|| Box::new(own));
        room.loading = Some(version);
        reader.is_empty().then_some(room)
    };
    header(&mut reader).ok_or(RoomError::Corrupt("the header is damaged"))
}

/// Adds a part to a room that [`begin`] began; true if it was the end. After an error such a room is half loaded and must
/// be thrown away; a room that is whole takes no part and stays as it is.
pub fn extend(room: &mut Room, part: &[u8]) -> Result<bool, RoomError> {
    let Some(version) = room.loading else {
        return Err(RoomError::Corrupt("something follows the end"));
    };
    let mut reader = Reader::new(part);
    let done = match reader.byte() {
        // Members are counted at the message that each waits for: that must be there before them.
        Some(b'S') if room.members.len() > 0 => None,
        Some(b'S') => room.log.load_segment(&mut reader),
        Some(b'M') => load_members(room, version, &mut reader),
        Some(b'D') => {
            let head = room.log.head().seq;
            let dedupe = room.dedupe.get_or_insert_default();
            dedupe.load(&mut reader, head)
        }
        Some(b'I') if version > WITHOUT_ROOM_IDS && !reader.is_empty() => {
            let head = room.log.head().seq;
            let dedupe = room.dedupe.get_or_insert_default();
            dedupe
                .of_room
                .get_or_insert_default()
                .load(&mut reader, head)
        }
        Some(b'W') if version > WITHOUT_WAITING => {
            let Room {
                members, log, told, ..
            } = room;
            let told = told.get_or_insert_default();
            told.load(&mut reader, log.head().seq, |uid| {
                members.get(uid).is_some()
            })
        }
        Some(b'E') => return check_end(room, version, &mut reader),
        _ => return Err(RoomError::Corrupt("a part is of an unknown kind")),
    };
    match done {
        Some(()) => Ok(false),
        None => Err(RoomError::Corrupt(
            "a part is damaged or does not fit to the one before",
        )),
    }
}

fn load_members(room: &mut Room, version: u8, reader: &mut Reader<'_>) -> Option<()> {
    let Room { members, log, .. } = room;
    members.load(reader, version, log.head().seq, |cursor, holds| {
        log.wait(cursor, !holds)
    })
}

fn check_end(room: &mut Room, version: u8, reader: &mut Reader<'_>) -> Result<bool, RoomError> {
    let head = room.log.head();
    let seq = reader.varint();
    let tag = reader.u32();
    let last_ms = reader.varint();
    let members = reader.varint();
    let acted = match version {
        1 => Some(()),
        _ => reader.varint().and_then(|ms| room.members.load_acted(ms)),
    };
    let whole = seq == Some(head.seq)
        && tag == Some(head.tag.0)
        && last_ms == Some(room.log.last_ms())
        && members == Some(room.members.len() as u64)
        && acted.is_some()
        && reader.is_empty();
    if whole {
        room.loading = None;
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

    /// What version 1 wrote of a room with a limit, a drop, three members (one released, one kicked twice) and five ids.
    const VERSION_1: [&str; 5] = [
        "4801848688080189b98c60000000000000010101053300000000",
        "5302d00f89b98c603c040a05616c69636503626f62300201096d65737361676520310101096d6573736167652032\
         0201096d65737361676520330101096d6573736167652034",
        "4d05616c6963650400b8170003626f620000e90705056361726f6c0303ac1b00",
        "4405616c69636502690001d00f05616c69636502690102d10f05616c69636502690203d20f05616c69636502690304\
         d30f05616c69636502690405d40f",
        "4505a281dee10cd40f03",
    ];

    fn from_hex(text: &str) -> Vec<u8> {
        let digits: Vec<char> = text.chars().collect();
        let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16);
        digits.chunks(2).map(|pair| byte(pair).unwrap()).collect()
    }

    #[test]
    fn version_1_is_read() {
        let mut loader = Loader::default();
        for part in VERSION_1 {
            loader.feed(&from_hex(part)).unwrap();
        }
        let room = loader.finish().unwrap();
        assert_eq!(room.birth(), Tag(0x0102_0304));
        assert_eq!((room.log().first(), room.log().head().seq), (2, 5));
        assert_eq!(
            room.log().entries_from(5).last().unwrap().payload,
            b"message 4"
        );
        assert_eq!(room.log().drops().count(crate::log::Reason::Trim), 1);
        let member = |uid: &[u8]| {
            let member = room.member(uid).unwrap();
            assert!(!member.newcomer);
            (
                member.cursor,
                member.acted_ms,
                member.kicks,
                member.released,
            )
        };
        assert_eq!(member(b"alice"), (4, 3000, 0, false));
        assert_eq!(member(b"bob"), (0, 1001, 2, true));
        assert_eq!(member(b"carol"), (3, 3500, 0, false));
        assert_eq!(room.acted_ms(), 3500);
        assert_eq!(
            room.seen_before(b"alice", b"i\x04").map(|seen| seen.0),
            Some(5)
        );
        assert_eq!(room.oldest_id_ms(), Some(2000));
        let own = room.limits(&Default::default());
        assert_eq!(own.get(crate::limits::Limit::MaxLen), 50);
        let mut again = Loader::default();
        save(&room, |part| again.feed(part).unwrap());
        assert_eq!(again.finish().unwrap().acted_ms(), 3500);
    }

    #[test]
    fn a_room_without_ids_of_its_own_is_of_an_older_version() {
        let mut room = Room::new(Tag(7));
        let seq = room.append(1, b"a", b"payload").seq;
        let version = |room: &Room| {
            let mut parts = Vec::new();
            save(room, |part| parts.push(part.to_vec()));
            (parts[0][1], parts)
        };
        assert_eq!(version(&room).0, WITHOUT_ROOM_IDS);
        room.remember_here(b"id", seq, 5);
        let (of_it, mut parts) = version(&room);
        assert_eq!(of_it, WITHOUT_WAITING);
        let mut loader = Loader::default();
        parts.iter().for_each(|part| loader.feed(part).unwrap());
        assert_eq!(loader.finish().unwrap().seen_here(b"id"), Some((seq, 5)));
        assert!(loads(&parts, b'I'));
        // What an older module is said to have written, it did not.
        parts[0][1] = WITHOUT_ROOM_IDS;
        assert!(!loads(&parts, b'I'));
        parts[0][1] = WITHOUT_WAITING;
        parts[2] = b"I".to_vec();
        assert!(!loads(&parts, b'I'), "an empty part");
        room.forget_ids_before(6);
        assert_eq!(version(&room).0, WITHOUT_ROOM_IDS);
    }

    #[test]
    fn only_a_room_with_something_told_is_of_the_newest_version() {
        let mut room = Room::new(Tag(7));
        let version = |room: &Room| {
            let mut parts = Vec::new();
            save(room, |part| parts.push(part.to_vec()));
            (parts[0][1], parts)
        };
        room.append(1, b"a", b"payload");
        room.remember_here(b"id", 1, 5);
        room.admit(b"b", 0, 1, false);
        assert_eq!(version(&room).0, WITHOUT_WAITING);
        let mut with_limit = room.clone();
        with_limit.set_limit(crate::limits::Limit::WaitingDelay, Some(7));
        room.tell(b"b", 1, 9, true);
        room.tell(b"nobody", 1, 9, true);
        for room in [&room, &with_limit] {
            let (of_it, mut parts) = version(room);
            assert_eq!(of_it, VERSION);
            let mut loader = Loader::default();
            parts.iter().for_each(|part| loader.feed(part).unwrap());
            let again = loader.finish().unwrap();
            assert_eq!(again.telling(b"b"), room.telling(b"b"));
            assert_eq!(again.own_limits(), room.own_limits());
            assert_eq!(version(&again).1, parts);
            // What an older module is said to have written, it did not.
            parts[0][1] = WITHOUT_WAITING;
            let mut loader = Loader::default();
            assert!(parts.iter().any(|part| loader.feed(part).is_err()));
        }
    }

    #[test]
    fn messages_come_before_those_who_wait_for_them() {
        let mut parts = saved(1);
        assert!(loads(&parts, b'D'));
        parts.swap(1, 2);
        assert!(!loads(&parts, b'S'), "members, then a segment");
    }

    #[test]
    fn time_goes_on_from_one_segment_to_the_next() {
        for (second, fits) in [(50, true), (51, true), (49, false)] {
            let mut room = Room::new(Tag(7));
            room.append(50, b"a", &[b'x'; 3000]);
            let mut parts = Vec::new();
            save(&room, |part| parts.push(part.to_vec()));
            // What follows it in a room whose clock was behind: as a part of its own it is sound.
            let log = Log::new(room.log.head(), second, Default::default());
            let mut next = Room::with_log(Tag(7), log);
            next.append(second, b"a", &[b'y'; 3000]);
            next.append(60, b"a", b"z");
            let mut others = Vec::new();
            save(&next, |part| others.push(part.to_vec()));
            parts.splice(2.., others.into_iter().skip(1));
            let mut loader = Loader::default();
            let fed = parts.iter().try_for_each(|part| loader.feed(part));
            assert_eq!(fed.is_ok(), fits, "{second}");
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
