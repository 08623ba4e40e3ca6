//! `ROOM.TOLD`: somebody told members of the mail that waits for them.

use crate::call::change;
use crate::command::{Command, Failure};
use crate::redis::ctx::{Args, Ctx};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use crate::state::agenda;
use room_core::commands as core;
use room_core::sessions::RoomName;

pub(crate) struct Told;

impl Command for Told {
    const SPEC: Spec = Spec {
        name: "ROOM.TOLD",
        summary: c"Says that some uids were told of what waits for them up to a position",
        complexity: c"O(N) for N uids",
        arity: -4,
        flags: c"write fast",
        keys: Keys::Update,
        args: &[
            ArgSpec::KEY,
            ArgSpec::one(c"position", ArgKind::String),
            ArgSpec::UIDS,
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let position = args.position(2)?;
        let uids = args.list(3);
        let (db, name) = (ctx.db(), args.bytes(1)?);
        let key = RoomName { db, name };
        change(ctx, args, |place, env| {
            agenda(|agenda| core::told(place, agenda.leases(key), position, &uids, env))
        })?;
        agenda(|agenda| uids.iter().for_each(|uid| agenda.told(key, uid)));
        Ok(())
    }
}
