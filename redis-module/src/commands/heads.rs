//! `ROOM.HEADS`: are we up to date? For many rooms at once.

use crate::call::open;
use crate::command::{Command, Failure};
use crate::config;
use crate::redis::ctx::{Args, Ctx};
use crate::redis::key::Access;
use crate::spec::{ArgSpec, Keys, Spec};
use room_core::commands::HeadOf;
use room_core::commands::reply::{Answer, Sink};
use room_core::error::RoomError;

pub(crate) struct Heads;

impl Command for Heads {
    const SPEC: Spec = Spec {
        name: "ROOM.HEADS",
        summary: c"The positions of the newest messages of some rooms",
        complexity: c"O(N) for N keys",
        arity: -2,
        flags: c"readonly fast",
        keys: Keys::ReadAll,
        args: &[ArgSpec {
            multiple: true,
            ..ArgSpec::KEY
        }],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let (many, most) = (args.len().saturating_sub(1), config::settings().max_uids);
        if many as u64 > most {
            return Err(RoomError::TooMany("keys", many, most).into());
        }
        let names = || (1..args.len()).filter_map(|at| args.get(at));
        for name in names() {
            open(ctx, name, Access::Read)?;
        }
        let mut reply = ctx.reply();
        reply.array(many);
        for name in names() {
            let key = ctx.open(name, Access::Read);
            HeadOf(key.room().map(|room| room.log().head())).write(&mut reply);
        }
        Ok(())
    }
}
