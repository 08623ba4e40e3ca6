//! The only file with `unsafe`: what Redis calls, and what the module asks of Redis, as safe functions.
//!
//! Redis calls a module on its main thread only, with two exceptions: a room may be freed on a background thread, and
//! saved in a forked child. Both touch nothing but the room itself. Names `RM_…` in comments are those of Redis' module
//! API documentation.

use crate::command::{self, Command, Failure};
use crate::{config, data_type, events, info, register};
use redis_module::raw;
use room_core::room::Room;
use smallvec::SmallVec;
use std::ffi::{CStr, CString, c_char, c_int, c_longlong, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Calls a function of the module API.
macro_rules! rm {
    ($name:ident($($arg:expr),* $(,)?)) => {{
        // SAFETY: the function pointers are written once, by Export_RedisModule_Init before anything else runs, and only
        // read later. The arguments are made of pointers that Redis gave to the callback we are in; the wrapper types
        // below keep them from outliving it.
        #[allow(unused_unsafe)]
        unsafe {
            match redis_module::raw::$name {
                Some(function) => function($($arg),*),
                None => unreachable!(concat!(stringify!($name), " is checked for at load")),
            }
        }
    }};
}

/// Whether this Redis has a function (of a newer API than 6.0).
macro_rules! has {
    ($name:ident) => {{
        // SAFETY: as in `rm!`: written once before, only read now.
        let function = unsafe { redis_module::raw::$name };
        function.is_some()
    }};
}

// ---- a call ----

pub(crate) use {has, rm};

/// What Redis hands to every callback; valid until that returns.
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
    pub(crate) fn bytes(self) -> &'a [u8] {
        let mut len = 0;
        let data = rm!(RedisModule_StringPtrLen(self.raw, &mut len));
        // SAFETY: RM_StringPtrLen gives `len` bytes that live as long as the string, which lives for 'a.
        unsafe { slice(data, len) }
    }
}

/// SAFETY: `data` points to `len` bytes that live for 'a (or is null).
unsafe fn slice<'a>(data: *const c_char, len: usize) -> &'a [u8] {
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
    pub(crate) fn len(self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(self, at: usize) -> Option<RStr<'a>> {
        self.0.get(at).map(|&raw| RStr {
            raw,
            life: PhantomData,
        })
    }
}

/// One piece of a replicated command.
#[derive(Clone, Copy)]
pub(crate) enum Piece<'a> {
    /// An argument of the running command, handed on without a copy.
    Same(RStr<'a>),
    Bytes(&'a [u8]),
    Number(u64),
}

fn cstring(text: &str) -> CString {
    CString::new(text.replace(['\0', '\r', '\n'], " ")).unwrap_or_default()
}

impl<'a> Ctx<'a> {
    const fn new(raw: *mut raw::RedisModuleCtx) -> Self {
        Self {
            raw,
            life: PhantomData,
        }
    }

    pub(crate) fn reply_int(self, n: u64) {
        rm!(RedisModule_ReplyWithLongLong(
            self.raw,
            c_longlong::try_from(n).unwrap_or(c_longlong::MAX)
        ));
    }

    pub(crate) fn reply_bytes(self, bytes: &[u8]) {
        rm!(RedisModule_ReplyWithStringBuffer(
            self.raw,
            bytes.as_ptr().cast(),
            bytes.len()
        ));
    }

    pub(crate) fn reply_simple(self, text: &CStr) {
        rm!(RedisModule_ReplyWithSimpleString(self.raw, text.as_ptr()));
    }

    pub(crate) fn reply_error(self, text: &str) {
        rm!(RedisModule_ReplyWithError(self.raw, cstring(text).as_ptr()));
    }

    pub(crate) fn reply_null(self) {
        rm!(RedisModule_ReplyWithNull(self.raw));
    }

    pub(crate) fn reply_array(self, len: usize) {
        rm!(RedisModule_ReplyWithArray(self.raw, len as _));
    }

    /// An array whose length is known only at the end: see [`reply_array_len`](Self::reply_array_len).
    pub(crate) fn reply_open_array(self) {
        rm!(RedisModule_ReplyWithArray(
            self.raw,
            raw::REDISMODULE_POSTPONED_LEN as _
        ));
    }

    pub(crate) fn reply_array_len(self, len: usize) {
        rm!(RedisModule_ReplySetArrayLength(self.raw, len as _));
    }

    /// A map of `pairs` names and values; a flat array for RESP2.
    pub(crate) fn reply_map(self, pairs: usize) {
        if has!(RedisModule_ReplyWithMap) {
            rm!(RedisModule_ReplyWithMap(self.raw, pairs as _));
        } else {
            self.reply_array(2 * pairs);
        }
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

    /// Name and version of the server, as `INFO server` tells them.
    fn server_version(self) -> String {
        let reply = rm!(RedisModule_Call(
            self.raw,
            c"INFO".as_ptr(),
            c"c".as_ptr(),
            c"server".as_ptr()
        ));
        if reply.is_null() {
            return "a server of unknown version".to_owned();
        }
        let mut len = 0;
        let data = rm!(RedisModule_CallReplyStringPtr(reply, &mut len));
        // SAFETY: RM_CallReplyStringPtr gives `len` bytes (or null) that live until the reply is freed, below.
        let text = String::from_utf8_lossy(unsafe { slice(data, len) }).into_owned();
        rm!(RedisModule_FreeCallReply(reply));
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        match (field("valkey_version:"), field("redis_version:")) {
            (Some(version), _) => format!("Valkey {version}"),
            (None, Some(version)) => format!("Redis {version}"),
            (None, None) => "a server of unknown version".to_owned(),
        }
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

    fn create_string(self, bytes: &[u8]) -> *mut raw::RedisModuleString {
        rm!(RedisModule_CreateString(
            self.raw,
            bytes.as_ptr().cast(),
            bytes.len()
        ))
    }

    pub(crate) fn free_string(self, string: *mut raw::RedisModuleString) {
        rm!(RedisModule_FreeString(self.raw, string));
    }

    /// Replicates `name` with these arguments instead of the running command.
    pub(crate) fn replicate(self, name: &CStr, key: RStr<'_>, head: &[u8], rest: &[Piece<'_>]) {
        let mut made: SmallVec<[_; 4]> = SmallVec::new();
        let mut argv: SmallVec<[_; 8]> = SmallVec::new();
        for piece in rest {
            let string = match piece {
                Piece::Same(string) => {
                    argv.push(string.raw);
                    continue;
                }
                Piece::Bytes(bytes) => self.create_string(bytes),
                Piece::Number(n) => rm!(RedisModule_CreateStringFromULongLong(self.raw, *n)),
            };
            argv.push(string);
            made.push(string);
        }
        rm!(RedisModule_Replicate(
            self.raw,
            name.as_ptr(),
            c"sbv".as_ptr(),
            key.raw,
            head.as_ptr().cast::<c_char>(),
            head.len(),
            argv.as_mut_ptr(),
            argv.len()
        ));
        made.into_iter().for_each(|string| self.free_string(string));
    }

    pub(crate) fn replicate_verbatim(self) {
        rm!(RedisModule_ReplicateVerbatim(self.raw));
    }

    /// Publishes on the channel named `key`, once per subscriber and node: on a replica of a cluster the primary's
    /// message comes over the bus, and while loading everything was published in an earlier life.
    /// `flags` are the call's.
    pub(crate) fn publish(self, flags: Flags, key: RStr<'_>, frame: &[u8]) {
        if flags.loading() || (flags.cluster() && flags.replica()) {
            return;
        }
        let message = self.create_string(frame);
        if flags.cluster() && has!(RedisModule_PublishMessageShard) {
            rm!(RedisModule_PublishMessageShard(self.raw, key.raw, message));
        } else {
            rm!(RedisModule_PublishMessage(self.raw, key.raw, message));
        }
        self.free_string(message);
    }

    /// Tells whoever watches keyspace events (`K`/`E` with `d`).
    pub(crate) fn notify(self, event: &CStr, key: RStr<'_>) {
        rm!(RedisModule_NotifyKeyspaceEvent(
            self.raw,
            raw::REDISMODULE_NOTIFY_MODULE,
            event.as_ptr(),
            key.raw
        ));
    }

    /// Opens a key. `write` makes closing tell WATCH and client-side caches.
    pub(crate) fn open(self, name: RStr<'a>, write: bool) -> Key<'a> {
        let mode = if write {
            raw::REDISMODULE_READ | raw::REDISMODULE_WRITE
        } else {
            raw::REDISMODULE_READ
        };
        Key::of(rm!(RedisModule_OpenKey(self.raw, name.raw, mode as c_int)).cast())
    }

    /// Runs `with` on a string made of these bytes.
    pub(crate) fn with_name<T>(self, name: &[u8], with: impl FnOnce(RStr<'_>) -> T) -> T {
        let raw = self.create_string(name);
        let result = with(RStr {
            raw,
            life: PhantomData,
        });
        self.free_string(raw);
        result
    }

    /// Calls [`events::tick`] after this many milliseconds.
    pub(crate) fn start_timer(self, after_ms: i64) {
        rm!(RedisModule_CreateTimer(
            self.raw,
            after_ms,
            Some(on_timer),
            null_mut()
        ));
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

/// Unix time in milliseconds.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(rm!(RedisModule_Milliseconds())).unwrap_or(0)
}

pub(crate) fn random_u32() -> u32 {
    let mut bytes = [0u8; 4];
    rm!(RedisModule_GetRandomBytes(bytes.as_mut_ptr(), bytes.len()));
    u32::from_ne_bytes(bytes)
}

// ---- keys ----

/// An open key; closed when dropped.
pub(crate) struct Key<'a> {
    raw: *mut raw::RedisModuleKey,
    kind: Kind,
    /// The room, if the kind is that.
    room: *mut Room,
    life: PhantomData<&'a ()>,
}

/// What is under a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Empty,
    Room,
    Other,
}

/// The data type, once it is registered.
static TYPE: AtomicPtr<raw::RedisModuleType> = AtomicPtr::new(null_mut());

impl Key<'_> {
    /// `raw` may be null: a key that was opened to be read and is not there.
    fn of(raw: *mut raw::RedisModuleKey) -> Self {
        let (kind, room) = Self::look(raw);
        Self {
            raw,
            kind,
            room,
            life: PhantomData,
        }
    }

    fn look(raw: *mut raw::RedisModuleKey) -> (Kind, *mut Room) {
        if raw.is_null() || rm!(RedisModule_KeyType(raw)) == raw::REDISMODULE_KEYTYPE_EMPTY as c_int
        {
            return (Kind::Empty, null_mut());
        }
        let of_module = rm!(RedisModule_ModuleTypeGetType(raw));
        if of_module.is_null() || of_module != TYPE.load(Ordering::Relaxed) {
            return (Kind::Other, null_mut());
        }
        let value = rm!(RedisModule_ModuleTypeGetValue(raw)).cast();
        (Kind::Room, value)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn room(&self) -> Option<&Room> {
        // SAFETY: a value of our type is a `Box<Room>` that `set` or a type callback gave to Redis. It stays there while
        // the key is open and `self` is borrowed; only `room_mut`, `set` and `delete` change it, and those borrow `self`
        // mutably. A command opens each key once.
        unsafe { self.room.as_ref() }
    }

    pub(crate) fn room_mut(&mut self) -> Option<&mut Room> {
        // SAFETY: as in `room`; the mutable borrow of `self` makes it the only one.
        unsafe { self.room.as_mut() }
    }

    /// Puts a room under this (empty, writable) key.
    pub(crate) fn set(&mut self, room: Room) {
        let value = Box::into_raw(Box::new(room));
        rm!(RedisModule_ModuleTypeSetValue(
            self.raw,
            TYPE.load(Ordering::Relaxed),
            value.cast()
        ));
        data_type::count_rooms(1);
        (self.kind, self.room) = (Kind::Room, value);
    }

    pub(crate) fn delete(&mut self) {
        rm!(RedisModule_DeleteKey(self.raw));
        (self.kind, self.room) = (Kind::Empty, null_mut());
    }
}

impl Drop for Key<'_> {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            rm!(RedisModule_CloseKey(self.raw));
        }
    }
}

// ---- the scan ----

/// A walk over the keys of a database that goes on at the next call.
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
        let name = RStr {
            raw: name,
            life: PhantomData,
        };
        if let Some(room) = key.room() {
            each(name.bytes(), room);
        }
    });
}

// ---- callbacks ----

/// Runs `body`; a panic becomes `otherwise` and a line in the log instead of a dead server.
fn guard<T>(what: &str, otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        Ctx::new(null_mut()).log(
            c"warning",
            &format!("room: a defect in '{what}' was caught; please report it"),
        );
        otherwise
    })
}

/// SAFETY: registered with RM_CreateCommand, so `ctx` is valid and `argv` has `argc` strings until it returns.
unsafe extern "C" fn on_command<C: Command>(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    let ctx = Ctx::new(ctx);
    // SAFETY: see above.
    let args = unsafe { std::slice::from_raw_parts(argv, usize::try_from(argc).unwrap_or(0)) };
    let done = guard(C::SPEC.name, Err(Failure::Internal), || {
        C::run(ctx, Args(args))
    });
    if let Err(failure) = done {
        ctx.reply_error(&failure.to_string());
    }
    raw::REDISMODULE_OK as c_int
}

/// SAFETY: registered with RM_CreateTimer.
unsafe extern "C" fn on_timer(ctx: *mut raw::RedisModuleCtx, _: *mut c_void) {
    let ctx = Ctx::new(ctx);
    guard("timer", (), || events::tick(ctx));
    ctx.start_timer(events::TICK_MS);
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
        guard("disconnect", (), || events::client_gone(id));
    }
}

/// SAFETY: as `on_client`.
unsafe extern "C" fn on_flush(
    ctx: *mut raw::RedisModuleCtx,
    _: raw::RedisModuleEvent,
    sub: u64,
    data: *mut c_void,
) {
    if sub == raw::REDISMODULE_SUBEVENT_FLUSHDB_END && !data.is_null() {
        // SAFETY: flush events bring a RedisModuleFlushInfo.
        let db = unsafe { (*data.cast::<raw::RedisModuleFlushInfoV1>()).dbnum };
        guard("flush", (), || {
            events::flushed(Ctx::new(ctx), (db >= 0).then_some(db))
        });
    }
}

/// SAFETY: as `on_client`.
unsafe extern "C" fn on_swap(
    ctx: *mut raw::RedisModuleCtx,
    _: raw::RedisModuleEvent,
    _: u64,
    data: *mut c_void,
) {
    if !data.is_null() {
        // SAFETY: swap events bring a RedisModuleSwapDbInfo.
        let swap = unsafe { &*data.cast::<raw::RedisModuleSwapDbInfoV1>() };
        guard("swapdb", (), || {
            for db in [swap.dbnum_first, swap.dbnum_second] {
                events::flushed(Ctx::new(ctx), Some(db));
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
    guard("role change", (), || events::role_changed(replica));
}

/// SAFETY: registered with RM_RegisterInfoFunc.
unsafe extern "C" fn on_info(info: *mut raw::RedisModuleInfoCtx, _: c_int) {
    guard("info", (), || {
        for (section, fields) in info::sections() {
            // RM_InfoAddSection says no when the caller asked for other sections only.
            if rm!(RedisModule_InfoAddSection(info, cstring(section).as_ptr()))
                != raw::REDISMODULE_OK as c_int
            {
                continue;
            }
            for (name, value) in fields {
                rm!(RedisModule_InfoAddFieldULongLong(
                    info,
                    cstring(name).as_ptr(),
                    value
                ));
            }
        }
    });
}

/// SAFETY: registered with RM_RegisterNumericConfig; `data` is the setting's number.
unsafe extern "C" fn on_config_get(_: *const c_char, data: *mut c_void) -> c_longlong {
    config::get(data as usize)
}

/// SAFETY: as `on_config_get`; Redis has checked the bounds.
unsafe extern "C" fn on_config_set(
    _: *const c_char,
    value: c_longlong,
    data: *mut c_void,
    _: *mut *mut raw::RedisModuleString,
) -> c_int {
    config::set(data as usize, value);
    raw::REDISMODULE_OK as c_int
}

// ---- the data type ----

/// Reads and writes saved parts.
pub(crate) struct Io(*mut raw::RedisModuleIO);

impl Io {
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

fn into_value(room: Room) -> *mut c_void {
    data_type::count_rooms(1);
    Box::into_raw(Box::new(room)).cast()
}

/// SAFETY: `value` is a pointer that `into_value` or `Key::set` made, and nobody changes the room meanwhile.
unsafe fn as_room<'a>(value: *const c_void) -> &'a Room {
    // SAFETY: the caller's promise.
    unsafe { &*value.cast::<Room>() }
}

/// SAFETY of this and the next nine: they stand in RedisModuleTypeMethods, so Redis calls them with its own pointers and
/// values of our type.
unsafe extern "C" fn type_load(rdb: *mut raw::RedisModuleIO, version: c_int) -> *mut c_void {
    guard("rdb load", null_mut(), || {
        data_type::load(&mut Io(rdb), version).map_or(null_mut(), into_value)
    })
}

unsafe extern "C" fn type_save(rdb: *mut raw::RedisModuleIO, value: *mut c_void) {
    // SAFETY: see type_load. Not guarded: half a save is worse than none, and a child that dies is reported by Redis.
    data_type::save(&mut Io(rdb), unsafe { as_room(value) });
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
            command::APPLY.as_ptr(),
            c"scb".as_ptr(),
            key,
            c"load".as_ptr(),
            part.as_ptr().cast::<c_char>(),
            part.len(),
        ));
    });
}

unsafe extern "C" fn type_free(value: *mut c_void) {
    data_type::count_rooms(-1);
    // SAFETY: Redis gives the value back for good; it came from `Box::into_raw`.
    drop(unsafe { Box::from_raw(value.cast::<Room>()) });
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

unsafe extern "C" fn type_unlink(key: *mut raw::RedisModuleKeyOptCtx, _: *const c_void) {
    guard("unlink", (), || {
        // RM_GetKeyNameFromOptCtx gives a string that Redis owns, without const.
        let name = rm!(RedisModule_GetKeyNameFromOptCtx(key)).cast_mut();
        let db = rm!(RedisModule_GetDbIdFromOptCtx(key));
        // SAFETY of the null context: RM_PublishMessage, RM_CreateString and RM_GetContextFlags allow it (the string is
        // then freed by hand, as `publish` does).
        events::key_gone(
            Ctx::new(null_mut()),
            db,
            RStr {
                raw: name,
                life: PhantomData,
            },
        );
    });
}

unsafe extern "C" fn type_copy(
    _: *mut raw::RedisModuleKeyOptCtx,
    value: *const c_void,
) -> *mut c_void {
    guard("copy", null_mut(), || {
        // SAFETY: see type_load.
        into_value(unsafe { as_room(value) }.clone())
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

fn create_type(ctx: Ctx<'_>) -> bool {
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
    TYPE.store(made, Ordering::Relaxed);
    !made.is_null()
}

// ---- loading ----

/// The handler of a command, as Redis wants it.
pub(crate) fn handler<C: Command>() -> raw::RedisModuleCmdFunc {
    Some(on_command::<C>)
}

/// Reading and writing of a setting, as Redis wants it.
pub(crate) fn config_access() -> (
    raw::RedisModuleConfigGetNumericFunc,
    raw::RedisModuleConfigSetNumericFunc,
) {
    (Some(on_config_get), Some(on_config_set))
}

fn subscribe(ctx: Ctx<'_>) {
    let events: [(u64, raw::RedisModuleEventCallback); 4] = [
        (raw::REDISMODULE_EVENT_CLIENT_CHANGE, Some(on_client)),
        (raw::REDISMODULE_EVENT_FLUSHDB, Some(on_flush)),
        (raw::REDISMODULE_EVENT_SWAPDB, Some(on_swap)),
        (
            raw::REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED,
            Some(on_role),
        ),
    ];
    for (id, callback) in events {
        rm!(RedisModule_SubscribeToServerEvent(
            ctx.raw,
            raw::RedisModuleEvent { id, dataver: 1 },
            callback
        ));
    }
}

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
    const FAILED: c_int = raw::REDISMODULE_ERR as c_int;
    // SAFETY: the first call into the module, with Redis' own context. It fills in the function pointers that `rm!` uses;
    // nothing is allocated before it.
    let named =
        unsafe { raw::Export_RedisModule_Init(ctx, c"room".as_ptr(), register::MODULE_VERSION, 1) };
    if named == FAILED {
        return FAILED;
    }
    let ctx = Ctx::new(ctx);
    if !server_is_new_enough() {
        let server = guard("version", String::new(), || ctx.server_version());
        ctx.log(
            c"warning",
            &format!("room: not loaded: this is {server}; the module needs Redis 7.0.3 or newer, or Valkey 7.2 or newer"),
        );
        return FAILED;
    }
    let args = if argv.is_null() {
        &[][..]
    } else {
        // SAFETY: Redis gives `argc` strings (and a null pointer for none).
        unsafe { std::slice::from_raw_parts(argv, argc.max(0) as usize) }
    };
    let loaded = guard("load", Err("a defect".to_owned()), || {
        rm!(RedisModule_SetModuleOptions(
            ctx.raw,
            raw::REDISMODULE_OPTIONS_HANDLE_IO_ERRORS as c_int
        ));
        if !create_type(ctx) {
            return Err("the data type roomcast1 could not be registered".to_owned());
        }
        register::all(ctx, Args(args))?;
        rm!(RedisModule_RegisterInfoFunc(ctx.raw, Some(on_info)));
        subscribe(ctx);
        events::role_changed(false);
        ctx.start_timer(events::TICK_MS);
        Ok(())
    });
    match loaded {
        Ok(()) => raw::REDISMODULE_OK as c_int,
        Err(why) => {
            ctx.log(c"warning", &format!("room: not loaded: {why}"));
            FAILED
        }
    }
}
