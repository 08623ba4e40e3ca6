//! `ROOM.DETACH`: sessions of this connection end; the queues grow from here.

use crate::command::{ArgSpec, Command, Failure, Keys, Spec};
use crate::ffi::{Args, Ctx, now_ms};
use crate::presence::{counts, room_key, sessions};
use room_core::room::check_uid;

pub(crate) struct Detach;

impl Command for Detach {
    const SPEC: Spec = Spec {
        name: "ROOM.DETACH",
        summary: c"Ends sessions of this connection",
        complexity: c"O(N) for N uids",
        arity: -3,
        flags: c"readonly fast",
        keys: Keys::Read,
        args: &[ArgSpec::KEY, ArgSpec::UIDS],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let name = args.bytes(1)?;
        args.rest(2).try_for_each(check_uid)?;
        // Sessions are this node's: the key is not looked at, and may be gone.
        let key = room_key(ctx, name);
        let (client, now) = (ctx.client_id(), now_ms());
        let ended = match counts(ctx) {
            true => args
                .rest(2)
                .filter(|uid| sessions(|s| s.detach(client, &key, uid, now)))
                .count(),
            false => 0,
        };
        ctx.reply_int(ended as u64);
        Ok(())
    }
}
