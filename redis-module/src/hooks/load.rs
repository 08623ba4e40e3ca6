//! The module's entry.

use super::{data_type, info, server, timer};
use crate::redis::api::{has, rm};
use crate::redis::cluster;
use crate::redis::ctx::{Args, Ctx};
use crate::redis::guard::guard;
use crate::register;
use crate::state::role_begins;
use redis_module::raw;
use std::ffi::c_int;

const FAILED: c_int = raw::REDISMODULE_ERR as c_int;

/// Valkey's option for modules whose keys may move with their slot in one go (its own number; Redis uses it for nothing).
const ATOMIC_SLOT_MIGRATION: c_int = 1 << 5;

/// Whether the server has the newest functions that are called without asking first: those of Redis 7.0.3.
fn server_is_new_enough() -> bool {
    has!(RedisModule_CreateStringFromULongLong)
        && has!(RedisModule_GetDbIdFromOptCtx)
        && has!(RedisModule_RegisterStringConfig)
        && has!(RedisModule_SetCommandInfo)
        && has!(RedisModule_MonotonicMicroseconds)
        && has!(RedisModule_ACLCheckChannelPermissions)
        && has!(RedisModule_ReplyWithMap)
}

/// Called by Redis when it loads the module.
///
/// # Safety
/// `ctx` is valid and `argv` has `argc` strings until this returns, as Redis promises.
#[unsafe(no_mangle)]
#[allow(unreachable_pub)] // Redis reaches it, by name.
pub unsafe extern "C" fn RedisModule_OnLoad(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    // SAFETY: the first call into the module, with Redis' own context. It fills in the function pointers that `rm!` uses;
    // nothing is allocated before it.
    let named =
        unsafe { raw::Export_RedisModule_Init(ctx, c"room".as_ptr(), register::MODULE_VERSION, 1) };
    if named == FAILED {
        return FAILED;
    }
    let ctx = Ctx::new(ctx);
    let args = if argv.is_null() {
        &[][..]
    } else {
        // SAFETY: Redis gives `argc` strings (and a null pointer for none).
        unsafe { std::slice::from_raw_parts(argv, argc.max(0) as usize) }
    };
    match guard("load", Err("a defect".to_owned()), || {
        load(ctx, Args::new(args))
    }) {
        Ok(()) => raw::REDISMODULE_OK as c_int,
        Err(why) => {
            ctx.log(c"warning", &format!("room: not loaded: {why}"));
            FAILED
        }
    }
}

fn load(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), String> {
    if !server_is_new_enough() {
        let server = ctx.server_version();
        return Err(format!(
            "this is {server}; the module needs Redis 7.0.3 or newer, or Valkey 7.2 or newer"
        ));
    }
    rm!(RedisModule_SetModuleOptions(ctx.raw, options(ctx)));
    if !data_type::create(ctx) {
        return Err("the data type roomcast1 could not be registered".to_owned());
    }
    register::all(ctx, args)?;
    info::register(ctx);
    server::subscribe(ctx);
    cluster::make_own_context(ctx);
    role_begins();
    timer::begin(ctx);
    Ok(())
}

/// Damaged files are reported instead of ending the server; only what changed a room tells WATCH; and a slot may move in
/// one go, where the server asks for that to be said.
fn options(ctx: Ctx<'_>) -> c_int {
    let always = raw::REDISMODULE_OPTIONS_HANDLE_IO_ERRORS
        | raw::REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED;
    let known = match has!(RedisModule_GetModuleOptionsAll) {
        true => rm!(RedisModule_GetModuleOptionsAll()),
        false => 0,
    };
    let is_valkey = ctx.server_version().starts_with("Valkey");
    let atomic = if is_valkey {
        known & ATOMIC_SLOT_MIGRATION
    } else {
        0
    };
    always as c_int | atomic
}
