//! Who waits, as `ROOM.WAITING` says it, and the id of a telling.

use room_core::position::Position;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A member for whom mail waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The room's key.
    pub(super) key: String,
    /// Its name.
    pub(super) roomid: String,
    pub(super) uid: String,
    /// What the uid was told of before.
    told: u64,
    /// The newest message.
    pub(super) head: Position,
    /// How many wait.
    pending: u64,
    /// Since when: Unix time in milliseconds.
    since: u64,
    /// The last message that it has acknowledged.
    pub(super) cursor: u64,
    /// The same whenever this telling is tried, and only then.
    pub(super) id: String,
}

impl Row {
    /// Of a row of the reply; `None` if it is none, or of a room that has another prefix.
    pub(super) fn of(row: &Value, key_prefix: &str) -> Option<Self> {
        let text = |at: usize| row.get(at).and_then(Value::as_str);
        let number = |at: usize| row.get(at).and_then(Value::as_u64);
        let (key, uid) = (text(0)?, text(1)?);
        Some(Self {
            key: key.to_owned(),
            roomid: key.strip_prefix(key_prefix)?.to_owned(),
            uid: uid.to_owned(),
            told: number(2)?,
            head: text(3)?.parse().ok()?,
            pending: number(4)?,
            since: number(5)?,
            cursor: number(6)?,
            // A telling that Redis has forgotten again is another one once its uid has acknowledged something; so is that of a
            // copy of the room.
            id: id(
                "wait",
                [
                    key,
                    uid,
                    text(7)?,
                    &number(2)?.to_string(),
                    &number(6)?.to_string(),
                ],
            ),
        })
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "roomid": self.roomid,
            "uid": self.uid,
            "pending": self.pending,
            "head": self.head.to_string(),
            "told": self.told,
            "since": self.since,
        })
    }
}

/// The id of a post: of what it tells.
pub(super) fn id_of(rows: &[Row]) -> String {
    match rows {
        [one] => one.id.clone(),
        many => id("batch", many.iter().map(|row| row.id.as_str())),
    }
}

/// What it says: no message's text, which is none of the receiver's business.
pub(super) fn body_of(rows: &[Row]) -> String {
    let waiting: Vec<Value> = rows.iter().map(Row::json).collect();
    json!({"type": "mail.waiting", "data": {"waiting": waiting}}).to_string()
}

/// A hash of these: 128 bits of it, which nobody finds twice.
fn id<'a>(kind: &str, of: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in of {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let hash = hash.finalize();
    let hex = hash.iter().take(16).map(|byte| format!("{byte:02x}"));
    format!("{kind}_{}", hex.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(uid: &str, telling: &str) -> Row {
        let row = json!(["room:lobby", uid, 0, "3-0000002a", 2, 1700, 1, telling]);
        Row::of(&row, "room:").unwrap()
    }

    #[test]
    fn ids_are_those_of_tellings() {
        let (one, again) = (row("bob", "9f3c01aa-0-0"), row("bob", "9f3c01aa-0-0"));
        assert_eq!(one, again);
        let others = [row("bob", "9f3c01aa-0-1"), row("bo", "b9f3c01aa-0-0")];
        assert!(others.iter().all(|other| other.id != one.id));
        assert_eq!(one.id.len(), "wait_".len() + 32);
        assert_eq!(id_of(std::slice::from_ref(&one)), one.id);
        let both = [one.clone(), others[0].clone()];
        assert!(id_of(&both).starts_with("batch_"));
        assert_eq!(id_of(&both), id_of(&both));
    }

    #[test]
    fn a_post_tells_who_waits_for_how_much() {
        let body: Value = serde_json::from_str(&body_of(&[row("bob", "9f3c01aa-0-0")])).unwrap();
        assert_eq!(body["type"], "mail.waiting");
        let told = &body["data"]["waiting"][0];
        assert_eq!(
            (&told["roomid"], &told["uid"]),
            (&json!("lobby"), &json!("bob"))
        );
        assert_eq!(
            (&told["pending"], &told["since"]),
            (&json!(2), &json!(1700))
        );
    }

    #[test]
    fn what_is_no_row_of_ours_is_none() {
        for row in [
            json!(["other:lobby", "bob", 0, "3-0000002a", 2, 1700, 1, "x"]),
            json!(["room:lobby", "bob", 0, "3", 2, 1700, 1, "x"]),
            json!(["room:lobby", "bob"]),
            json!(null),
        ] {
            assert_eq!(Row::of(&row, "room:"), None, "{row}");
        }
    }
}
