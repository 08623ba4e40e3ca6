//! A room's announcements and rows as WebSocket frames.

use crate::catchup::Row;
use crate::{frame, wire};
use bytes::BytesMut;
use room_core::announce::{Header, Kind};
use room_core::position::Position;
use serde_json::json;

/// A stored message of the log; `counts` are online and members, as of now.
pub(super) fn stored(
    roomid: &str,
    position: Position,
    row: &Row,
    counts: (u64, u64),
    out: &mut BytesMut,
) {
    let header = Header {
        kind: Kind::Message,
        db: 0,
        seq: position.seq,
        tag: position.tag,
        ms: row.ms,
        online: counts.0,
        members: counts.1,
        uid: &row.uid,
    };
    frame::put_text(
        out,
        wire::delivery(roomid, &header, &row.payload, Some(position)).as_bytes(),
    );
}

/// A live message, or an event that is not stored.
pub(super) fn live(roomid: &str, header: &Header<'_>, payload: &[u8], out: &mut BytesMut) {
    let stored = (header.kind == Kind::Message).then(|| header.position());
    frame::put_text(
        out,
        wire::delivery(roomid, header, payload, stored).as_bytes(),
    );
}

/// Somebody came or went: `event` is `login` or `logout`.
pub(super) fn presence(
    event: &str,
    roomid: &str,
    uid: &str,
    header: &Header<'_>,
    out: &mut BytesMut,
) {
    let object = json!({
        "event": event, "uid": uid, "roomid": roomid,
        "ts": header.ms, "total": header.members, "num": header.online,
    });
    frame::put_text(out, object.to_string().as_bytes());
}

/// Only the counters.
pub(super) fn counters(roomid: &str, header: &Header<'_>, out: &mut BytesMut) {
    let object = json!({
        "event": "presence", "roomid": roomid,
        "ts": header.ms, "total": header.members, "num": header.online,
    });
    frame::put_text(out, object.to_string().as_bytes());
}
