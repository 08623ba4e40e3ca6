//! What Redis hands to every callback: a context, arguments, flags.

use super::api::{has, rm};
use redis_module::raw;
use std::ffi::{CStr, CString, c_char, c_int};
use std::marker::PhantomData;
use std::ptr::null_mut;

/// A context; valid until the callback returns.
#[derive(Clone, Copy)]
pub(crate) struct Ctx<'a> {
    pub(crate) raw: *mut raw::RedisModuleCtx,
    life: PhantomData<&'a ()>,
}

/// A string of Redis', borrowed for as long as the callback runs.
#[derive(Clone, Copy)]
pub(crate) struct RStr<'a> {
    pub(crate) raw: *mut raw::RedisModuleString,
    life: PhantomData<&'a ()>,
}

impl<'a> RStr<'a> {
    /// `raw` is a string of Redis' that lives for 'a.
    pub(crate) const fn new(raw: *mut raw::RedisModuleString) -> Self {
        Self {
            raw,
            life: PhantomData,
        }
    }

    pub(crate) fn bytes(self) -> &'a [u8] {
        let mut len = 0;
        let data = rm!(RedisModule_StringPtrLen(self.raw, &mut len));
        // SAFETY: RM_StringPtrLen gives `len` bytes that live as long as the string, which lives for 'a.
        unsafe { slice(data, len) }
    }
}

/// SAFETY: `data` points to `len` bytes that live for 'a (or is null).
pub(super) unsafe fn slice<'a>(data: *const c_char, len: usize) -> &'a [u8] {
    if data.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(data.cast(), len) }
}

/// A command's arguments; number 0 is its name.
#[derive(Clone, Copy)]
pub(crate) struct Args<'a>(&'a [*mut raw::RedisModuleString]);

impl<'a> Args<'a> {
    /// `strings` are strings of Redis' that live for 'a.
    pub(crate) const fn new(strings: &'a [*mut raw::RedisModuleString]) -> Self {
        Self(strings)
    }

    pub(crate) fn len(self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(self, at: usize) -> Option<RStr<'a>> {
        self.0.get(at).map(|&raw| RStr::new(raw))
    }
}

/// Text for a function that wants a C string; what such a string cannot hold becomes a blank.
pub(crate) fn cstring(text: &str) -> CString {
    CString::new(text.replace(['\0', '\r', '\n'], " ")).unwrap_or_default()
}

impl Ctx<'_> {
    /// `raw` is valid until the callback returns. Null is allowed for what says so in Redis' documentation: logging,
    /// strings that are freed by hand, flags, publishing.
    pub(crate) const fn new(raw: *mut raw::RedisModuleCtx) -> Self {
        Self {
            raw,
            life: PhantomData,
        }
    }

    /// Without a caller.
    pub(crate) const fn none() -> Self {
        Self::new(null_mut())
    }

    /// Writes to the server's log. The text is never used as a format.
    pub(crate) fn log(self, level: &CStr, text: &str) {
        rm!(RedisModule_Log(
            self.raw,
            level.as_ptr(),
            c"%s".as_ptr(),
            cstring(text).as_ptr()
        ));
    }

    pub(crate) fn client_id(self) -> u64 {
        rm!(RedisModule_GetClientId(self.raw))
    }

    pub(crate) fn db(self) -> i32 {
        rm!(RedisModule_GetSelectedDb(self.raw))
    }

    /// False if there is no such database.
    pub(crate) fn select(self, db: i32) -> bool {
        rm!(RedisModule_SelectDb(self.raw, db)) == raw::REDISMODULE_OK as c_int
    }

    pub(crate) fn flags(self) -> Flags {
        Flags(rm!(RedisModule_GetContextFlags(self.raw)) as u32)
    }

    /// Whether nothing may be replicated now.
    pub(crate) fn writes_are_paused(self) -> bool {
        has!(RedisModule_AvoidReplicaTraffic) && rm!(RedisModule_AvoidReplicaTraffic()) != 0
    }

    pub(super) fn create_string(self, bytes: &[u8]) -> *mut raw::RedisModuleString {
        rm!(RedisModule_CreateString(
            self.raw,
            bytes.as_ptr().cast(),
            bytes.len()
        ))
    }

    pub(super) fn free_string(self, string: *mut raw::RedisModuleString) {
        rm!(RedisModule_FreeString(self.raw, string));
    }

    /// Runs `with` on a string made of these bytes.
    pub(crate) fn with_name<T>(self, name: &[u8], with: impl FnOnce(RStr<'_>) -> T) -> T {
        let raw = self.create_string(name);
        let result = with(RStr::new(raw));
        self.free_string(raw);
        result
    }

    /// The text that a command without keys answers; `None` where it fails.
    pub(super) fn ask(self, command: &CStr, word: &CStr) -> Option<String> {
        let reply = rm!(RedisModule_Call(
            self.raw,
            command.as_ptr(),
            c"c".as_ptr(),
            word.as_ptr()
        ));
        if reply.is_null() {
            return None;
        }
        let mut len = 0;
        let data = rm!(RedisModule_CallReplyStringPtr(reply, &mut len));
        // SAFETY: RM_CallReplyStringPtr gives `len` bytes (or null) that live until the reply is freed, below.
        let text = String::from_utf8_lossy(unsafe { slice(data, len) }).into_owned();
        rm!(RedisModule_FreeCallReply(reply));
        Some(text)
    }

    /// Name and version of the server, as `INFO server` tells them.
    pub(crate) fn server_version(self) -> String {
        let text = self.ask(c"INFO", c"server").unwrap_or_default();
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        match (field("valkey_version:"), field("redis_version:")) {
            (Some(version), _) => format!("Valkey {version}"),
            (None, Some(version)) => format!("Redis {version}"),
            (None, None) => "a server of unknown version".to_owned(),
        }
    }
}

/// The server's and the caller's state.
#[derive(Clone, Copy)]
pub(crate) struct Flags(u32);

impl Flags {
    const fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
    pub(crate) const fn loading(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_LOADING)
    }
    pub(crate) const fn replica(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_SLAVE)
    }
    pub(crate) const fn cluster(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_CLUSTER)
    }
    /// The command came over the replication link.
    pub(crate) const fn replicated(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_REPLICATED)
    }
    pub(crate) const fn script(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_LUA)
    }
    /// `maxmemory` is reached.
    pub(crate) const fn oom(self) -> bool {
        self.has(raw::REDISMODULE_CTX_FLAGS_OOM)
    }
}
