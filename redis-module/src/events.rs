//! What Redis tells of connections, keys and databases.

use crate::announce;
use crate::info;
use crate::redis::cluster;
use crate::redis::ctx::{Ctx, Flags, RStr};
use crate::state::{agenda, device_grace, role_begins, sessions, times};
use room_core::Came;
use room_core::announce::control;
use room_core::commands::outcome::{Announcement, Counter};
use room_core::room::Room;
use room_core::sessions::RoomName;
use room_core::slots::slot_of;

/// A connection ended.
pub(crate) fn client_gone(id: u64) {
    let now = times().mono;
    sessions(|sessions| sessions.client_gone(id, now, device_grace()));
}

/// A key of ours was deleted, expired, evicted, renamed or replaced. The room may live on under another key, where its
/// devices have yet to come.
pub(crate) fn key_gone(ctx: Ctx<'_>, flags: Flags, (db, name): (i32, RStr<'_>), room: &Room) {
    let now = times();
    room.set_came(Came {
        at: now.mono,
        arrived: true,
    });
    room.set_found(0);
    let key = RoomName {
        db,
        name: name.bytes(),
    };
    agenda(|agenda| agenda.forget(key));
    if !sessions(|sessions| sessions.remove_room(key)) {
        return;
    }
    let moved = flags.cluster() && is_leaving(key.name);
    let (word, counter) = match moved {
        true => (control::MOVED, Counter::Moved),
        false => (control::GONE, Counter::Gone),
    };
    info::count(counter, 1);
    let told = Announcement::of_no_room(word, now.wall);
    announce::tell_in(ctx, flags, (db, name), &told);
}

/// Whether the slot of a key is open for migration: then the key is not gone, but at its new owner.
fn is_leaving(name: &[u8]) -> bool {
    cluster::slots().is_some_and(|slots| slots.is_leaving(slot_of(name)))
}

/// A database (or all of them) was emptied or swapped: none of its rooms is what it was. A tick tells that.
pub(crate) fn flushed(db: Option<i32>) {
    sessions(|sessions| sessions.remove_db(db));
    agenda(|agenda| agenda.forget_all(db));
}

/// This node became a primary, or a replica: then its rooms follow another node, and so do the proxies. A HELLO after a
/// promotion asks for all sessions.
pub(crate) fn role_changed(replica: bool) {
    role_begins();
    agenda(|agenda| agenda.forget_all(None));
    if replica {
        sessions(|sessions| sessions.clear());
    }
}

/// The data was loaded.
pub(crate) fn loaded() {
    role_begins();
    agenda(|agenda| agenda.forget_all(None));
}
