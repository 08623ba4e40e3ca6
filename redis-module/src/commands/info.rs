//! `ROOM.INFO`: the room, its limits included.

use crate::call::look;
use crate::command::{Command, Failure};
use crate::config;
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgSpec, Keys, Spec};
use room_core::commands as core;
use room_core::commands::reply::Answer;

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
        let settings = config::settings();
        look(ctx, args, |seen, to| {
            core::info(seen.key, seen.room, seen.sessions, &settings.limits)?.write(to);
            Ok(())
        })
    }
}
