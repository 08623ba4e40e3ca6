//! `ROOM.ATTACH`: sessions for existing members, how a proxy announces again after a reconnect.

use crate::command::{ArgSpec, Command, Failure, Keys, Spec};
use crate::ffi::{Args, Ctx};
use crate::info::{Counter, count};
use crate::presence::{counts, room_key, sessions};
use room_core::room::check_uid;

pub(crate) struct Attach;

impl Command for Attach {
    const SPEC: Spec = Spec {
        name: "ROOM.ATTACH",
        summary: c"Begins sessions of existing members on this connection",
        complexity: c"O(N) for N uids",
        arity: -3,
        flags: c"readonly fast",
        keys: Keys::Read,
        args: &[ArgSpec::KEY, ArgSpec::UIDS],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let name = args.string(1)?;
        args.rest(2).try_for_each(check_uid)?;
        let open = ctx.open(name, false);
        let room = open.need_room()?;
        let key = room_key(ctx, name.bytes());
        let (client, counts) = (ctx.client_id(), counts(ctx));
        let (mut gone, mut kicked) = (Vec::new(), Vec::new());
        for uid in args.rest(2) {
            let Some(member) = room.member(uid) else {
                gone.push(uid);
                continue;
            };
            if member.kicks > 0 {
                kicked.push((uid, member.kicks));
            }
            if counts {
                sessions(|sessions| sessions.attach(client, &key, uid, member.cursor));
                count(Counter::Joined, 1);
            }
        }
        ctx.reply_map(3);
        ctx.pair_position("head", room.log().head());
        ctx.reply_text("gone");
        ctx.reply_array(gone.len());
        gone.into_iter().for_each(|uid| ctx.reply_bytes(uid));
        // Who remembers a lower count has missed a kick.
        ctx.reply_text("kicks");
        ctx.reply_array(kicked.len());
        for (uid, kicks) in kicked {
            ctx.reply_array(2);
            ctx.reply_bytes(uid);
            ctx.reply_int(u64::from(kicks));
        }
        Ok(())
    }
}
