//! Writing replies.

use super::api::rm;
use super::ctx::{Ctx, cstring};
use redis_module::raw;
use room_core::commands::reply::Sink;
use std::ffi::{CStr, c_longlong};

/// Where the reply to the running command is written.
pub(crate) struct Reply<'a>(Ctx<'a>);

impl<'a> Ctx<'a> {
    pub(crate) const fn reply(self) -> Reply<'a> {
        Reply(self)
    }
}

impl Sink for Reply<'_> {
    fn int(&mut self, n: u64) {
        rm!(RedisModule_ReplyWithLongLong(
            self.0.raw,
            c_longlong::try_from(n).unwrap_or(c_longlong::MAX)
        ));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        rm!(RedisModule_ReplyWithStringBuffer(
            self.0.raw,
            bytes.as_ptr().cast(),
            bytes.len()
        ));
    }

    fn status(&mut self, word: &'static CStr) {
        rm!(RedisModule_ReplyWithSimpleString(self.0.raw, word.as_ptr()));
    }

    fn error(&mut self, text: &str) {
        rm!(RedisModule_ReplyWithError(
            self.0.raw,
            cstring(text).as_ptr()
        ));
    }

    fn null(&mut self) {
        rm!(RedisModule_ReplyWithNull(self.0.raw));
    }

    fn array(&mut self, len: usize) {
        rm!(RedisModule_ReplyWithArray(self.0.raw, len as _));
    }

    fn begin_array(&mut self) {
        let open = raw::REDISMODULE_POSTPONED_LEN;
        rm!(RedisModule_ReplyWithArray(self.0.raw, open as _));
    }

    fn end_array(&mut self, len: usize) {
        rm!(RedisModule_ReplySetArrayLength(self.0.raw, len as _));
    }

    fn map(&mut self, pairs: usize) {
        rm!(RedisModule_ReplyWithMap(self.0.raw, pairs as _));
    }
}
