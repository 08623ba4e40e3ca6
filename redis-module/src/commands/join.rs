//! `ROOM.JOIN`: membership, and a session on this connection.

use crate::command::{ArgKind, ArgSpec, Command, Failure, Keys, Options, Spec};
use crate::effects::{enter, send, settle};
use crate::ffi::{Args, Ctx, Key, Kind, Piece, RStr, now_ms, random_u32};
use crate::info::{Counter, count};
use crate::presence::{counts, room_key, sessions};
use crate::{config, presence};
use room_core::error::RoomError;
use room_core::log::MAX_SEQ;
use room_core::position::{Position, Seq, Tag};
use room_core::room::{Room, Start, check_uid};

pub(crate) struct Join;

impl Command for Join {
    const SPEC: Spec = Spec {
        name: "ROOM.JOIN",
        summary: c"Makes a uid a member and begins its session on this connection",
        complexity: c"O(1), O(S) with SINCE for S messages in one segment of the log",
        arity: -3,
        flags: c"write fast",
        keys: Keys::Insert,
        args: &[
            ArgSpec::KEY,
            ArgSpec::UID,
            ArgSpec::option(c"position", c"SINCE", ArgKind::String),
            ArgSpec::option(c"n", c"HISTORY", ArgKind::Integer),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let (name, uid) = (args.string(1)?, args.bytes(2)?);
        check_uid(uid)?;
        let wish = Wish::parse(args)?;
        let mut key = ctx.open(name, true);
        let live = sessions(|sessions| sessions.lowest(&room_key(ctx, name.bytes()), uid));
        let plan = Plan::of(ctx, &key, uid, &wish, live)?;
        let now = now_ms();
        if key.kind() == Kind::Empty {
            key.set(Room::new(plan.birth));
        }
        let room = key.need_room_mut()?;
        if plan.changes {
            enter(room, uid, plan.cursor, now)?;
            let drops = settle(room, now);
            let rest = [
                Piece::Number(u64::from(plan.birth.0)),
                Piece::Number(plan.cursor),
                Piece::Bytes(uid),
            ];
            send(ctx, name, "join", now, &drops, &rest);
            ctx.notify(c"room.join", name);
        }
        begin_session(ctx, name, uid, plan.start.position);
        reply(ctx, name, room, &plan);
        Ok(())
    }
}

/// The options.
struct Wish {
    since: Option<Position>,
    history: u64,
}

impl Wish {
    fn parse(args: Args<'_>) -> Result<Self, Failure> {
        let mut wish = Self {
            since: None,
            history: 0,
        };
        let mut options = Options::new(args, 3);
        while let Some(word) = options.next_word() {
            match &word[..] {
                b"SINCE" => {
                    let text = options.bytes()?;
                    let position =
                        Position::parse(text).ok_or_else(|| RoomError::BadPosition(text.into()))?;
                    wish.since = Some(position);
                }
                b"HISTORY" => wish.history = options.number(0, MAX_SEQ)?,
                _ => return Err(options.unknown()),
            }
        }
        Ok(wish)
    }
}

/// What will be done, all of it checked.
struct Plan {
    birth: Tag,
    new: bool,
    /// How often the member was kicked.
    kicks: u16,
    /// Where the member's cursor will be.
    cursor: u64,
    start: Start,
    changes: bool,
}

impl Plan {
    /// `live` is what all live sessions of the uid have acknowledged.
    fn of(
        ctx: Ctx<'_>,
        key: &Key<'_>,
        uid: &[u8],
        wish: &Wish,
        live: Option<Seq>,
    ) -> Result<Self, Failure> {
        let born;
        let room = match key.maybe_room()? {
            Some(room) => room,
            None => {
                born = Room::new(Tag(random_u32()));
                &born
            }
        };
        let member = room.member(uid);
        if member.is_none() {
            room.check_admit(uid, config::max_members())?;
            if ctx.flags().oom() {
                return Err(Failure::OutOfMemory);
            }
        }
        let fallback = match (member, wish.since) {
            (Some(member), _) => member.cursor,
            (None, None) => room.newcomer_cursor(wish.history),
            (None, Some(_)) => room.log().start().seq,
        };
        let start = match wish.since {
            Some(since) => room.resume(since, fallback),
            None => {
                let (position, lost) = room.start_at(fallback);
                Start {
                    position,
                    lost,
                    resumed: false,
                    reset: false,
                }
            }
        };
        // Only a position that matches says what this uid has seen; and what one device has seen, a slower one that is
        // here still waits for.
        let seen = start.position.seq.min(live.unwrap_or(MAX_SEQ));
        let cursor = match (member, start.resumed) {
            (None, true) => start.position.seq,
            (Some(_), true) => fallback.max(seen),
            (_, false) => fallback,
        };
        let changes = member.is_none_or(|member| member.cursor < cursor || member.released);
        Ok(Self {
            birth: room.birth(),
            new: member.is_none(),
            kicks: member.map_or(0, |member| member.kicks),
            cursor,
            start,
            changes,
        })
    }
}

fn begin_session(ctx: Ctx<'_>, name: RStr<'_>, uid: &[u8], at: Position) {
    if counts(ctx) {
        let key = presence::room_key(ctx, name.bytes());
        sessions(|sessions| sessions.join(ctx.client_id(), &key, uid, at.seq));
        count(Counter::Joined, 1);
    }
}

fn reply(ctx: Ctx<'_>, name: RStr<'_>, room: &Room, plan: &Plan) {
    let key = room_key(ctx, name.bytes());
    let start = &plan.start;
    count(Counter::Lost, u64::from(start.lost.is_some()));
    count(Counter::Reset, u64::from(start.reset));
    ctx.reply_map(10);
    ctx.pair_position("position", start.position);
    ctx.pair_position("head", room.log().head());
    ctx.pair("pending", room.pending(start.position.seq));
    ctx.pair_lost(start.lost);
    ctx.pair("resumed", u64::from(start.resumed));
    ctx.pair("reset", u64::from(start.reset));
    ctx.pair("new", u64::from(plan.new));
    ctx.pair("members", room.member_count() as u64);
    ctx.pair("online", sessions(|sessions| sessions.online(&key)));
    ctx.pair("kicks", u64::from(plan.kicks));
}
