//! How far the walk over all rooms is, and what it found. Pure: what servers answer comes in, what is to be asked goes out.

use super::top::Top;
use hub_core::ask::Generation;
use serde_json::{Value, json};

/// Rows of each list.
const ROWS: usize = 100;
/// A room's key may be this long, in bytes; longer ones are passed over, so that the lists stay small.
const LONGEST: usize = 1024;
/// Who is behind in a room with more members than this is not looked at: `ROOM.LAG` looks at each of them.
pub(super) const MOST_MEMBERS: u64 = 10_000;

/// A server whose keys are walked over.
#[derive(Debug)]
struct Server {
    pair: Generation,
    cursor: String,
    is_done: bool,
}

/// See the top of the file.
#[derive(Debug)]
pub(super) struct Walk {
    servers: Vec<Server>,
    turn: usize,
    /// Keys of all servers when it began, and those that were looked at.
    keys: u64,
    seen: u64,
    rooms: u64,
    messages: u64,
    /// Rooms that are too large to look who is behind.
    large: u64,
    /// Servers that went away, and rooms that gave no answer.
    failed: u64,
    by_lag: Top<Value>,
    by_backlog: Top<Value>,
}

/// What to ask next: a server for more keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) pair: Generation,
    pub(super) cursor: String,
    at: usize,
}

/// A room as it was found.
pub(super) struct Found<'a> {
    pub(super) roomid: &'a str,
    /// What `ROOM.INFO` says.
    pub(super) info: &'a Value,
    /// What `ROOM.LAG` says, if it was asked.
    pub(super) lag: Option<&'a Value>,
}

impl Walk {
    /// One over the keys of these servers, of which there are so many.
    pub(super) fn new(pairs: &[Generation], keys: u64) -> Self {
        let server = |pair: &Generation| Server {
            pair: *pair,
            cursor: "0".to_owned(),
            is_done: false,
        };
        Self {
            servers: pairs.iter().map(server).collect(),
            turn: 0,
            keys,
            seen: 0,
            rooms: 0,
            messages: 0,
            large: 0,
            failed: 0,
            by_lag: Top::new(ROWS),
            by_backlog: Top::new(ROWS),
        }
    }

    /// Whom to ask; the servers take turns. `None`: it is at its end.
    pub(super) fn next(&mut self) -> Option<Next> {
        let many = self.servers.len();
        for _ in 0..many {
            self.turn = (self.turn + 1) % many;
            let at = self.turn;
            if let Some(server) = self.servers.get(at).filter(|server| !server.is_done) {
                return Some(Next {
                    pair: server.pair,
                    cursor: server.cursor.clone(),
                    at,
                });
            }
        }
        None
    }

    /// What `SCAN` answered: the names of rooms among the keys, and how many keys there were.
    pub(super) fn keys(&mut self, asked: &Next, reply: &Value, prefix: &str) -> (Vec<String>, u64) {
        let cursor = reply.get(0).and_then(Value::as_str);
        let keys = reply.get(1).and_then(Value::as_array);
        let (Some(cursor), Some(keys)) = (cursor, keys) else {
            self.failed(asked);
            return (Vec::new(), 0);
        };
        if let Some(server) = self.servers.get_mut(asked.at) {
            server.is_done = cursor == "0";
            cursor.clone_into(&mut server.cursor);
        }
        let many = keys.len() as u64;
        self.seen += many;
        let names = keys.iter().filter_map(|key| {
            let key = key.as_str().filter(|key| key.len() <= LONGEST)?;
            Some(key.strip_prefix(prefix)?.to_owned())
        });
        (names.collect(), many)
    }

    /// A server went away or refused: its other keys are not seen.
    pub(super) fn failed(&mut self, asked: &Next) {
        self.failed += 1;
        if let Some(server) = self.servers.get_mut(asked.at) {
            server.is_done = true;
        }
    }

    /// A room gave no answer.
    pub(super) const fn missed(&mut self) {
        self.failed += 1;
    }

    /// A room was looked at.
    pub(super) fn found(&mut self, found: &Found<'_>) {
        let number = |name: &str| found.info.get(name).and_then(Value::as_u64).unwrap_or(0);
        self.rooms += 1;
        let messages = number("messages");
        self.messages = self.messages.saturating_add(messages);
        let rows = found.lag.and_then(Value::as_array);
        let rows = rows.map_or(&[][..], Vec::as_slice);
        let of = |row: &Value, at: usize| row.get(at).cloned().unwrap_or_default();
        let pending = |row: &Value| row.get(2).and_then(Value::as_u64).unwrap_or(0);
        let is_large = found.lag.is_none() && number("members") > MOST_MEMBERS;
        self.large += u64::from(is_large);
        // Nobody can be further behind than what is stored, about: that bounds a room whose members are too many to look at.
        let lag = match is_large {
            true => messages,
            false => rows.iter().map(pending).max().unwrap_or(0),
        };
        if lag > 0 && self.by_lag.wants(lag) {
            let row = json!({
                "room": found.roomid, "lag": lag, "at_most": is_large, "members": number("members"),
                "online": number("online"), "messages": messages, "bytes": number("bytes"), "oldest_ms": number("oldest-ms"),
            });
            let is_it = |known: &Value| known["room"] == row["room"];
            // SCAN may name a key twice.
            if !self.by_lag.rows().any(is_it) {
                self.by_lag.add(lag, row);
            }
        }
        for row in rows {
            let pending = pending(row);
            if pending > 0 && self.by_backlog.wants(pending) {
                let shown = json!({
                    "room": found.roomid, "uid": of(row, 0), "pending": pending, "sessions": of(row, 3), "acted_ms": of(row, 4),
                });
                let is_it =
                    |known: &Value| known["room"] == shown["room"] && known["uid"] == shown["uid"];
                if !self.by_backlog.rows().any(is_it) {
                    self.by_backlog.add(pending, shown);
                }
            }
        }
    }

    /// What there is to show.
    pub(super) fn shown(&self) -> Value {
        json!({
            "keys": self.keys, "seen": self.seen, "rooms": self.rooms, "messages": self.messages,
            "large": self.large, "failed": self.failed,
            "by_lag": self.by_lag.rows().collect::<Vec<_>>(),
            "by_backlog": self.by_backlog.rows().collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk() -> Walk {
        Walk::new(&[7, 9], 5)
    }

    #[test]
    fn servers_take_turns_until_each_is_at_its_end() {
        let mut walk = walk();
        let mut asked = Vec::new();
        while let Some(next) = walk.next() {
            asked.push((next.pair, next.cursor.clone()));
            let reply = match (next.pair, next.cursor.as_str()) {
                (7, "0") => json!(["12", ["room:a", "other", "room:\u{fffd}"]]),
                (7, _) => json!(["0", []]),
                _ => json!(["0", ["room:b"]]),
            };
            let (names, many) = walk.keys(&next, &reply, "room:");
            assert_eq!(many as usize, reply[1].as_array().unwrap().len());
            assert!(!names.contains(&"other".to_owned()));
        }
        asked.sort();
        assert_eq!(asked, [(7, "0".into()), (7, "12".into()), (9, "0".into())]);
        let shown = walk.shown();
        assert_eq!((&shown["seen"], &shown["keys"]), (&json!(4), &json!(5)));
    }

    #[test]
    fn one_that_fails_ends_and_is_told() {
        let mut walk = walk();
        let next = walk.next().unwrap();
        walk.failed(&next);
        let other = walk.next().unwrap();
        assert_ne!(other.pair, next.pair);
        assert_eq!(walk.keys(&other, &json!("nonsense"), "room:").0.len(), 0);
        assert_eq!(walk.next(), None);
        assert_eq!(walk.shown()["failed"], 2);
    }

    #[test]
    fn the_first_of_many_rooms_and_members_are_kept() {
        let mut walk = walk();
        for room in 0..1000u64 {
            let info =
                json!({"members": 3, "online": 1, "messages": room, "bytes": 10, "oldest-ms": 1});
            let lag = json!([
                ["ann", 0, room, 0, 5],
                ["bob", 0, room / 2, 1, 6],
                ["cleo", 9, 0, 0, 7]
            ]);
            let roomid = format!("r{room}");
            walk.found(&Found {
                roomid: &roomid,
                info: &info,
                lag: Some(&lag),
            });
        }
        let shown = walk.shown();
        assert_eq!(shown["rooms"], 1000);
        for list in ["by_lag", "by_backlog"] {
            let rows = shown[list].as_array().unwrap();
            assert_eq!(
                (rows.len(), &rows[0]["room"]),
                (ROWS, &json!("r999")),
                "{list}"
            );
        }
        assert_eq!(shown["by_backlog"][0]["uid"], "ann");
        let info = json!({"members": MOST_MEMBERS + 1, "messages": 5000});
        walk.found(&Found {
            roomid: "huge",
            info: &info,
            lag: None,
        });
        let row = &walk.shown()["by_lag"][0];
        assert_eq!(
            (&row["room"], &row["lag"], &row["at_most"]),
            (&json!("huge"), &json!(5000), &json!(true))
        );
    }

    #[test]
    fn a_key_that_is_named_twice_is_one_row() {
        let mut walk = walk();
        let info = json!({"members": 1, "messages": 9});
        let lag = json!([["ann", 0, 9, 0, 5]]);
        for _ in 0..2 {
            walk.found(&Found {
                roomid: "r",
                info: &info,
                lag: Some(&lag),
            });
        }
        let shown = walk.shown();
        for list in ["by_lag", "by_backlog"] {
            assert_eq!(shown[list].as_array().map(Vec::len), Some(1), "{list}");
        }
    }

    #[test]
    fn names_that_are_long_take_no_place() {
        let mut walk = walk();
        let next = walk.next().unwrap();
        let long = format!("room:{}", "x".repeat(LONGEST));
        let (names, many) = walk.keys(&next, &json!(["0", [long, "room:a"]]), "room:");
        assert_eq!((names, many), (vec!["a".to_owned()], 2));
    }
}
