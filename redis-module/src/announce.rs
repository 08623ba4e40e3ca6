//! The only place that publishes: frames of `room_core::announce` on the channel that is named as the key.

use crate::redis::ctx::{Ctx, Flags, RStr};
use room_core::announce::write;
use room_core::commands::outcome::Announcement;
use std::cell::RefCell;

thread_local! {
    /// Frames are written here; Redis copies them.
    static FRAME: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}
/// More is not kept for the next frame, in bytes.
const KEPT: usize = 64 * 1024;

/// Publishes it in the selected database; `flags` are the call's.
pub(crate) fn tell(ctx: Ctx<'_>, flags: Flags, key: RStr<'_>, told: &Announcement<'_>) {
    tell_in(ctx, flags, (ctx.db(), key), told);
}

/// The same for a room of this database.
pub(crate) fn tell_in(
    ctx: Ctx<'_>,
    flags: Flags,
    (db, key): (i32, RStr<'_>),
    told: &Announcement<'_>,
) {
    let mut frame = FRAME.take();
    frame.clear();
    write(&mut frame, &told.header(db), &told.payload);
    ctx.publish(flags, key, &frame);
    if frame.capacity() <= KEPT {
        FRAME.set(frame);
    }
}
