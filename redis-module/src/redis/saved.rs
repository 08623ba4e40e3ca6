//! Reading and writing saved parts: RDB files, DUMP, RESTORE.

use super::api::rm;
use super::ctx::{cstring, slice};
use redis_module::raw;

/// See the top of the file.
pub(crate) struct Saved(*mut raw::RedisModuleIO);

impl Saved {
    /// `io` is what Redis gave to the callback that runs.
    pub(crate) const fn new(io: *mut raw::RedisModuleIO) -> Self {
        Self(io)
    }

    /// `None` when the input ends or is damaged.
    pub(crate) fn load_number(&mut self) -> Option<u64> {
        let n = rm!(RedisModule_LoadUnsigned(self.0));
        self.sound().then_some(n)
    }

    pub(crate) fn load_bytes<T>(&mut self, with: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let mut len = 0;
        let data = rm!(RedisModule_LoadStringBuffer(self.0, &mut len));
        if data.is_null() || !self.sound() {
            return None;
        }
        // SAFETY: RM_LoadStringBuffer gave `len` bytes that are ours until we free them.
        let result = with(unsafe { slice(data, len) });
        rm!(RedisModule_Free(data.cast()));
        Some(result)
    }

    fn sound(&self) -> bool {
        rm!(RedisModule_IsIOError(self.0)) == 0
    }

    pub(crate) fn save_number(&mut self, n: u64) {
        rm!(RedisModule_SaveUnsigned(self.0, n));
    }

    pub(crate) fn save_bytes(&mut self, bytes: &[u8]) {
        rm!(RedisModule_SaveStringBuffer(
            self.0,
            bytes.as_ptr().cast(),
            bytes.len()
        ));
    }

    pub(crate) fn log(&self, text: &str) {
        rm!(RedisModule_LogIOError(
            self.0,
            c"warning".as_ptr(),
            c"%s".as_ptr(),
            cstring(text).as_ptr()
        ));
    }
}
