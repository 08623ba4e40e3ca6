//! The work of encoding follows an event's bytes, not its fields.

use crate::allocator::counted;
use bytes::BytesMut;
use hub_core::ask::Row;
use hub_core::events::put_stored;
use room_core::position::{Position, Tag};
/// Blocks and bytes that encoding a payload allocates, and the length of what comes out.
fn cost(payload: &str) -> (u64, u64, usize) {
    let row = Row {
        seq: 7,
        ms: 9,
        uid: "alice".into(),
        payload: payload.into(),
    };
    let at = Position::new(7, Tag(1));
    let before = counted();
    let mut out = BytesMut::new();
    put_stored(&mut out, "lobby", at, &row, 3, 2);
    let after = counted();
    (
        after.blocks - before.blocks,
        after.bytes - before.bytes,
        out.len(),
    )
}

#[test]
fn seven_thousand_fields_cost_what_one_string_does() {
    let fields: String = (0..7000).map(|i| format!(r#","field{i}":{i}"#)).collect();
    let fields = format!(r#"{{"event":"message"{fields}}}"#);
    let string = "x".repeat(fields.len() - r#"{"event":"message","x":""}"#.len());
    let string = format!(r#"{{"event":"message","x":"{string}"}}"#);
    assert_eq!(fields.len(), string.len());
    let ((blocks, bytes, len), one) = (cost(&fields), cost(&string));
    assert_eq!(len, one.2, "both come out whole");
    assert!(one.0 >= 1 && one.1 >= len as u64, "the counting works");
    assert!(blocks <= 2 * one.0, "{blocks} blocks against {}", one.0);
    assert!(bytes <= 2 * one.1, "{bytes} bytes against {}", one.1);

    // The worst for a list of what is kept: every other field is the server's.
    let torn: String = (0..3500).map(|i| format!(r#","seq":1,"f{i}":1"#)).collect();
    let torn = format!(r#"{{"event":"message"{torn}}}"#);
    let (blocks, bytes, _) = cost(&torn);
    assert!(blocks <= 20, "{blocks} blocks");
    assert!(bytes <= 8 * torn.len() as u64, "{bytes} bytes");
}
