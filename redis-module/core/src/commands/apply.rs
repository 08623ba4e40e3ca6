//! `ROOM._APPLY`: what replicas and the AOF do with an effect. The primary has checked everything: no right, no limit, no
//! clock and no setting is asked here. (`load` has only a part of a snapshot: AOF rewrites use it.)

use super::effect::Drops;
use super::enter::{enter, see};
use super::env::{Env, Place};
use super::outcome::{Announcement, Counter, KeyFate, Outcome, Replicate, apply_drops};
use super::reply::Done;
use crate::announce::Kind;
use crate::came::Came;
use crate::dedupe::DedupePolicy;
use crate::error::RoomError;
use crate::limits::parse_limit;
use crate::log::{MAX_SEQ, Reason};
use crate::position::{Tag, parse_decimal};
use crate::room::{Drop, Room, check_id, check_uid};
use crate::snapshot;
use std::borrow::Cow;

/// What is answered: nobody reads it, but a part of a snapshot that does not fit takes the half room away.
pub type Applied = Result<Done, RoomError>;

/// Runs it: `head` is the first part, `rest` what follows it.
pub fn apply<'a>(
    place: Place<'_>,
    head: &'a [u8],
    rest: &[&'a [u8]],
    env: &Env<'_>,
) -> Result<Outcome<'a, Applied>, RoomError> {
    if head == b"load" {
        let part = rest.first().copied().unwrap_or_default();
        return load(place.room, part, env);
    }
    let effect = Parsed::of(head, rest)?;
    let mut outcome = Outcome::of(Ok(Done));
    outcome.replicate = Replicate::Verbatim;
    outcome.key = KeyFate::Changed;
    let mut born = None;
    let room = match (place.room, effect.birth()?) {
        (Some(room), _) => room,
        (None, Some(birth)) => &mut **born.insert(arrived(Room::new(birth), env)),
        (None, None) => return Err(RoomError::NoRoom),
    };
    if let Some(said) = effect.run(room)? {
        room.set_said(env.times.steady);
        let online = place.sessions.online(place.key);
        let mut told =
            Announcement::at_head(Kind::Message, room, online, room.log().last_ms(), said.uid);
        told.payload = Cow::Borrowed(said.payload);
        outcome.tell.push(told);
    }
    let dropped = apply_drops(room, &effect.drops);
    outcome.count(Counter::Dropped, dropped.unread);
    let emptied = effect.verb == b"leave" && room.member_count() == 0;
    match (born, emptied) {
        (_, true) => outcome.key = KeyFate::Gone,
        (Some(born), false) => outcome.key = KeyFate::Born(born),
        (None, false) => {}
    }
    Ok(outcome)
}

/// A room that this node did not make.
fn arrived(room: Room, env: &Env<'_>) -> Box<Room> {
    room.set_came(Came {
        at: env.times.mono,
        arrived: true,
    });
    Box::new(room)
}

/// A part of a snapshot makes or extends the room. One that does not fit to the parts before it takes them away, as half
/// a room must not live; a room that is whole stays as it is.
fn load<'a>(
    room: Option<&mut Room>,
    part: &[u8],
    env: &Env<'_>,
) -> Result<Outcome<'a, Applied>, RoomError> {
    let mut outcome = Outcome::of(Ok(Done));
    outcome.replicate = Replicate::Verbatim;
    outcome.key = KeyFate::Changed;
    let Some(room) = room else {
        outcome.key = KeyFate::Born(arrived(snapshot::begin(part)?, env));
        return Ok(outcome);
    };
    let whole = room.is_whole();
    match snapshot::extend(room, part) {
        Ok(_) => Ok(outcome),
        Err(error) if whole => Err(error),
        Err(error) => {
            outcome.reply = Err(error);
            outcome.replicate = Replicate::Unlink;
            outcome.key = KeyFate::Gone;
            Ok(outcome)
        }
    }
}

/// A message that is to be announced.
struct Said<'a> {
    uid: &'a [u8],
    payload: &'a [u8],
}

struct Parsed<'a, 'r> {
    verb: &'a [u8],
    ms: u64,
    drops: Drops,
    rest: &'r [&'a [u8]],
}

/// An effect that is not one that a primary sends.
fn damaged(what: &[u8]) -> RoomError {
    RoomError::BadEffect(what.into())
}

fn number(text: &[u8], most: u64) -> Result<u64, RoomError> {
    let number = parse_decimal(text).filter(|number| *number <= most);
    number.ok_or_else(|| damaged(text))
}

impl<'a> Parsed<'a, '_> {
    fn of<'r>(head: &'a [u8], rest: &'r [&'a [u8]]) -> Result<Parsed<'a, 'r>, RoomError> {
        let mut words = head.split(|byte| *byte == b':');
        let mut next = || words.next().ok_or_else(|| damaged(head));
        let verb = next()?;
        let ms = number(next()?, MAX_SEQ)?;
        let mut drops = Drops::default();
        let mut slots = drops.0.iter_mut();
        while let Some(first) = words.next() {
            let slot = slots.next().ok_or_else(|| damaged(head))?;
            let first = number(first, MAX_SEQ)?;
            let reason = words.next().and_then(Reason::from_word);
            let reason = reason.filter(|_| first > 0).ok_or_else(|| damaged(head))?;
            *slot = Some(Drop { first, reason });
        }
        Ok(Parsed {
            verb,
            ms,
            drops,
            rest,
        })
    }

    fn word(&self, at: usize) -> Result<&'a [u8], RoomError> {
        self.rest.get(at).copied().ok_or_else(|| damaged(self.verb))
    }

    fn uids(&self, from: usize) -> Result<impl Iterator<Item = &'a [u8]>, RoomError> {
        let uids = self.rest.get(from..).unwrap_or_default();
        uids.iter().try_for_each(|uid| check_uid(uid))?;
        Ok(uids.iter().copied())
    }

    /// The birth of a room that this effect may make.
    fn birth(&self) -> Result<Option<Tag>, RoomError> {
        let text = match self.verb {
            b"join" | b"come" => Some(self.word(0)?),
            b"append" if self.rest.get(2) == Some(&&b"BIRTH"[..]) => Some(self.word(3)?),
            _ => None,
        };
        let birth = text.map(|text| number(text, u64::from(u32::MAX)));
        Ok(birth.transpose()?.map(|birth| Tag(birth as u32)))
    }

    /// Does it, after all of it was checked.
    fn run(&self, room: &mut Room) -> Result<Option<Said<'a>>, RoomError> {
        match self.verb {
            b"append" => return self.append(room).map(Some),
            b"join" | b"come" => {
                let cursor = number(self.word(1)?, MAX_SEQ)?;
                for uid in self.uids(2)? {
                    enter(room, uid, cursor, self.ms, self.verb == b"come");
                }
            }
            b"leave" => self.uids(0)?.for_each(|uid| {
                room.remove(uid);
            }),
            b"ack" => {
                let seq = number(self.word(0)?, MAX_SEQ)?;
                self.uids(1)?.for_each(|uid| {
                    room.raise(uid, seq, self.ms);
                });
            }
            b"limits" => self.limits(room)?,
            b"mark" => self.mark(room)?,
            b"told" => self.told(room)?,
            b"ids" => {
                room.forget_ids_before(self.ms);
            }
            b"drop" => {}
            _ => return Err(damaged(self.verb)),
        }
        Ok(None)
    }

    fn append(&self, room: &mut Room) -> Result<Said<'a>, RoomError> {
        let (uid, payload) = (self.word(0)?, self.word(1)?);
        check_uid(uid)?;
        room.check_append()?;
        let (mut id, mut room_id, mut seen) = (None, None, None);
        let mut at = 2;
        while let Some(word) = self.rest.get(at) {
            match *word {
                // Only here was its number looked at.
                b"BIRTH" if at == 2 => at += 2,
                b"ID" => {
                    let text = self.word(at + 1)?;
                    check_id(text)?;
                    let policy = DedupePolicy {
                        count: number(self.word(at + 2)?, MAX_SEQ)?,
                        age_ms: number(self.word(at + 3)?, MAX_SEQ)?,
                    };
                    id = Some((text, policy));
                    at += 4;
                }
                b"ROOMID" => {
                    let text = self.word(at + 1)?;
                    check_id(text)?;
                    room_id = Some(text);
                    at += 2;
                }
                b"AT" => {
                    seen = Some(number(self.word(at + 1)?, MAX_SEQ)?);
                    at += 2;
                }
                other => return Err(damaged(other)),
            }
        }
        let position = room.append(self.ms, uid, payload);
        let seen = seen.unwrap_or(room.log().last_ms());
        if let Some(id) = room_id {
            room.remember_here(id, position.seq, seen);
        }
        if let Some((id, policy)) = id {
            room.remember(uid, id, position.seq, seen, &policy);
        }
        Ok(Said { uid, payload })
    }

    fn told(&self, room: &mut Room) -> Result<(), RoomError> {
        let seq = number(self.word(0)?, MAX_SEQ)?;
        let pairs = self.rest.get(1..).unwrap_or_default().chunks(2);
        let pairs = pairs.map(|pair| match pair {
            [quiet, uid] => {
                check_uid(uid)?;
                Ok((number(quiet, 1)? == 1, *uid))
            }
            _ => Err(damaged(self.verb)),
        });
        for (quiet, uid) in pairs.collect::<Result<Vec<_>, _>>()? {
            room.tell(uid, seq, self.ms, quiet);
        }
        Ok(())
    }

    fn limits(&self, room: &mut Room) -> Result<(), RoomError> {
        let pairs = self.rest.chunks(2).map(|pair| match pair {
            [name, value] => parse_limit(name, value),
            _ => Err(damaged(self.verb)),
        });
        for (limit, value) in pairs.collect::<Result<Vec<_>, _>>()? {
            room.set_limit(limit, value);
        }
        Ok(())
    }

    fn mark(&self, room: &mut Room) -> Result<(), RoomError> {
        let what = self.word(0)?;
        if !matches!(what, b"seen" | b"release" | b"kick" | b"invited") {
            return Err(damaged(what));
        }
        for uid in self.uids(1)? {
            match what {
                b"seen" => {
                    see(room, uid, self.ms);
                }
                b"release" => room.set_released(uid, true),
                b"kick" => {
                    room.add_kick(uid);
                }
                _ => {
                    room.set_invited(uid);
                }
            }
        }
        Ok(())
    }
}
