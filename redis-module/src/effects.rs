//! The only place that replicates: effects, as replicas and the AOF get them.

use crate::redis::ctx::{Args, Ctx, RStr};
use room_core::commands::effect::Effect;
use std::ffi::CStr;

/// The command that carries effects to replicas and into the AOF.
pub(crate) const APPLY: &CStr = c"ROOM._APPLY";

/// Sends an effect instead of the running command, whose arguments are `args`.
pub(crate) fn send(ctx: Ctx<'_>, key: RStr<'_>, args: Args<'_>, effect: &Effect<'_>) {
    ctx.replicate(APPLY, key, args, effect);
}
