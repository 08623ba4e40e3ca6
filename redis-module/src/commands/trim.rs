//! `ROOM.TRIM`: drops old messages by hand.

use crate::call::change;
use crate::command::{Command, Failure, Options};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use room_core::commands as core;
use room_core::log::MAX_SEQ;

pub(crate) struct Trim;

impl Command for Trim {
    const SPEC: Spec = Spec {
        name: "ROOM.TRIM",
        summary: c"Drops old messages",
        complexity: c"O(N) for N segments of the log that go",
        arity: 4,
        flags: c"write",
        keys: Keys::Delete,
        args: &[
            ArgSpec::KEY,
            ArgSpec::one(
                c"what",
                ArgKind::OneOf(&[
                    ArgSpec::one(c"n", ArgKind::Integer).after(c"MAXLEN"),
                    ArgSpec::one(c"seq", ArgKind::Integer).after(c"BEFORE"),
                ]),
            ),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let mut options = Options::new(args, 2);
        let what = match options.next_word().as_deref() {
            Some(b"MAXLEN") => core::Trim::MaxLen,
            Some(b"BEFORE") => core::Trim::Before,
            _ => return Err(options.unknown()),
        };
        let what = what(options.number(0, MAX_SEQ)?);
        change(ctx, args, |place, env| core::trim(place, what, env))
    }
}
