//! `ROOM.RANGE`: the log, paged.

use crate::command::{ArgKind, ArgSpec, Command, Failure, Keys, Options, Spec, parse_number};
use crate::ffi::{Args, Ctx};
use room_core::log::MAX_SEQ;
use room_core::position::{Position, Seq};
use room_core::room::Room;

pub(crate) struct Range;

impl Command for Range {
    const SPEC: Spec = Spec {
        name: "ROOM.RANGE",
        summary: c"Reads messages by number",
        complexity:
            c"O(N) for N messages returned, plus O(S) for S messages in one segment of the log",
        arity: -4,
        flags: c"readonly",
        keys: Keys::Read,
        args: &[
            ArgSpec::KEY,
            ArgSpec::one(c"from", ArgKind::String),
            ArgSpec::one(c"to", ArgKind::String),
            ArgSpec::COUNT,
            ArgSpec::BYTES,
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let name = args.string(1)?;
        let from = bound(args.bytes(2)?, b"-", 0)?;
        let to = bound(args.bytes(3)?, b"+", MAX_SEQ)?;
        let page = Page::parse(args, 4)?;
        let open = ctx.open(name, false);
        page.reply(ctx, open.need_room()?, from, to);
        Ok(())
    }
}

fn bound(text: &[u8], open: &[u8], value: Seq) -> Result<Seq, Failure> {
    if text == open {
        return Ok(value);
    }
    parse_number(text)
        .filter(|n| *n <= MAX_SEQ)
        .ok_or_else(|| Failure::Number(text.into(), 0, MAX_SEQ))
}

/// How much one reply may hold; at least one message always fits.
pub(crate) struct Page {
    count: u64,
    bytes: u64,
}

impl Page {
    /// Reads `[COUNT n] [BYTES n]`.
    pub(crate) fn parse(args: Args<'_>, at: usize) -> Result<Self, Failure> {
        let mut page = Self {
            count: 1000,
            bytes: 1024 * 1024,
        };
        let mut options = Options::new(args, at);
        while let Some(word) = options.next_word() {
            match &word[..] {
                b"COUNT" => page.count = options.number(1, MAX_SEQ)?,
                b"BYTES" => page.bytes = options.number(1, MAX_SEQ)?,
                _ => return Err(options.unknown()),
            }
        }
        Ok(page)
    }

    pub(crate) fn reply(&self, ctx: Ctx<'_>, room: &Room, from: Seq, to: Seq) {
        let log = room.log();
        let from = from.max(log.first());
        let before = log
            .position_at(from.saturating_sub(1))
            .unwrap_or(log.head());
        ctx.reply_map(3);
        ctx.pair_position("head", log.head());
        ctx.pair_position("before", before);
        ctx.reply_text("rows");
        ctx.reply_open_array();
        let (mut rows, mut bytes) = (0u64, 0u64);
        for entry in log.entries_from(from) {
            bytes += entry.payload.len() as u64;
            let full = rows >= self.count || (rows > 0 && bytes > self.bytes);
            if full || entry.position.seq > to {
                break;
            }
            ctx.reply_array(4);
            ctx.reply_int(entry.position.seq);
            ctx.reply_int(entry.ms);
            ctx.reply_bytes(entry.uid);
            ctx.reply_bytes(entry.payload);
            rows += 1;
        }
        ctx.reply_array_len(rows as usize);
    }
}

/// The first message after a cursor that is still there.
pub(crate) const fn after(position: Position) -> Seq {
    position.seq.saturating_add(1)
}
