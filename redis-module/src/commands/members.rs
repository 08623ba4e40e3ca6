//! `ROOM.MEMBERS`: who belongs to the room, paged.

use crate::call::look;
use crate::command::{Command, Failure, Options};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use room_core::commands as core;
use room_core::commands::reply::Answer;
use room_core::log::MAX_SEQ;

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
        let mut page = core::Members {
            online: None,
            cursor: 0,
            count: 100,
        };
        let mut options = Options::new(args, 2);
        while let Some(word) = options.next_word() {
            match &word[..] {
                b"ONLINE" if page.online.is_none() => page.online = Some(true),
                b"OFFLINE" if page.online.is_none() => page.online = Some(false),
                b"CURSOR" => page.cursor = options.number(0, MAX_SEQ)? as usize,
                b"COUNT" => page.count = options.number(1, core::MOST_LOOKED_AT as u64)? as usize,
                _ => return Err(options.unknown()),
            }
        }
        look(ctx, args, |seen, to| {
            page.run(seen.key, seen.room, seen.sessions)?.write(to);
            Ok(())
        })
    }
}
