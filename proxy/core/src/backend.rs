//! What a backend is answered by the HTTP API in the words of clients' events.

use crate::ask::Back;
use crate::events;
use crate::history::{Page, page};
use bytes::Bytes;
use room_core::position::Position;

/// What pages hold at most.
pub const MOST: u64 = crate::history::MOST;

/// The event `history` as a JSON object: of the messages up to `until`, or up to the newest one. `None` if `until` is of
/// another history. `counts` are the room's members, and those of them who are online.
pub fn history(
    roomid: &str,
    back: &Back,
    until: Option<Position>,
    most: usize,
    counts: (u64, u64),
) -> Option<Bytes> {
    let until = until.unwrap_or(back.range.head);
    let page = page(back, until, most, |at, row, out| {
        events::put_stored_event(out, roomid, at, row, counts);
    })?;
    Some(events::history_object(roomid, &page))
}

/// The same where nothing can be: before the first message of all.
pub fn nothing(roomid: &str, until: Position) -> Bytes {
    events::history_object(roomid, &Page::nothing(until))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{Range, Row};
    use room_core::position::Tag;
    use serde_json::{Value, json};

    #[test]
    fn a_page_is_the_event_without_a_frame() {
        let before = Position::new(4, Tag(7));
        let row = Row {
            seq: 5,
            ms: 9,
            uid: "ann".into(),
            payload: br#"{"event":"message","message":"hi","seq":1}"#.to_vec(),
        };
        let head = before.next(row.ms, row.uid.as_bytes(), &row.payload);
        let back = Back {
            range: Range {
                head,
                before,
                rows: vec![row],
            },
            more: false,
            gone: 4,
        };
        let page = history("lobby", &back, None, 10_000, (3, 1)).unwrap();
        let page: Value = serde_json::from_slice(&page).unwrap();
        let message = json!({"event": "message", "message": "hi", "uid": "ann", "roomid": "lobby", "seq": 5,
            "position": head.to_string(), "ts": 9, "total": 3, "num": 1});
        let wanted = json!({"event": "history", "roomid": "lobby", "messages": [message],
            "after": before.to_string(), "more": false, "gone": 4});
        assert_eq!(page, wanted);
        let other = Position::new(5, Tag(1));
        assert_eq!(history("lobby", &back, Some(other), 10_000, (3, 1)), None);
    }
}
