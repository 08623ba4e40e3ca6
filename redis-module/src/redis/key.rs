//! Rooms under keys.

use super::api::rm;
use super::ctx::{Ctx, RStr};
use redis_module::raw;
use room_core::room::Room;
use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

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

/// What a key is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// The data type, once it is registered.
static TYPE: AtomicPtr<raw::RedisModuleType> = AtomicPtr::new(null_mut());
/// Rooms in this server's memory.
static ROOMS: AtomicI64 = AtomicI64::new(0);

/// The data type was registered.
pub(crate) fn set_type(data_type: *mut raw::RedisModuleType) {
    TYPE.store(data_type, Ordering::Relaxed);
}

/// Rooms in this server's memory.
pub(crate) fn rooms() -> u64 {
    u64::try_from(ROOMS.load(Ordering::Relaxed)).unwrap_or(0)
}

/// Gives a room to Redis as a value; [`from_value`] takes it back.
pub(crate) fn into_value(room: Box<Room>) -> *mut Room {
    ROOMS.fetch_add(1, Ordering::Relaxed);
    Box::into_raw(room)
}

/// Takes a value back.
///
/// # Safety
/// `value` came from [`into_value`], and Redis has given it up for good.
pub(crate) unsafe fn from_value(value: *mut Room) -> Box<Room> {
    ROOMS.fetch_sub(1, Ordering::Relaxed);
    // SAFETY: the caller's promise.
    unsafe { Box::from_raw(value) }
}

impl<'a> Ctx<'a> {
    /// Opens a key. Opening tells nobody that the key changed: see [`Ctx::signal_changed`].
    pub(crate) fn open(self, name: RStr<'a>, access: Access) -> Key<'a> {
        let mode = match access {
            Access::Write => raw::REDISMODULE_READ | raw::REDISMODULE_WRITE,
            Access::Read => raw::REDISMODULE_READ,
        };
        Key::of(rm!(RedisModule_OpenKey(self.raw, name.raw, mode as c_int)).cast())
    }
}

impl Key<'_> {
    /// `raw` may be null: a key that was opened to be read and is not there.
    pub(super) fn of(raw: *mut raw::RedisModuleKey) -> Self {
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
        // SAFETY: a value of our type is a `Box<Room>` that `into_value` gave to Redis. It stays there while the key is
        // open and `self` is borrowed; only `room_mut`, `set` and `unlink` change it, and those borrow `self` mutably. A
        // command opens each key once.
        unsafe { self.room.as_ref() }
    }

    pub(crate) fn room_mut(&mut self) -> Option<&mut Room> {
        // SAFETY: as in `room`; the mutable borrow of `self` makes it the only one.
        unsafe { self.room.as_mut() }
    }

    /// Puts a room under this (empty, writable) key.
    pub(crate) fn set(&mut self, room: Box<Room>) {
        let value = into_value(room);
        rm!(RedisModule_ModuleTypeSetValue(
            self.raw,
            TYPE.load(Ordering::Relaxed),
            value.cast()
        ));
        (self.kind, self.room) = (Kind::Room, value);
    }

    /// Removes the key; a large room is freed in the background.
    pub(crate) fn unlink(&mut self) {
        rm!(RedisModule_UnlinkKey(self.raw));
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
