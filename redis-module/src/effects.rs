//! Effects: what a command came to on the primary, as replicas and the AOF get it.
//!
//! `ROOM._APPLY key <verb>:<ms>[:<first>:<reason>]… <rest>`: the verb is done with the time `ms`, then each drop. The
//! first part is one argument, as each argument costs the publish path.
//! No clock, no random bits and no settings are asked here. (`load` has only a part of a snapshot: AOF rewrites use it.)
//!
//! It asks for no right, no limit and no free memory, as the primary has done that: so it is taken from the replication
//! link and from the AOF at start only. An AOF fed to a running server through a client (`redis-cli --pipe`) is refused.
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

use crate::announce::{self, At, Counts};
use crate::command::{
    APPLY, ArgKind, ArgSpec, Command, Failure, Keys, Options, Spec, parse_number,
};
use crate::ffi::{Args, Ctx, Key, Kind, Piece, RStr};
use crate::info::{Counter, count};
use crate::presence::online;
use room_core::dedupe::DedupePolicy;
use room_core::error::RoomError;
use room_core::limits::parse_limit;
use room_core::log::{MAX_SEQ, Reason};
use room_core::position::Tag;
use room_core::room::{Drop, MOST_DROPS, Room, check_id, check_uid};
use room_core::snapshot;
use std::io::Write;

/// What the limits dropped after a command.
#[derive(Clone, Copy, Default)]
pub(crate) struct Drops([Option<Drop>; MOST_DROPS]);

impl Drops {
    /// One drop.
    pub(crate) fn one(drop: Drop) -> Self {
        let mut drops = Self::default();
        if let Some(slot) = drops.0.first_mut() {
            *slot = Some(drop);
        }
        drops
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
    let mut space = [0; MAX_HEAD];
    let len = write_head(&mut space, verb, ms, drops).unwrap_or(0);
    let head = space.get(..len).unwrap_or_default();
    ctx.replicate(APPLY, key, head, rest);
}

/// The longest first part: the longest verb, and a number with its colon, then such a number and the longest reason for
/// each drop.
const MAX_HEAD: usize = 8 + 21 + MOST_DROPS * (21 + 16);

/// Its length; an error if it does not fit.
fn write_head(mut space: &mut [u8], verb: &str, ms: u64, drops: &Drops) -> std::io::Result<usize> {
    let room = space.len();
    let mut digits = itoa::Buffer::new();
    space.write_all(verb.as_bytes())?;
    space.write_all(b":")?;
    space.write_all(digits.format(ms).as_bytes())?;
    for drop in drops.iter() {
        space.write_all(b":")?;
        space.write_all(digits.format(drop.first).as_bytes())?;
        space.write_all(b":")?;
        space.write_all(drop.reason.word().as_bytes())?;
    }
    Ok(room - space.len())
}

/// `ROOM._APPLY`.
pub(crate) struct Apply;

impl Command for Apply {
    const SPEC: Spec = Spec {
        name: "ROOM._APPLY",
        summary: c"Internal: carries effects to replicas and into the AOF",
        complexity: c"O(N) with the size of the effect",
        arity: -3,
        flags: c"write",
        keys: Keys::Insert,
        args: &[
            ArgSpec::KEY,
            ArgSpec::one(c"effect", ArgKind::String),
            ArgSpec::one(c"argument", ArgKind::String).many().maybe(),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let flags = ctx.flags();
        if !flags.replicated() && !flags.loading() {
            return Err(Failure::NotForClients);
        }
        if let Err(failure) = apply(ctx, args) {
            // Nobody reads the reply.
            let text = format!("room: an effect could not be applied: {failure}");
            ctx.log(c"warning", &text);
            return Err(failure);
        }
        ctx.replicate_verbatim();
        ctx.reply_simple(c"OK");
        Ok(())
    }
}

fn apply(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
    let name = args.string(1)?;
    let mut key = ctx.open(name, true);
    if key.kind() == Kind::Other {
        return Err(Failure::WrongType);
    }
    let head = args.bytes(2)?;
    if head == b"load" {
        load(&mut key, args.bytes(3)?)
    } else {
        Effect::parse(args, head)?.apply(ctx, name, &mut key)
    }
}

/// A part of a snapshot makes or extends the room. One that does not fit to the parts before it takes them away, as half
/// a room must not live; a room that is whole stays as it is.
fn load(key: &mut Key<'_>, part: &[u8]) -> Result<(), Failure> {
    if key.kind() == Kind::Empty {
        key.set(snapshot::begin(part)?);
        return Ok(());
    }
    let room = key.need_room_mut()?;
    let whole = room.is_whole();
    match snapshot::extend(room, part) {
        Ok(_) => Ok(()),
        Err(error) => {
            if !whole {
                key.delete();
            }
            Err(error.into())
        }
    }
}

struct Effect<'a> {
    args: Args<'a>,
    verb: &'a [u8],
    ms: u64,
    drops: Drops,
}

/// Where the rest begins.
const REST: usize = 3;

impl<'a> Effect<'a> {
    fn parse(args: Args<'a>, head: &'a [u8]) -> Result<Self, Failure> {
        let syntax = || Failure::Syntax(head.into());
        let number = |word: Option<&[u8]>| {
            let n = word.and_then(parse_number).filter(|n| *n <= MAX_SEQ);
            n.ok_or_else(syntax)
        };
        let mut words = head.split(|byte| *byte == b':');
        let verb = words.next().ok_or_else(syntax)?;
        let ms = number(words.next())?;
        let mut drops = Drops::default();
        let mut slots = drops.0.iter_mut();
        while let Some(first) = words.next() {
            let slot = slots.next().ok_or_else(syntax)?;
            let first = number(Some(first)).ok().filter(|first| *first > 0);
            let first = first.ok_or_else(syntax)?;
            let reason = words.next().and_then(Reason::from_word);
            let reason = reason.ok_or_else(syntax)?;
            *slot = Some(Drop { first, reason });
        }
        Ok(Self {
            args,
            verb,
            ms,
            drops,
        })
    }

    fn apply(&self, ctx: Ctx<'_>, name: RStr<'_>, key: &mut Key<'_>) -> Result<(), Failure> {
        match self.verb {
            b"append" => self.append(ctx, name, key)?,
            b"join" => self.join(key)?,
            b"leave" => self.leave(key)?,
            b"ack" => self.ack(key)?,
            b"limits" => self.limits(key)?,
            b"mark" => self.mark(key)?,
            b"drop" => {}
            _ => return Err(Failure::Syntax(self.verb.into())),
        }
        if let Some(room) = key.room_mut() {
            self.drops.apply(room);
        }
        Ok(())
    }

    fn append(&self, ctx: Ctx<'_>, name: RStr<'_>, key: &mut Key<'_>) -> Result<(), Failure> {
        let uid = self.args.bytes(REST)?;
        let payload = self.args.bytes(REST + 1)?;
        check_uid(uid)?;
        let (mut birth, mut id) = (None, None);
        let mut options = Options::new(self.args, REST + 2);
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
            online: online(ctx, name),
            members: room.member_count() as u64,
        };
        let at = At {
            position,
            ms: room.log().last_ms(),
            counts,
        };
        announce::message(ctx, ctx.flags(), name, at, uid, payload);
        Ok(())
    }

    fn uids(&self, from: usize) -> Result<impl Iterator<Item = &'a [u8]> + Clone, Failure> {
        let uids = self.args.rest(from);
        uids.clone().try_for_each(check_uid)?;
        Ok(uids)
    }

    fn join(&self, key: &mut Key<'_>) -> Result<(), Failure> {
        let birth = self.args.number(REST, 0, u64::from(u32::MAX))?;
        let cursor = self.args.number(REST + 1, 0, MAX_SEQ)?;
        let uids = self.uids(REST + 2)?;
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
        let uids = self.uids(REST)?;
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
        let seq = self.args.number(REST, 0, MAX_SEQ)?;
        let uids = self.uids(REST + 1)?;
        let room = key.need_room_mut()?;
        for uid in uids {
            room.raise(uid, seq, self.ms);
        }
        Ok(())
    }

    fn limits(&self, key: &mut Key<'_>) -> Result<(), Failure> {
        let mut changes = Vec::new();
        for at in (REST..self.args.len()).step_by(2) {
            changes.push(parse_limit(self.args.bytes(at)?, self.args.bytes(at + 1)?)?);
        }
        let room = key.need_room_mut()?;
        for (limit, value) in changes {
            room.set_limit(limit, value);
        }
        Ok(())
    }

    fn mark(&self, key: &mut Key<'_>) -> Result<(), Failure> {
        let what = self.args.bytes(REST)?;
        let uids = self.uids(REST + 1)?;
        let room = key.need_room_mut()?;
        for uid in uids {
            match what {
                b"seen" => {
                    see(room, uid, self.ms);
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

/// Uids in one effect: a replica is to do it in a moment.
const PER_MARK: usize = 1000;

/// Marks members as `seen` or `release`d, and says so to replicas.
pub(crate) fn mark<U: AsRef<[u8]>>(
    ctx: Ctx<'_>,
    name: RStr<'_>,
    room: &mut Room,
    what: &'static str,
    uids: &[U],
    now: u64,
) {
    for some in uids.chunks(PER_MARK) {
        let mut rest = vec![Piece::Bytes(what.as_bytes())];
        for uid in some.iter().map(AsRef::as_ref) {
            if what == "release" {
                room.set_released(uid, true);
            } else {
                see(room, uid, now);
            }
            rest.push(Piece::Bytes(uid));
        }
        send(ctx, name, "mark", now, &Drops::default(), &rest);
    }
}

/// A member is or was here: it acted at `ms` and holds the log. Whether there is such a member.
fn see(room: &mut Room, uid: &[u8], ms: u64) -> bool {
    room.set_released(uid, false);
    room.touch(uid, ms)
}

/// Makes `uid` a member at `cursor`, or a member rise to it and hold the log again. Whether it is new.
pub(crate) fn enter(room: &mut Room, uid: &[u8], cursor: u64, ms: u64) -> Result<bool, RoomError> {
    check_uid(uid)?;
    if room.admit(uid, cursor, ms, false) {
        return Ok(true);
    }
    room.raise(uid, cursor, ms);
    room.set_released(uid, false);
    Ok(false)
}
