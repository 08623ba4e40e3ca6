//! Reading and writing settings. They are text, not numbers, as Redis knows no units of time.
//!
//! Source: RM_RegisterStringConfig.

use crate::config::{self, SETTINGS, Setting};
use crate::redis::api::rm;
use crate::redis::ctx::{Ctx, RStr, cstring};
use crate::redis::guard::guard;
use redis_module::raw;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The text of each setting's value, for whoever asks.
static TEXTS: [AtomicPtr<raw::RedisModuleString>; SETTINGS.len()] =
    [const { AtomicPtr::new(null_mut()) }; SETTINGS.len()];

/// Registers setting number `at` with this default; false if Redis refuses.
pub(crate) fn register(ctx: Ctx<'_>, at: usize, setting: &Setting, default: u64) -> bool {
    let done = rm!(RedisModule_RegisterStringConfig(
        ctx.raw,
        setting.name.as_ptr(),
        cstring(&default.to_string()).as_ptr(),
        raw::REDISMODULE_CONFIG_DEFAULT as c_uint,
        Some(on_get),
        Some(on_set),
        None,
        at as *mut c_void,
    ));
    done == raw::REDISMODULE_OK as c_int
}

/// Gives the settings the values of `redis.conf`, or their defaults; false if one cannot take its value.
pub(crate) fn load(ctx: Ctx<'_>) -> bool {
    rm!(RedisModule_LoadConfigs(ctx.raw)) == raw::REDISMODULE_OK as c_int
}

/// SAFETY: registered with RM_RegisterStringConfig; `data` is the setting's number. Redis copies the string.
unsafe extern "C" fn on_get(_: *const c_char, data: *mut c_void) -> *mut raw::RedisModuleString {
    let text = TEXTS.get(data as usize);
    text.map_or(null_mut(), |text| text.load(Ordering::Relaxed))
}

/// SAFETY: as `on_get`; `value` lives until this returns, and `error` is where a string may be left that Redis frees.
unsafe extern "C" fn on_set(
    _: *const c_char,
    value: *mut raw::RedisModuleString,
    data: *mut c_void,
    error: *mut *mut raw::RedisModuleString,
) -> c_int {
    let at = data as usize;
    let parsed = guard("setting", Err("a defect".to_owned()), || {
        config::parse(at, RStr::new(value).bytes())
    });
    match parsed {
        Ok(number) => {
            config::set(at, number);
            remember(at, number);
            raw::REDISMODULE_OK as c_int
        }
        Err(why) => {
            let text = cstring(&why);
            let bytes = text.as_bytes();
            let string = rm!(RedisModule_CreateString(
                null_mut(),
                bytes.as_ptr().cast(),
                bytes.len()
            ));
            // SAFETY: Redis gives a place for the error.
            unsafe { *error = string };
            raw::REDISMODULE_ERR as c_int
        }
    }
}

/// Keeps the value as text: a plain number, whatever unit it was given in.
fn remember(at: usize, number: u64) {
    let text = rm!(RedisModule_CreateStringFromULongLong(null_mut(), number));
    if let Some(slot) = TEXTS.get(at) {
        let before = slot.swap(text, Ordering::Relaxed);
        if !before.is_null() {
            rm!(RedisModule_FreeString(null_mut(), before));
        }
    }
}
