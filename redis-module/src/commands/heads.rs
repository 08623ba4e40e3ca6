//! `ROOM.HEADS`: are we up to date? For many rooms at once.

use crate::command::{ArgSpec, Command, Failure, Keys, Spec};
use crate::ffi::{Args, Ctx};

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
        let names = || (1..args.len()).filter_map(|at| args.get(at));
        for name in names() {
            ctx.open(name, false).maybe_room()?;
        }
        ctx.reply_array(args.len().saturating_sub(1));
        for name in names() {
            match ctx.open(name, false).room() {
                Some(room) => ctx.reply_position(room.log().head()),
                None => ctx.reply_null(),
            }
        }
        Ok(())
    }
}
