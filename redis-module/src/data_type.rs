//! The data type `roomcast1` in RDB files and AOF rewrites.

use crate::redis::saved::Saved;
use room_core::room::Room;
use room_core::snapshot::{self, Loader};
use std::ffi::CStr;

/// Nine characters, as RM_CreateDataType wants.
pub(crate) const NAME: &CStr = c"roomcast1";
/// Of the frame around the parts; the parts carry a version of their own.
pub(crate) const ENCODING_VERSION: i32 = 1;

/// Each part with a 1 before it, then a 0.
pub(crate) fn save(to: &mut Saved, room: &Room) {
    snapshot::save(room, |part| {
        to.save_number(1);
        to.save_bytes(part);
    });
    to.save_number(0);
}

/// `None` refuses the input; Redis then reports bad data.
pub(crate) fn load(from: &mut Saved, version: i32) -> Option<Box<Room>> {
    if version != ENCODING_VERSION {
        from.log("room: saved by a newer module, which this one cannot read");
        return None;
    }
    let mut loader = Loader::default();
    while from.load_number()? == 1 {
        let fed = from.load_bytes(|part| loader.feed(part))?;
        if let Err(error) = fed {
            from.log(&format!("room: {error}"));
            return None;
        }
    }
    match loader.finish() {
        Ok(room) => Some(Box::new(room)),
        Err(error) => {
            from.log(&format!("room: {error}"));
            None
        }
    }
}

/// One effect a part, which together make the room again.
pub(crate) fn rewrite(room: &Room, part: impl FnMut(&[u8])) {
    snapshot::save(room, part);
}
