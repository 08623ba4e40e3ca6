//! The only place that publishes: frames of `room_core::announce` on the channel that is named as the key.

use crate::config;
use crate::ffi::{Ctx, Flags, RStr};
use room_core::announce::{Header, Kind, control, write};
use room_core::position::Position;
use room_core::sessions::Change;
use std::cell::RefCell;

/// The numbers that every frame carries.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) online: u64,
    pub(crate) members: u64,
}

/// Where and when something happened: the first words of its frame.
#[derive(Clone, Copy)]
pub(crate) struct At {
    pub(crate) position: Position,
    /// Unix time.
    pub(crate) ms: u64,
    pub(crate) counts: Counts,
}

thread_local! {
    /// Frames are written here; Redis copies them.
    static FRAME: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}
/// More is not kept for the next frame.
const KEPT: usize = 64 * 1024;

/// Publishes a frame; `flags` are the call's.
fn publish(
    ctx: Ctx<'_>,
    flags: Flags,
    key: RStr<'_>,
    kind: Kind,
    at: At,
    (uid, payload): (&[u8], &[u8]),
) {
    let header = Header {
        kind,
        seq: at.position.seq,
        tag: at.position.tag,
        ms: at.ms,
        online: at.counts.online,
        members: at.counts.members,
        uid: std::str::from_utf8(uid).unwrap_or("-"),
    };
    let mut frame = FRAME.take();
    frame.clear();
    write(&mut frame, &header, payload);
    ctx.publish(flags, key, &frame);
    if frame.capacity() <= KEPT {
        FRAME.set(frame);
    }
}

/// A stored message of `uid`.
pub(crate) fn message(
    ctx: Ctx<'_>,
    flags: Flags,
    key: RStr<'_>,
    at: At,
    uid: &[u8],
    payload: &[u8],
) {
    publish(ctx, flags, key, Kind::Message, at, (uid, payload));
}

/// An event of `uid` that is not stored; `at` is the room's head.
pub(crate) fn ephemeral(ctx: Ctx<'_>, key: RStr<'_>, at: At, uid: &[u8], payload: &[u8]) {
    let position = Position::new(0, at.position.tag);
    let at = At { position, ..at };
    publish(ctx, ctx.flags(), key, Kind::Ephemeral, at, (uid, payload));
}

/// Who came and who went; where more than `room.presence-names` are online, or changed, only the counters: the names of
/// n who join must not go to n others.
pub(crate) fn presence(ctx: Ctx<'_>, key: RStr<'_>, at: At, change: &Change) {
    let mut payload = Vec::new();
    let most = config::presence_names();
    if change.came.len() + change.went.len() <= most && at.counts.online <= most as u64 {
        for (sign, uids) in [(b'+', &change.came), (b'-', &change.went)] {
            for uid in uids {
                if !payload.is_empty() {
                    payload.push(b'\n');
                }
                payload.push(sign);
                payload.extend_from_slice(uid);
            }
        }
    }
    publish(ctx, ctx.flags(), key, Kind::Presence, at, (b"-", &payload));
}

/// A membership ended.
pub(crate) fn left(ctx: Ctx<'_>, key: RStr<'_>, at: At, uid: &[u8]) {
    let word = control::LEFT.as_bytes();
    publish(ctx, ctx.flags(), key, Kind::Control, at, (uid, word));
}

/// Sessions were ended from outside.
pub(crate) fn kicked(ctx: Ctx<'_>, key: RStr<'_>, at: At, uid: &[u8], reason: &[u8]) {
    let mut payload = control::KICKED.as_bytes().to_vec();
    if !reason.is_empty() {
        payload.push(b' ');
        payload.extend_from_slice(reason);
    }
    publish(ctx, ctx.flags(), key, Kind::Control, at, (uid, &payload));
}

/// The key is gone or is another room now.
pub(crate) fn gone(ctx: Ctx<'_>, key: RStr<'_>, ms: u64) {
    let at = At {
        position: Position::default(),
        ms,
        counts: Counts {
            online: 0,
            members: 0,
        },
    };
    let word = control::GONE.as_bytes();
    publish(ctx, ctx.flags(), key, Kind::Control, at, (b"-", word));
}
