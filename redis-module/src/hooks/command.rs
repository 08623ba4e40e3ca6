//! Commands.

use crate::command::{Command, Failure};
use crate::info::{Held, held};
use crate::redis::clock::mono_us;
use crate::redis::ctx::{Args, Ctx};
use crate::redis::guard::guard;
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
    let began = mono_us();
    let ctx = Ctx::new(ctx);
    // SAFETY: see above.
    let args = unsafe { std::slice::from_raw_parts(argv, usize::try_from(argc).unwrap_or(0)) };
    let done = guard(C::SPEC.name, Err(Failure::Internal), || {
        C::run(ctx, Args::new(args))
    });
    if let Err(failure) = done {
        ctx.reply().error(&failure.to_string());
    }
    held(Held::Command, mono_us().saturating_sub(began));
    raw::REDISMODULE_OK as c_int
}
