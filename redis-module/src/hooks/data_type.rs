//! The data type: saving, loading, freeing, copying rooms.

use crate::data_type;
use crate::effects::APPLY;
use crate::events;
use crate::graves;
use crate::info::{Held, held};
use crate::redis::api::rm;
use crate::redis::clock::mono_us;
use crate::redis::ctx::{Ctx, RStr};
use crate::redis::guard::guard;
use crate::redis::key::{from_value, into_value, set_type};
use crate::redis::saved::Saved;
use crate::state::times;
use redis_module::raw;
use room_core::Came;
use room_core::room::Room;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;

/// Registers it; false if Redis refuses.
pub(super) fn create(ctx: Ctx<'_>) -> bool {
    let mut methods = raw::RedisModuleTypeMethods {
        version: u64::from(raw::REDISMODULE_TYPE_METHOD_VERSION),
        rdb_load: Some(type_load),
        rdb_save: Some(type_save),
        aof_rewrite: Some(type_rewrite),
        free: Some(type_free),
        digest: Some(type_digest),
        mem_usage2: Some(type_memory),
        free_effort2: Some(type_effort),
        unlink2: Some(type_unlink),
        copy2: Some(type_copy),
        mem_usage: None,
        aux_load: None,
        aux_save: None,
        aux_save_triggers: 0,
        free_effort: None,
        unlink: None,
        copy: None,
        defrag: None,
        aux_save2: None,
    };
    let made = rm!(RedisModule_CreateDataType(
        ctx.raw,
        data_type::NAME.as_ptr(),
        data_type::ENCODING_VERSION,
        &mut methods
    ));
    set_type(made);
    !made.is_null()
}

/// SAFETY: `value` is a pointer that `into_value` made, and nobody changes the room meanwhile.
unsafe fn as_room<'a>(value: *const c_void) -> &'a Room {
    // SAFETY: the caller's promise.
    unsafe { &*value.cast::<Room>() }
}

/// Gives Redis a room that came here from elsewhere.
fn arrived(room: Box<Room>) -> *mut c_void {
    room.set_came(Came {
        at: times().mono,
        arrived: true,
    });
    into_value(room).cast()
}

/// SAFETY of this and the next nine: they stand in RedisModuleTypeMethods, so Redis calls them with its own pointers and
/// values of our type.
unsafe extern "C" fn type_load(rdb: *mut raw::RedisModuleIO, version: c_int) -> *mut c_void {
    guard("rdb load", null_mut(), || {
        data_type::load(&mut Saved::new(rdb), version).map_or(null_mut(), arrived)
    })
}

unsafe extern "C" fn type_save(rdb: *mut raw::RedisModuleIO, value: *mut c_void) {
    // SAFETY: see type_load. Not guarded: half a save is worse than none, and a child that dies is reported by Redis.
    data_type::save(&mut Saved::new(rdb), unsafe { as_room(value) });
}

unsafe extern "C" fn type_rewrite(
    aof: *mut raw::RedisModuleIO,
    key: *mut raw::RedisModuleString,
    value: *mut c_void,
) {
    // SAFETY: see type_load.
    let room = unsafe { as_room(value) };
    data_type::rewrite(room, |part| {
        rm!(RedisModule_EmitAOF(
            aof,
            APPLY.as_ptr(),
            c"scb".as_ptr(),
            key,
            c"load".as_ptr(),
            part.as_ptr().cast::<c_char>(),
            part.len(),
        ));
    });
}

unsafe extern "C" fn type_free(value: *mut c_void) {
    // SAFETY: Redis gives the value back for good; it came from `into_value`.
    let room = unsafe { from_value(value.cast()) };
    graves::bury(room);
}

unsafe extern "C" fn type_memory(
    _: *mut raw::RedisModuleKeyOptCtx,
    value: *const c_void,
    _: usize,
) -> usize {
    // SAFETY: see type_load.
    guard("memory usage", 0, || unsafe { as_room(value) }.heap_bytes())
}

unsafe extern "C" fn type_effort(_: *mut raw::RedisModuleKeyOptCtx, value: *const c_void) -> usize {
    // SAFETY: see type_load.
    guard("free effort", 1, || unsafe { as_room(value) }.heap_blocks())
}

unsafe extern "C" fn type_unlink(key: *mut raw::RedisModuleKeyOptCtx, value: *const c_void) {
    let began = mono_us();
    guard("unlink", (), || {
        // RM_GetKeyNameFromOptCtx gives a string that Redis owns, without const.
        let name = RStr::new(rm!(RedisModule_GetKeyNameFromOptCtx(key)).cast_mut());
        let db = rm!(RedisModule_GetDbIdFromOptCtx(key));
        let ctx = Ctx::none();
        // SAFETY: see type_load.
        let room = unsafe { as_room(value) };
        events::key_gone(ctx, ctx.flags(), (db, name), room);
    });
    held(Held::Event, mono_us().saturating_sub(began));
}

unsafe extern "C" fn type_copy(
    _: *mut raw::RedisModuleKeyOptCtx,
    value: *const c_void,
) -> *mut c_void {
    guard("copy", null_mut(), || {
        // SAFETY: see type_load.
        arrived(Box::new(unsafe { as_room(value) }.clone()))
    })
}

unsafe extern "C" fn type_digest(digest: *mut raw::RedisModuleDigest, value: *mut c_void) {
    // SAFETY: see type_load.
    let room = unsafe { as_room(value) };
    guard("digest", (), || {
        room_core::snapshot::save(room, |part| {
            rm!(RedisModule_DigestAddStringBuffer(
                digest,
                part.as_ptr().cast(),
                part.len()
            ));
            rm!(RedisModule_DigestEndSequence(digest));
        });
    });
}
