//! `ROOM.HELLO`: a proxy names its connection and renews its lease.

use crate::command::{ArgKind, ArgSpec, Command, Failure, Keys, Options, Spec};
use crate::ffi::{Args, Ctx, now_ms};
use crate::presence::{counts, sessions};
use room_core::room::check_uid;

/// Bounds of a lease, in milliseconds.
const LEASES: (u64, u64) = (100, 3_600_000);

pub(crate) struct Hello;

impl Command for Hello {
    const SPEC: Spec = Spec {
        name: "ROOM.HELLO",
        summary: c"Names this connection as a proxy's and renews its lease",
        complexity: c"O(1), plus O(N) for N sessions of a connection that is superseded",
        arity: 4,
        flags: c"readonly fast",
        keys: Keys::None,
        args: &[
            ArgSpec::one(c"proxy", ArgKind::String),
            ArgSpec::one(c"ms", ArgKind::Integer).after(c"LEASE"),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let proxy = args.bytes(1)?;
        check_uid(proxy)?;
        let mut options = Options::new(args, 2);
        if options.next_word().as_deref() != Some(b"LEASE") {
            return Err(options.unknown());
        }
        let lease = options.number(LEASES.0, LEASES.1)?;
        let announce =
            counts(ctx) && sessions(|s| s.hello(ctx.client_id(), proxy, lease, now_ms()));
        ctx.reply_simple(if announce { c"ANNOUNCE" } else { c"OK" });
        Ok(())
    }
}
