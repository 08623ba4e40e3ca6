//! The only place that publishes: frames of `room_core::announce` on the channel that is named as the key.

use crate::config;
use crate::ffi::{Ctx, RStr};
use room_core::announce::{Header, Kind, control, write};
use room_core::position::Position;
use room_core::sessions::Change;

/// The numbers that every frame carries.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) online: u64,
    pub(crate) members: u64,
}

fn frame(
    kind: Kind,
    position: Position,
    ms: u64,
    counts: Counts,
    uid: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let header = Header {
        kind,
        seq: position.seq,
        tag: position.tag,
        ms,
        online: counts.online,
        members: counts.members,
        uid: std::str::from_utf8(uid).unwrap_or("-"),
    };
    let mut out = Vec::new();
    write(&mut out, &header, payload);
    out
}

/// A stored message.
pub(crate) fn message(
    ctx: Ctx<'_>,
    key: RStr<'_>,
    at: Position,
    ms: u64,
    counts: Counts,
    uid: &[u8],
    payload: &[u8],
) {
    ctx.publish(key, &frame(Kind::Message, at, ms, counts, uid, payload));
}

/// An event that is not stored.
pub(crate) fn ephemeral(
    ctx: Ctx<'_>,
    key: RStr<'_>,
    head: Position,
    ms: u64,
    counts: Counts,
    uid: &[u8],
    payload: &[u8],
) {
    let at = Position::new(0, head.tag);
    ctx.publish(key, &frame(Kind::Ephemeral, at, ms, counts, uid, payload));
}

/// Who came and who went; where more than `room.presence-names` are online, or changed, only the counters: the names of
/// n who join must not go to n others.
pub(crate) fn presence(
    ctx: Ctx<'_>,
    key: RStr<'_>,
    head: Position,
    ms: u64,
    counts: Counts,
    change: &Change,
) {
    let mut payload = Vec::new();
    let most = config::presence_names();
    if change.came.len() + change.went.len() <= most && counts.online <= most as u64 {
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
    ctx.publish(
        key,
        &frame(Kind::Presence, head, ms, counts, b"-", &payload),
    );
}

/// A membership ended.
pub(crate) fn left(
    ctx: Ctx<'_>,
    key: RStr<'_>,
    head: Position,
    ms: u64,
    counts: Counts,
    uid: &[u8],
) {
    ctx.publish(
        key,
        &frame(
            Kind::Control,
            head,
            ms,
            counts,
            uid,
            control::LEFT.as_bytes(),
        ),
    );
}

/// Sessions were ended from outside.
pub(crate) fn kicked(
    ctx: Ctx<'_>,
    key: RStr<'_>,
    head: Position,
    ms: u64,
    counts: Counts,
    uid: &[u8],
    reason: &[u8],
) {
    let mut payload = control::KICKED.as_bytes().to_vec();
    if !reason.is_empty() {
        payload.push(b' ');
        payload.extend_from_slice(reason);
    }
    ctx.publish(key, &frame(Kind::Control, head, ms, counts, uid, &payload));
}

/// The key is gone or is another room now.
pub(crate) fn gone(ctx: Ctx<'_>, key: RStr<'_>, ms: u64) {
    let counts = Counts {
        online: 0,
        members: 0,
    };
    ctx.publish(
        key,
        &frame(
            Kind::Control,
            Position::default(),
            ms,
            counts,
            b"-",
            control::GONE.as_bytes(),
        ),
    );
}
