//! The data type `roomcast1` in RDB files and AOF rewrites.

use crate::ffi::Io;
use room_core::room::Room;
use room_core::snapshot::{self, Loader};
use std::ffi::CStr;
use std::sync::atomic::{AtomicI64, Ordering};

/// Nine characters, as RM_CreateDataType wants.
pub(crate) const NAME: &CStr = c"roomcast1";
/// Of the frame around the parts; the parts carry a version of their own.
pub(crate) const ENCODING_VERSION: i32 = 1;

/// Rooms in this server's memory.
static ROOMS: AtomicI64 = AtomicI64::new(0);

pub(crate) fn count_rooms(more: i64) {
    ROOMS.fetch_add(more, Ordering::Relaxed);
}

pub(crate) fn rooms() -> u64 {
    u64::try_from(ROOMS.load(Ordering::Relaxed)).unwrap_or(0)
}

/// Each part with a 1 before it, then a 0.
pub(crate) fn save(io: &mut Io, room: &Room) {
    snapshot::save(room, |part| {
        io.save_number(1);
        io.save_bytes(part);
    });
    io.save_number(0);
}

/// `None` refuses the input; Redis then reports bad data.
pub(crate) fn load(io: &mut Io, version: i32) -> Option<Room> {
    if version != ENCODING_VERSION {
        io.log("room: saved by a newer module, which this one cannot read");
        return None;
    }
    let mut loader = Loader::default();
    while io.load_number()? == 1 {
        let fed = io.load_bytes(|part| loader.feed(part))?;
        if let Err(error) = fed {
            io.log(&format!("room: {error}"));
            return None;
        }
    }
    match loader.finish() {
        Ok(room) => Some(room),
        Err(error) => {
            io.log(&format!("room: {error}"));
            None
        }
    }
}

/// One effect a part, which together make the room again.
pub(crate) fn rewrite(room: &Room, part: impl FnMut(&[u8])) {
    snapshot::save(room, part);
}
