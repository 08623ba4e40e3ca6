//! A walk over the keys of a database that goes on at the next call.

use super::api::rm;
use super::ctx::{Ctx, RStr};
use super::guard::guard;
use super::key::Key;
use redis_module::raw;
use room_core::room::Room;
use std::ffi::c_void;

/// See the top of the file.
pub(crate) struct Scan(*mut raw::RedisModuleScanCursor);

impl Scan {
    pub(crate) fn new() -> Self {
        Self(rm!(RedisModule_ScanCursorCreate()))
    }

    /// Calls `each` with the rooms of the next few keys of the selected database; false at the end.
    pub(crate) fn step(&mut self, ctx: Ctx<'_>, each: &mut dyn FnMut(&[u8], &Room)) -> bool {
        let mut each = each;
        let data: *mut &mut dyn FnMut(&[u8], &Room) = &mut each;
        rm!(RedisModule_Scan(
            ctx.raw,
            self.0,
            Some(on_scanned),
            data.cast()
        )) != 0
    }

    pub(crate) fn restart(&mut self) {
        rm!(RedisModule_ScanCursorRestart(self.0));
    }
}

/// SAFETY: called by RM_Scan, within `Scan::step`, with the pointer that `step` gave.
unsafe extern "C" fn on_scanned(
    _: *mut raw::RedisModuleCtx,
    name: *mut raw::RedisModuleString,
    key: *mut raw::RedisModuleKey,
    data: *mut c_void,
) {
    guard("scan", (), || {
        // SAFETY: `data` is the closure that `step` holds on its stack while RM_Scan runs.
        let each = unsafe { &mut *data.cast::<&mut dyn FnMut(&[u8], &Room)>() };
        // The key is Redis' own to close.
        let key = std::mem::ManuallyDrop::new(Key::of(key));
        if let Some(room) = key.room() {
            each(RStr::new(name).bytes(), room);
        }
    });
}
