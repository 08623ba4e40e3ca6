//! Commands.

use crate::command::{Command, Failure};
use crate::info::{Held, held};
use crate::redis::clock::mono_us;
use crate::redis::ctx::{Args, Ctx};
use crate::redis::guard::guard;
use crate::spec::Spec;
use redis_module::raw;
use room_core::commands::reply::Sink;
use std::ffi::c_int;

/// The handler of a command, as Redis wants it.
pub(crate) fn handler<C: Command>() -> raw::RedisModuleCmdFunc {
    Some(on_command::<C>)
}

/// SAFETY: registered with RM_CreateCommand, so `ctx` is valid and `argv` has `argc` strings until it returns.
unsafe extern "C" fn on_command<C: Command>(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    // A clock costs as much as a tenth of a short command: only what may take long is timed.
    let began = may_take_long(&C::SPEC, argc).then(mono_us);
    let ctx = Ctx::new(ctx);
    // SAFETY: see above.
    let args = unsafe { std::slice::from_raw_parts(argv, usize::try_from(argc).unwrap_or(0)) };
    let done = guard(C::SPEC.name, Err(Failure::Internal), || {
        C::run(ctx, Args::new(args))
    });
    if let Err(failure) = done {
        ctx.reply().error(&failure.to_string());
    }
    if let Some(began) = began {
        held(Held::Command, mono_us().saturating_sub(began));
    }
    raw::REDISMODULE_OK as c_int
}

/// Arguments from which on a command counts as long.
const MANY_ARGUMENTS: c_int = 16;

/// Whether the command names many, or is none of those that Redis calls fast.
fn may_take_long(spec: &Spec, argc: c_int) -> bool {
    argc >= MANY_ARGUMENTS || !spec.flags.to_bytes().ends_with(b"fast")
}
