//! `ROOM.PUBLISH`: stores a message once and announces it, in one step.

use crate::announce::{self, At, Counts};
use crate::command::{ArgKind, ArgSpec, Command, Failure, Keys, Options, Spec, check_channel};
use crate::config;
use crate::effects::{send, settle};
use crate::ffi::{Args, Ctx, Key, Kind, Piece, RStr, now_ms, random_u32};
use crate::info::{Counter, count};
use crate::presence::online;
use room_core::error::RoomError;
use room_core::position::{Position, Tag};
use room_core::room::{Room, check_id, check_uid};
use smallvec::SmallVec;

pub(crate) struct Publish;

impl Command for Publish {
    const SPEC: Spec = Spec {
        name: "ROOM.PUBLISH",
        summary: c"Stores a message and announces it to those online",
        complexity: c"O(1) whoever is away, plus O(N) for N subscribers of the channel",
        arity: -4,
        flags: c"write fast",
        keys: Keys::Insert,
        args: &[
            ArgSpec::KEY,
            ArgSpec::UID,
            ArgSpec::one(c"payload", ArgKind::String),
            ArgSpec::option(c"id", c"ID", ArgKind::String),
            ArgSpec::option(c"ephemeral", c"EPHEMERAL", ArgKind::Token),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let message = Message::parse(args)?;
        check_channel(ctx, message.key)?;
        let mut key = ctx.open(message.key, !message.ephemeral);
        if key.kind() == Kind::Other {
            return Err(Failure::WrongType);
        }
        if message.ephemeral {
            message.announce_only(ctx, &key);
            return Ok(());
        }
        message.store(ctx, &mut key)
    }
}

struct Message<'a> {
    key: RStr<'a>,
    uid: RStr<'a>,
    payload: RStr<'a>,
    id: Option<RStr<'a>>,
    ephemeral: bool,
}

impl<'a> Message<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Failure> {
        let mut message = Self {
            key: args.string(1)?,
            uid: args.string(2)?,
            payload: args.string(3)?,
            id: None,
            ephemeral: false,
        };
        let mut options = Options::new(args, 4);
        while let Some(word) = options.next_word() {
            match &word[..] {
                b"ID" if !message.ephemeral => {
                    let id = options.string()?;
                    check_id(id.bytes())?;
                    message.id = Some(id);
                }
                b"EPHEMERAL" if message.id.is_none() => message.ephemeral = true,
                _ => return Err(options.unknown()),
            }
        }
        check_uid(message.uid.bytes())?;
        let (size, most) = (message.payload.bytes().len(), config::max_payload());
        if size as u64 > most {
            return Err(RoomError::TooBig(size, most as usize).into());
        }
        Ok(message)
    }

    fn counts(&self, ctx: Ctx<'_>, room: Option<&Room>) -> Counts {
        Counts {
            online: online(ctx, self.key),
            members: room.map_or(0, Room::member_count) as u64,
        }
    }

    fn announce_only(&self, ctx: Ctx<'_>, key: &Key<'_>) {
        let room = key.room();
        let counts = self.counts(ctx, room);
        let head = room.map_or_else(Position::default, |room| room.log().head());
        let at = At {
            position: head,
            ms: now_ms(),
            counts,
        };
        announce::ephemeral(ctx, self.key, at, self.uid.bytes(), self.payload.bytes());
        count(Counter::Ephemeral, 1);
        reply(ctx, 0, counts, false);
    }

    fn store(&self, ctx: Ctx<'_>, key: &mut Key<'_>) -> Result<(), Failure> {
        let now = now_ms();
        let policy = config::dedupe();
        let (uid, id) = (self.uid.bytes(), self.id.map(RStr::bytes));
        if let Some(room) = key.room() {
            let first = id.and_then(|id| room.duplicate_of(uid, id, now, &policy));
            if let Some(seq) = first {
                count(Counter::Duplicates, 1);
                reply(ctx, seq, self.counts(ctx, Some(room)), true);
                return Ok(());
            }
            room.check_append()?;
        }
        let flags = ctx.flags();
        if flags.oom() {
            return Err(Failure::OutOfMemory);
        }
        let born = key.kind() == Kind::Empty;
        if born {
            key.set(Room::new(Tag(random_u32())));
        }
        let room = key.need_room_mut()?;
        let ms = room.log().time_of_next(now);
        let position = room.append(ms, uid, self.payload.bytes());
        let mut rest: SmallVec<[_; 8]> =
            SmallVec::from_slice(&[Piece::Same(self.uid), Piece::Same(self.payload)]);
        if born {
            rest.push(Piece::Bytes(b"BIRTH"));
            rest.push(Piece::Number(u64::from(room.birth().0)));
        }
        if let Some(id) = self.id {
            room.remember(uid, id.bytes(), position.seq, ms, &policy);
            rest.extend([
                Piece::Bytes(b"ID"),
                Piece::Same(id),
                Piece::Number(policy.count),
                Piece::Number(policy.age_ms),
            ]);
        }
        let drops = settle(room, now);
        let counts = self.counts(ctx, Some(room));
        let at = At {
            position,
            ms,
            counts,
        };
        announce::message(ctx, flags, self.key, at, uid, self.payload.bytes());
        send(ctx, self.key, "append", ms, &drops, &rest);
        ctx.notify(c"room.publish", self.key);
        count(Counter::Published, 1);
        reply(ctx, position.seq, counts, false);
        Ok(())
    }
}

/// seq, members online, members offline, duplicate.
fn reply(ctx: Ctx<'_>, seq: u64, counts: Counts, duplicate: bool) {
    ctx.reply_array(4);
    ctx.reply_int(seq);
    ctx.reply_int(counts.online);
    ctx.reply_int(counts.members.saturating_sub(counts.online));
    ctx.reply_int(u64::from(duplicate));
}
