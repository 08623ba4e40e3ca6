//! `ROOM.MEMBERS`: who belongs to the room, paged.

use crate::command::{ArgKind, ArgSpec, Command, Failure, Keys, Options, Spec};
use crate::ffi::{Args, Ctx};
use crate::presence::{room_key, sessions};
use room_core::log::MAX_SEQ;

/// Rows that one call looks at, so that a filter that few pass does not hold Redis up.
const MOST_LOOKED_AT: usize = 10_000;

pub(crate) struct Members;

impl Command for Members {
    const SPEC: Spec = Spec {
        name: "ROOM.MEMBERS",
        summary: c"Lists members with cursor, pending messages, sessions and last act",
        complexity: c"O(N) for N members looked at, at most 10,000 a call",
        arity: -2,
        flags: c"readonly",
        keys: Keys::Read,
        args: &[
            ArgSpec::KEY,
            ArgSpec::one(
                c"who",
                ArgKind::OneOf(&[
                    ArgSpec::one(c"online", ArgKind::Token).after(c"ONLINE"),
                    ArgSpec::one(c"offline", ArgKind::Token).after(c"OFFLINE"),
                ]),
            )
            .maybe(),
            ArgSpec::option(c"cursor", c"CURSOR", ArgKind::Integer),
            ArgSpec::COUNT,
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let name = args.string(1)?;
        let (mut online, mut cursor, mut count) = (None, 0, 100);
        let mut options = Options::new(args, 2);
        while let Some(word) = options.next_word() {
            match &word[..] {
                b"ONLINE" if online.is_none() => online = Some(true),
                b"OFFLINE" if online.is_none() => online = Some(false),
                b"CURSOR" => cursor = options.number(0, MAX_SEQ)? as usize,
                b"COUNT" => count = options.number(1, 100_000)? as usize,
                _ => return Err(options.unknown()),
            }
        }
        let open = ctx.open(name, false);
        let room = open.need_room()?;
        let key = room_key(ctx, name.bytes());
        // From the last row down: see `members` in the model for why this hides nobody. 0 begins and ends a listing.
        let mut at = if cursor == 0 {
            room.member_count()
        } else {
            cursor.min(room.member_count())
        };
        let (mut rows, mut looked_at) = (Vec::new(), 0);
        while at > 0 && rows.len() < count && looked_at < MOST_LOOKED_AT {
            at -= 1;
            looked_at += 1;
            let Some(member) = room.member_at(at) else {
                continue;
            };
            let sessions = sessions(|sessions| sessions.sessions_of(&key, member.uid));
            if online.is_none_or(|online| online == (sessions > 0)) {
                rows.push((member, sessions));
            }
        }
        ctx.reply_array(2);
        ctx.reply_text(&at.to_string());
        ctx.reply_array(rows.len());
        for (member, sessions) in rows {
            ctx.reply_member(room, &member, sessions);
        }
        Ok(())
    }
}
