//! Server events: connections, databases, roles, loading.

use super::timer::on_cron;
use crate::events;
use crate::graves;
use crate::info::{Held, held};
use crate::redis::api::rm;
use crate::redis::clock::mono_us;
use crate::redis::ctx::Ctx;
use crate::redis::guard::guard;
use redis_module::raw;
use std::ffi::c_void;

/// Subscribes to all of them.
pub(super) fn subscribe(ctx: Ctx<'_>) {
    let events: [(u64, raw::RedisModuleEventCallback); 6] = [
        (raw::REDISMODULE_EVENT_CLIENT_CHANGE, Some(on_client)),
        (raw::REDISMODULE_EVENT_FLUSHDB, Some(on_flush)),
        (raw::REDISMODULE_EVENT_SWAPDB, Some(on_swap)),
        (
            raw::REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED,
            Some(on_role),
        ),
        (raw::REDISMODULE_EVENT_LOADING, Some(on_loading)),
        (raw::REDISMODULE_EVENT_CRON_LOOP, Some(on_cron)),
    ];
    for (id, callback) in events {
        rm!(RedisModule_SubscribeToServerEvent(
            ctx.raw,
            raw::RedisModuleEvent { id, dataver: 1 },
            callback
        ));
    }
}

/// Runs what an event asks for, and notes for how long Redis waited.
fn timed(what: &str, body: impl FnOnce()) {
    let began = mono_us();
    guard(what, (), body);
    held(Held::Event, mono_us().saturating_sub(began));
}

/// SAFETY: registered with RM_SubscribeToServerEvent; `data` is what the event's documentation says.
unsafe extern "C" fn on_client(
    _: *mut raw::RedisModuleCtx,
    _: raw::RedisModuleEvent,
    sub: u64,
    data: *mut c_void,
) {
    if sub == raw::REDISMODULE_SUBEVENT_CLIENT_CHANGE_DISCONNECTED && !data.is_null() {
        // SAFETY: client events bring a RedisModuleClientInfoV1.
        let id = unsafe { (*data.cast::<raw::RedisModuleClientInfoV1>()).id };
        timed("disconnect", || events::client_gone(id));
    }
}

/// SAFETY: as `on_client`.
unsafe extern "C" fn on_flush(
    _: *mut raw::RedisModuleCtx,
    _: raw::RedisModuleEvent,
    sub: u64,
    data: *mut c_void,
) {
    if sub == raw::REDISMODULE_SUBEVENT_FLUSHDB_START {
        timed("flush", || graves::open(true));
    }
    if sub == raw::REDISMODULE_SUBEVENT_FLUSHDB_END && !data.is_null() {
        // SAFETY: flush events bring a RedisModuleFlushInfo.
        let db = unsafe { (*data.cast::<raw::RedisModuleFlushInfoV1>()).dbnum };
        timed("flush", || {
            graves::open(false);
            events::flushed((db >= 0).then_some(db));
        });
    }
}

/// SAFETY: as `on_client`.
unsafe extern "C" fn on_swap(
    _: *mut raw::RedisModuleCtx,
    _: raw::RedisModuleEvent,
    _: u64,
    data: *mut c_void,
) {
    if !data.is_null() {
        // SAFETY: swap events bring a RedisModuleSwapDbInfo.
        let swap = unsafe { &*data.cast::<raw::RedisModuleSwapDbInfoV1>() };
        timed("swapdb", || {
            for db in [swap.dbnum_first, swap.dbnum_second] {
                events::flushed(Some(db));
            }
        });
    }
}

/// SAFETY: as `on_client`.
unsafe extern "C" fn on_role(
    _: *mut raw::RedisModuleCtx,
    _: raw::RedisModuleEvent,
    sub: u64,
    _: *mut c_void,
) {
    let replica = sub == raw::REDISMODULE_EVENT_REPLROLECHANGED_NOW_REPLICA;
    timed("role change", || events::role_changed(replica));
}

/// SAFETY: as `on_client`.
unsafe extern "C" fn on_loading(
    _: *mut raw::RedisModuleCtx,
    _: raw::RedisModuleEvent,
    sub: u64,
    _: *mut c_void,
) {
    if sub == raw::REDISMODULE_SUBEVENT_LOADING_ENDED {
        timed("loading", events::loaded);
    }
}
