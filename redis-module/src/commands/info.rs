//! `ROOM.INFO`: the room, its limits included.

use crate::command::{ArgSpec, Command, Failure, Keys, Spec};
use crate::config;
use crate::ffi::{Args, Ctx};
use crate::presence::{room_key, sessions};
use room_core::limits::Limit;
use room_core::log::Reason;

pub(crate) struct Info;

impl Command for Info {
    const SPEC: Spec = Spec {
        name: "ROOM.INFO",
        summary: c"Describes a room",
        complexity: c"O(S) for S segments of the log",
        arity: 2,
        flags: c"readonly fast",
        keys: Keys::Read,
        args: &[ArgSpec::KEY],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let name = args.string(1)?;
        let open = ctx.open(name, false);
        let room = open.need_room()?;
        let log = room.log();
        let key = room_key(ctx, name.bytes());
        ctx.reply_map(11);
        ctx.pair("members", room.member_count() as u64);
        ctx.pair("online", sessions(|sessions| sessions.online(&key)));
        ctx.pair_position("head", log.head());
        ctx.pair("first", log.first());
        ctx.pair("messages", log.len());
        ctx.pair("bytes", log.bytes());
        ctx.pair("oldest-ms", log.oldest_ms().unwrap_or(0));
        ctx.pair("newest-ms", log.last_ms());
        ctx.pair("memory", room.heap_bytes() as u64);
        ctx.reply_text("dropped");
        ctx.reply_map(Reason::ALL.len());
        for reason in Reason::ALL {
            // For the room as a whole, read is read, wherever.
            let word = if reason == Reason::Read {
                "read"
            } else {
                reason.word()
            };
            ctx.pair(word, log.drops().count(reason));
        }
        ctx.reply_text("limits");
        ctx.reply_map(Limit::ALL.len());
        let limits = room.limits(&config::limits());
        for limit in Limit::ALL {
            ctx.pair(limit.name(), limits.get(limit));
        }
        Ok(())
    }
}
