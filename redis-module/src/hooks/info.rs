//! `INFO room`.

use crate::info;
use crate::redis::api::rm;
use crate::redis::ctx::{Ctx, cstring};
use crate::redis::guard::guard;
use redis_module::raw;
use std::ffi::c_int;

/// Registers it.
pub(super) fn register(ctx: Ctx<'_>) {
    rm!(RedisModule_RegisterInfoFunc(ctx.raw, Some(on_info)));
}

/// SAFETY: registered with RM_RegisterInfoFunc.
unsafe extern "C" fn on_info(to: *mut raw::RedisModuleInfoCtx, _: c_int) {
    guard("info", (), || {
        for (section, fields) in info::sections() {
            // RM_InfoAddSection says no when the caller asked for other sections only.
            if rm!(RedisModule_InfoAddSection(to, cstring(section).as_ptr()))
                != raw::REDISMODULE_OK as c_int
            {
                continue;
            }
            for (name, value) in fields {
                rm!(RedisModule_InfoAddFieldULongLong(
                    to,
                    cstring(name).as_ptr(),
                    value
                ));
            }
        }
    });
}
