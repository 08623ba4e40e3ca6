//! `ROOM.LAG`: the members furthest behind.

use crate::command::{ArgKind, ArgSpec, Command, Failure, Keys, Options, Spec};
use crate::ffi::{Args, Ctx};
use crate::presence::{room_key, sessions};

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
        let name = args.string(1)?;
        let mut top = 10;
        let mut options = Options::new(args, 2);
        while let Some(word) = options.next_word() {
            match &word[..] {
                b"TOP" => top = options.number(1, 100_000)? as usize,
                _ => return Err(options.unknown()),
            }
        }
        let open = ctx.open(name, false);
        let room = open.need_room()?;
        let key = room_key(ctx, name.bytes());
        let members = room.lag(top);
        ctx.reply_array(members.len());
        for member in members {
            let sessions = sessions(|sessions| sessions.sessions_of(&key, member.uid));
            ctx.reply_member(room, &member, sessions);
        }
        Ok(())
    }
}
