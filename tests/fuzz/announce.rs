//! Bytes on a room's channel: whoever may PUBLISH there sends what it likes.

use crate::frames;
use bytes::BytesMut;
use hub_core::ask::Row;
use hub_core::events;
use room_core::announce::{parse, write};

/// The target.
///
/// # Panics
/// If something is wrong.
pub fn run(data: &[u8]) {
    let Some((header, payload)) = parse(data) else {
        return;
    };
    let mut again = Vec::new();
    write(&mut again, &header, payload);
    assert_eq!(parse(&again), Some((header, payload)));
    let mut out = BytesMut::new();
    events::put_live(&mut out, "r", &header, payload);
    let row = Row {
        seq: header.seq,
        ms: header.ms,
        uid: header.uid.to_owned(),
        payload: payload.to_vec(),
    };
    let (total, num) = (header.members, header.online);
    events::put_stored(&mut out, "r", header.position(), &row, total, num);
    assert_eq!(frames::check(&out), 2);
}
