//! This node's sessions. Redis runs commands and events on one thread, so they live in that thread.

use crate::ffi::{Ctx, RStr};
use room_core::sessions::{RoomKey, RoomName, Sessions};
use std::cell::RefCell;

thread_local! {
    static SESSIONS: RefCell<Sessions> = RefCell::new(Sessions::default());
}

/// Runs `with` on the sessions. It must not call Redis: that could end in a callback that wants them too.
pub(crate) fn sessions<T>(with: impl FnOnce(&mut Sessions) -> T) -> T {
    SESSIONS.with_borrow_mut(with)
}

/// The key of the running command.
pub(crate) fn room_key(ctx: Ctx<'_>, name: &[u8]) -> RoomKey {
    RoomKey::new(ctx.db(), name)
}

/// Uids online in the room of the running command.
pub(crate) fn online(ctx: Ctx<'_>, name: RStr<'_>) -> u64 {
    let key = RoomName {
        db: ctx.db(),
        name: name.bytes(),
    };
    sessions(|sessions| sessions.online(&key))
}

/// Whether the running command may begin or end sessions: it comes from a connection whose end will be told.
pub(crate) fn counts(ctx: Ctx<'_>) -> bool {
    let flags = ctx.flags();
    !(flags.script() || flags.replica() || flags.loading() || flags.replicated())
}
