//! `ROOM.LAG`: the members furthest behind.

use crate::call::look;
use crate::command::{Command, Failure, Options};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use room_core::commands as core;
use room_core::commands::reply::Answer;

pub(crate) struct Lag;

impl Command for Lag {
    const SPEC: Spec = Spec {
        name: "ROOM.LAG",
        summary: c"Lists the members furthest behind",
        complexity: c"O(N log M) for N members of the room and the M that are asked for",
        arity: -2,
        flags: c"readonly",
        keys: Keys::Read,
        args: &[
            ArgSpec::KEY,
            ArgSpec::option(c"n", c"TOP", ArgKind::Integer),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let mut top = 10;
        let mut options = Options::new(args, 2);
        while let Some(word) = options.next_word() {
            match &word[..] {
                b"TOP" => top = options.number(1, core::MOST_LAGGING as u64)? as usize,
                _ => return Err(options.unknown()),
            }
        }
        look(ctx, args, |seen, to| {
            core::lag(seen.key, seen.room, seen.sessions, top)?.write(to);
            Ok(())
        })
    }
}
