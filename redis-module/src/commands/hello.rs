//! `ROOM.HELLO`: a proxy names its connection and renews its lease.

use crate::command::{Command, Failure, Options};
use crate::config;
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use crate::state::{env_of, read_clock, sessions};
use room_core::commands as core;
use room_core::commands::reply::Answer;
use room_core::sessions as model;

/// Bounds of a lease, in milliseconds.
const LEASES: (u64, u64) = (100, 3_600_000);

pub(crate) struct Hello;

impl Command for Hello {
    const SPEC: Spec = Spec {
        name: "ROOM.HELLO",
        summary: c"Names this connection as a proxy's and renews its lease",
        complexity: c"O(1)",
        arity: -4,
        flags: c"fast",
        keys: Keys::None,
        args: &[
            ArgSpec::one(c"proxy", ArgKind::String),
            ArgSpec::one(c"ms", ArgKind::Integer).after(c"LEASE"),
            ArgSpec::option(c"id", c"ID", ArgKind::String),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let mut options = Options::new(args, 2);
        if options.next_word().as_deref() != Some(b"LEASE") {
            return Err(options.unknown());
        }
        let lease_ms = options.number(LEASES.0, LEASES.1)?;
        let id = match options.next_word().as_deref() {
            None => None,
            Some(b"ID") => Some(options.bytes()?),
            Some(_) => return Err(options.unknown()),
        };
        if options.next_word().is_some() {
            return Err(options.unknown());
        }
        let hello = model::Hello {
            client: ctx.client_id(),
            name: args.bytes(1)?,
            user: &ctx.user_name(),
            id,
            lease_ms,
        };
        let (clock, settings) = (read_clock(), config::settings());
        let env = env_of(ctx, ctx.flags(), &clock, &settings);
        let outcome = sessions(|sessions| core::hello(sessions, &hello, &env))?;
        outcome.reply.write(&mut ctx.reply());
        Ok(())
    }
}
