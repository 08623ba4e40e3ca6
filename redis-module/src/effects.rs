//! Effects: what a command came to on the primary, as replicas and the AOF get it.
//!
//! `ROOM._APPLY key <verb> <ms> <drops> [<first> <reason>]… <rest>`: the verb is done with the time `ms`, then each drop.
//! No clock, no random bits and no settings are asked here. (`load` has only a part of a snapshot: AOF rewrites use it.)
//!
//! | verb | rest |
//! |---|---|
//! | `append` | `uid payload [BIRTH n] [ID id count age]` |
//! | `join` | `birth cursor uid…`: new members start at the cursor, others rise to it and hold the log again |
//! | `leave` | `uid…` |
//! | `ack` | `seq uid…` |
//! | `limits` | `name value…` |
//! | `mark` | `seen`, `release` or `kick`, then `uid…` |
//! | `drop` | nothing: only the drops |

use crate::announce::{self, Counts};
use crate::command::{APPLY, ArgKind, ArgSpec, Command, Failure, Keys, Options, Spec};
use crate::ffi::{Args, Ctx, Key, Kind, Piece, RStr};
use crate::info::{Counter, count};
use crate::presence::{room_key, sessions};
use room_core::dedupe::DedupePolicy;
use room_core::error::RoomError;
use room_core::limits::parse_limit;
use room_core::log::{MAX_SEQ, Reason};
use room_core::position::Tag;
use room_core::room::{Drop, Room, check_id, check_uid};
use room_core::snapshot;

/// What the limits dropped after a command.
#[derive(Clone, Copy, Default)]
pub(crate) struct Drops([Option<Drop>; 4]);

impl Drops {
    /// One drop.
    pub(crate) fn one(drop: Drop) -> Self {
        Self([Some(drop), None, None, None])
    }

    fn iter(&self) -> impl Iterator<Item = Drop> {
        self.0.iter().flatten().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// How many messages go.
    pub(crate) fn apply(&self, room: &mut Room) -> u64 {
        self.iter()
            .map(|drop| {
                let gone = room.drop_messages(drop);
                if drop.reason != Reason::Read {
                    count(Counter::Dropped, gone);
                }
                gone
            })
            .sum()
    }
}

/// Drops what the room's limits want dropped now.
pub(crate) fn settle(room: &mut Room, now: u64) -> Drops {
    let limits = room.limits(&crate::config::limits());
    let drops = Drops(room.due(now, &limits));
    drops.apply(room);
    drops
}

/// Sends an effect to replicas and the AOF, instead of the running command.
pub(crate) fn send(
    ctx: Ctx<'_>,
    key: RStr<'_>,
    verb: &str,
    ms: u64,
    drops: &Drops,
    rest: &[Piece<'_>],
) {
    let mut pieces = Vec::with_capacity(8 + rest.len());
    pieces.push(Piece::Same(key));
    pieces.push(Piece::Bytes(verb.as_bytes()));
    pieces.push(Piece::Number(ms));
    pieces.push(Piece::Number(drops.iter().count() as u64));
    for drop in drops.iter() {
        pieces.push(Piece::Number(drop.first));
        pieces.push(Piece::Bytes(drop.reason.word().as_bytes()));
    }
    pieces.extend(rest.iter().map(|piece| match piece {
        Piece::Same(string) => Piece::Same(*string),
        Piece::Bytes(bytes) => Piece::Bytes(bytes),
        Piece::Number(n) => Piece::Number(*n),
    }));
    ctx.replicate(APPLY, &pieces);
}

/// `ROOM._APPLY`.
pub(crate) struct Apply;

impl Command for Apply {
    const SPEC: Spec = Spec {
        name: "ROOM._APPLY",
        summary: c"Internal: carries effects to replicas and into the AOF",
        complexity: c"O(N) with the size of the effect",
        arity: -4,
        flags: c"write",
        keys: Keys::Insert,
        args: &[
            ArgSpec::KEY,
            ArgSpec::one(c"verb", ArgKind::String),
            ArgSpec::one(c"argument", ArgKind::String).many(),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let key_name = args.string(1)?;
        let mut key = ctx.open(key_name, true);
        if key.kind() == Kind::Other {
            return Err(Failure::WrongType);
        }
        let verb = args.bytes(2)?;
        if verb == b"load" {
            load(&mut key, args.bytes(3)?)?;
        } else {
            let effect = Effect::parse(args)?;
            effect.apply(ctx, key_name, &mut key, verb)?;
        }
        ctx.replicate_verbatim();
        ctx.reply_simple(c"OK");
        Ok(())
    }
}

/// A part of a snapshot makes or extends the room; one that does not fit takes it away: half a room must not live.
fn load(key: &mut Key<'_>, part: &[u8]) -> Result<(), Failure> {
    if key.kind() == Kind::Empty {
        key.set(snapshot::begin(part)?);
        return Ok(());
    }
    let room = key.need_room_mut()?;
    match snapshot::extend(room, part) {
        Ok(_) => Ok(()),
        Err(error) => {
            key.delete();
            Err(error.into())
        }
    }
}

struct Effect<'a> {
    args: Args<'a>,
    ms: u64,
    drops: Drops,
    /// Where the rest begins.
    rest: usize,
}

impl<'a> Effect<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Failure> {
        let ms = args.number(3, 0, MAX_SEQ)?;
        let mut drops = Drops::default();
        let many = args.number(4, 0, drops.0.len() as u64)? as usize;
        for (i, slot) in drops.0.iter_mut().take(many).enumerate() {
            let first = args.number(5 + 2 * i, 1, MAX_SEQ)?;
            let word = args.bytes(6 + 2 * i)?;
            let reason = Reason::from_word(word).ok_or_else(|| Failure::Syntax(word.into()))?;
            *slot = Some(Drop { first, reason });
        }
        Ok(Self {
            args,
            ms,
            drops,
            rest: 5 + 2 * many,
        })
    }

    fn apply(
        &self,
        ctx: Ctx<'_>,
        name: RStr<'_>,
        key: &mut Key<'_>,
        verb: &[u8],
    ) -> Result<(), Failure> {
        match verb {
            b"append" => self.append(ctx, name, key)?,
            b"join" => self.join(key)?,
            b"leave" => self.leave(key)?,
            b"ack" => self.ack(key)?,
            b"limits" => self.limits(key)?,
            b"mark" => self.mark(key)?,
            b"drop" => {}
            _ => return Err(Failure::Syntax(verb.into())),
        }
        if let Some(room) = key.room_mut() {
            self.drops.apply(room);
        }
        Ok(())
    }

    fn append(&self, ctx: Ctx<'_>, name: RStr<'_>, key: &mut Key<'_>) -> Result<(), Failure> {
        let uid = self.args.bytes(self.rest)?;
        let payload = self.args.bytes(self.rest + 1)?;
        check_uid(uid)?;
        let (mut birth, mut id) = (None, None);
        let mut options = Options::new(self.args, self.rest + 2);
        while let Some(word) = options.next_word() {
            match &word[..] {
                b"BIRTH" => birth = Some(options.number(0, u64::from(u32::MAX))?),
                b"ID" => {
                    let text = options.bytes()?;
                    check_id(text)?;
                    let policy = DedupePolicy {
                        count: options.number(0, MAX_SEQ)?,
                        age_ms: options.number(0, MAX_SEQ)?,
                    };
                    id = Some((text, policy));
                }
                _ => return Err(options.unknown()),
            }
        }
        if let (Kind::Empty, Some(birth)) = (key.kind(), birth) {
            key.set(Room::new(Tag(birth as u32)));
        }
        let room = key.need_room_mut()?;
        room.check_append()?;
        let position = room.append(self.ms, uid, payload);
        if let Some((id, policy)) = id {
            room.remember(uid, id, position.seq, room.log().last_ms(), &policy);
        }
        let counts = Counts {
            online: sessions(|sessions| sessions.online(&room_key(ctx, name.bytes()))),
            members: room.member_count() as u64,
        };
        announce::message(
            ctx,
            name,
            position,
            room.log().last_ms(),
            counts,
            uid,
            payload,
        );
        Ok(())
    }

    fn uids(&self, from: usize) -> Result<impl Iterator<Item = &'a [u8]> + Clone, Failure> {
        let uids = self.args.rest(from);
        uids.clone().try_for_each(check_uid)?;
        Ok(uids)
    }

    fn join(&self, key: &mut Key<'_>) -> Result<(), Failure> {
        let birth = self.args.number(self.rest, 0, u64::from(u32::MAX))?;
        let cursor = self.args.number(self.rest + 1, 0, MAX_SEQ)?;
        let uids = self.uids(self.rest + 2)?;
        if key.kind() == Kind::Empty {
            key.set(Room::new(Tag(birth as u32)));
        }
        let room = key.need_room_mut()?;
        for uid in uids {
            enter(room, uid, cursor, self.ms)?;
        }
        Ok(())
    }

    fn leave(&self, key: &mut Key<'_>) -> Result<(), Failure> {
        let uids = self.uids(self.rest)?;
        let room = key.need_room_mut()?;
        for uid in uids {
            room.remove(uid);
        }
        if room.member_count() == 0 {
            key.delete();
        }
        Ok(())
    }

    fn ack(&self, key: &mut Key<'_>) -> Result<(), Failure> {
        let seq = self.args.number(self.rest, 0, MAX_SEQ)?;
        let uids = self.uids(self.rest + 1)?;
        let room = key.need_room_mut()?;
        for uid in uids {
            room.raise(uid, seq, self.ms);
        }
        Ok(())
    }

    fn limits(&self, key: &mut Key<'_>) -> Result<(), Failure> {
        let room = key.need_room_mut()?;
        let mut at = self.rest;
        while let Ok(name) = self.args.bytes(at) {
            let (limit, value) = parse_limit(name, self.args.bytes(at + 1)?)?;
            room.set_limit(limit, value);
            at += 2;
        }
        Ok(())
    }

    fn mark(&self, key: &mut Key<'_>) -> Result<(), Failure> {
        let what = self.args.bytes(self.rest)?;
        let uids = self.uids(self.rest + 1)?;
        let room = key.need_room_mut()?;
        for uid in uids {
            match what {
                b"seen" => {
                    room.touch(uid, self.ms);
                    room.set_released(uid, false);
                }
                b"release" => room.set_released(uid, true),
                b"kick" => {
                    room.add_kick(uid);
                }
                _ => return Err(Failure::Syntax(what.into())),
            }
        }
        Ok(())
    }
}

/// Makes `uid` a member at `cursor`, or a member rise to it and hold the log again. Whether it is new.
pub(crate) fn enter(room: &mut Room, uid: &[u8], cursor: u64, ms: u64) -> Result<bool, RoomError> {
    check_uid(uid)?;
    if room.admit(uid, cursor, ms) {
        return Ok(true);
    }
    room.raise(uid, cursor, ms);
    room.set_released(uid, false);
    Ok(false)
}
