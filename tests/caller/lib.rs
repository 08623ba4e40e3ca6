//! A Redis module that calls commands as other modules do, for the tests of access rules.
//!
//! `CALLER.CALL command argument …` calls the command by `RM_Call` and passes its reply on, an error included: no user
//! stands behind such a call. `CALLER.CALLC …` calls it on behalf of the user who asks (flag `C`): Redis checks command
//! and keys.
//!
//! Source: RM_Call, RM_ReplyWithCallReply and RM_CreateCommand of Redis' module API, all of Redis 7.0.

use redis_module::raw;
use std::ffi::{CStr, c_char, c_int};

/// A function of the module API, by its name in `raw`; to be used in `unsafe`: the pointers are written once, by
/// Export_RedisModule_Init before anything else runs.
macro_rules! rm {
    ($name:ident) => {
        raw::$name.expect("a function of Redis 7.0")
    };
}

const OK: c_int = raw::REDISMODULE_OK as c_int;
const FAILED: c_int = raw::REDISMODULE_ERR as c_int;

type Argv = *mut *mut raw::RedisModuleString;

/// Calls what its arguments say, with these flags of RM_Call.
fn call(ctx: *mut raw::RedisModuleCtx, argv: Argv, argc: c_int, flags: &CStr) -> c_int {
    if argc < 2 {
        // SAFETY: called by Redis for a command, with its context.
        return unsafe { rm!(RedisModule_WrongArity)(ctx) };
    }
    // SAFETY: Redis gives `argc` strings, at least two, valid until the command returns. The name ends with a zero, as
    // all strings of Redis do. The vector of a `v` are the arguments behind it and their number, a size_t.
    unsafe {
        let name = rm!(RedisModule_StringPtrLen)(*argv.add(1), std::ptr::null_mut());
        let rest = usize::try_from(argc - 2).unwrap_or(0);
        let reply = rm!(RedisModule_Call)(ctx, name, flags.as_ptr(), argv.add(2), rest);
        if reply.is_null() {
            let why = c"ERR RM_Call gave no reply";
            return rm!(RedisModule_ReplyWithError)(ctx, why.as_ptr());
        }
        rm!(RedisModule_ReplyWithCallReply)(ctx, reply);
        rm!(RedisModule_FreeCallReply)(reply);
    }
    OK
}

/// `E`: what Redis itself refuses is an error reply, not nothing. `v`: the arguments as a vector.
unsafe extern "C" fn plain(ctx: *mut raw::RedisModuleCtx, argv: Argv, argc: c_int) -> c_int {
    call(ctx, argv, argc, c"Ev")
}

unsafe extern "C" fn as_the_user(ctx: *mut raw::RedisModuleCtx, argv: Argv, argc: c_int) -> c_int {
    call(ctx, argv, argc, c"CEv")
}

/// Redis looks for this symbol.
///
/// # Safety
/// `ctx` is valid until this returns, as Redis promises.
#[unsafe(no_mangle)]
#[allow(unreachable_pub)] // Redis reaches it, by name.
pub unsafe extern "C" fn RedisModule_OnLoad(
    ctx: *mut raw::RedisModuleCtx,
    _argv: Argv,
    _argc: c_int,
) -> c_int {
    // SAFETY: the first call into the module, with Redis' own context.
    if unsafe { raw::Export_RedisModule_Init(ctx, c"caller".as_ptr(), 1, 1) } == FAILED {
        return FAILED;
    }
    let command = |name: &CStr, run: raw::RedisModuleCmdFunc| {
        let flags: *const c_char = c"write".as_ptr();
        // SAFETY: as above; Redis copies the texts.
        unsafe { rm!(RedisModule_CreateCommand)(ctx, name.as_ptr(), run, flags, 0, 0, 0) }
    };
    if command(c"caller.call", Some(plain)) == FAILED
        || command(c"caller.callc", Some(as_the_user)) == FAILED
    {
        return FAILED;
    }
    OK
}
