//! The `ROOM.*` commands as functions: arguments in, replies as types.

use super::{Fault, Redis, is_unknown_command};
use crate::catchup::Row;
use redis::{Cmd, Value, cmd};
use room_core::position::{Position, Seq};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tracing::info;

/// `ROOM.HELLO`; `id` tells this process from another one of the same name.
pub(super) fn hello(proxy: &str, lease: Duration, id: Option<&str>) -> Cmd {
    let mut command = cmd("ROOM.HELLO");
    command
        .arg(proxy)
        .arg("LEASE")
        .arg(lease.as_millis() as u64);
    if let Some(id) = id {
        command.arg("ID").arg(id);
    }
    command
}

/// What `ROOM.PUBLISH` answers.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) seq: Seq,
    /// It was stored before.
    pub(crate) duplicate: bool,
    /// `None`: the module is of an age that does not tell. `Some(None)`: there is none, as it was freed.
    pub(crate) position: Option<Option<Position>>,
}

/// What `ROOM.JOIN` answers.
#[derive(Debug, Clone)]
pub(crate) struct Joined {
    pub(crate) position: Position,
    pub(crate) head: Position,
    pub(crate) pending: u64,
    pub(crate) lost: Option<Lost>,
    pub(crate) resumed: bool,
    /// The position that was given is of another history.
    pub(crate) reset: bool,
    pub(crate) new: bool,
    pub(crate) members: u64,
    pub(crate) online: u64,
    /// How often the uid was kicked.
    pub(crate) kicks: u64,
}

/// What `ROOM.ATTACH` answers.
#[derive(Debug)]
pub(crate) struct Attached {
    /// Those who are no members.
    pub(crate) gone: Vec<String>,
    /// How often those were kicked who ever were.
    pub(crate) kicks: Vec<(String, u64)>,
}

/// Messages that are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) from: Seq,
    pub(crate) to: Seq,
    pub(crate) reason: String,
}

/// What `ROOM.RANGE` answers.
#[derive(Debug)]
pub(crate) struct Range {
    pub(crate) head: Position,
    pub(crate) before: Position,
    pub(crate) rows: Vec<Row>,
}

/// A row of `ROOM.MEMBERS`.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) uid: String,
    pub(crate) pending: u64,
    pub(crate) online: bool,
}

impl Redis {
    pub(crate) async fn join(
        &self,
        key: &str,
        uid: &str,
        since: Option<Position>,
        history: u64,
    ) -> Result<Joined, Fault> {
        let mut command = cmd("ROOM.JOIN");
        command.arg(key).arg(uid);
        if let Some(since) = since {
            command.arg("SINCE").arg(since.to_string());
        }
        if history > 0 {
            command.arg("HISTORY").arg(history);
        }
        let reply = Pairs::of(self.call(&command).await?);
        let joined = || {
            Some(Joined {
                position: reply.position("position")?,
                head: reply.position("head")?,
                pending: reply.number("pending")?,
                lost: reply.get("lost").and_then(lost),
                resumed: reply.number("resumed")? == 1,
                reset: reply.number("reset")? == 1,
                new: reply.number("new")? == 1,
                members: reply.number("members")?,
                online: reply.number("online")?,
                kicks: reply.number("kicks")?,
            })
        };
        joined().ok_or_else(unreadable)
    }

    pub(crate) async fn attach(&self, key: &str, uids: &[String]) -> Result<Attached, Fault> {
        let reply = Pairs::of(self.call(cmd("ROOM.ATTACH").arg(key).arg(uids)).await?);
        let attached = || {
            let gone = list(reply.get("gone")?)?.iter().map(text);
            let kicks = list(reply.get("kicks")?)?.iter().map(kicks);
            Some(Attached {
                gone: gone.collect::<Option<_>>()?,
                kicks: kicks.collect::<Option<_>>()?,
            })
        };
        attached().ok_or_else(unreadable)
    }

    pub(crate) async fn detach(&self, key: &str, uids: &[String]) -> Result<(), Fault> {
        self.call(cmd("ROOM.DETACH").arg(key).arg(uids))
            .await
            .map(drop)
    }

    pub(crate) async fn leave(&self, key: &str, uid: &str) -> Result<(), Fault> {
        self.call(cmd("ROOM.LEAVE").arg(key).arg(uid))
            .await
            .map(drop)
    }

    pub(crate) async fn ack(
        &self,
        key: &str,
        position: Position,
        uids: &[String],
    ) -> Result<(), Fault> {
        self.call(cmd("ROOM.ACK").arg(key).arg(position.to_string()).arg(uids))
            .await
            .map(drop)
    }

    /// Devices of these uids went without a logout, and had confirmed everything up to `position`.
    pub(crate) async fn away(
        &self,
        key: &str,
        position: Position,
        uids: &[String],
    ) -> Result<(), Fault> {
        if self.lacks_away.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut command = cmd("ROOM.AWAY");
        command.arg(key).arg(position.to_string()).arg(uids);
        match self.call(&command).await {
            Err(fault) if is_unknown_command(&fault) => {
                if !self.lacks_away.swap(true, Ordering::Relaxed) {
                    info!(
                        "the module is older than ROOM.AWAY: a device that goes keeps no place of its own"
                    );
                }
                Ok(())
            }
            answer => answer.map(drop),
        }
    }

    pub(crate) async fn publish(
        &self,
        key: &str,
        uid: &str,
        payload: &str,
        id: Option<&str>,
    ) -> Result<Published, Fault> {
        let mut command = cmd("ROOM.PUBLISH");
        command.arg(key).arg(uid).arg(payload);
        if let Some(id) = id {
            command.arg("ID").arg(id);
        }
        published(&self.call(&command).await?).ok_or_else(unreadable)
    }

    pub(crate) async fn publish_ephemeral(
        &self,
        key: &str,
        uid: &str,
        payload: &str,
    ) -> Result<(), Fault> {
        self.call(
            cmd("ROOM.PUBLISH")
                .arg(key)
                .arg(uid)
                .arg(payload)
                .arg("EPHEMERAL"),
        )
        .await
        .map(drop)
    }

    pub(crate) async fn range(
        &self,
        key: &str,
        from: Seq,
        count: u64,
        bytes: usize,
    ) -> Result<Range, Fault> {
        crate::metrics::RANGES.up();
        let mut command = cmd("ROOM.RANGE");
        command
            .arg(key)
            .arg(from)
            .arg("+")
            .arg("COUNT")
            .arg(count)
            .arg("BYTES")
            .arg(bytes);
        let reply = Pairs::of(self.call(&command).await?);
        let range = || {
            let rows = list(reply.get("rows")?)?
                .iter()
                .map(row)
                .collect::<Option<_>>()?;
            Some(Range {
                head: reply.position("head")?,
                before: reply.position("before")?,
                rows,
            })
        };
        range().ok_or_else(unreadable)
    }

    /// Where the next page begins (0: nowhere), and some members.
    pub(crate) async fn members(
        &self,
        key: &str,
        cursor: u64,
    ) -> Result<(String, Vec<Member>), Fault> {
        let reply = self
            .call(
                cmd("ROOM.MEMBERS")
                    .arg(key)
                    .arg("CURSOR")
                    .arg(cursor)
                    .arg("COUNT")
                    .arg(100),
            )
            .await?;
        let page = || match list(&reply)? {
            [next, rows] => {
                let rows = list(rows)?.iter().map(member).collect::<Option<_>>()?;
                Some((text(next)?, rows))
            }
            _ => None,
        };
        page().ok_or_else(unreadable)
    }
}

fn unreadable() -> Fault {
    Fault::Refused {
        code: "ERR".into(),
        message: "the module answered in a way that this proxy does not know".into(),
    }
}

fn published(reply: &Value) -> Option<Published> {
    let (seq, duplicate, position) = match list(reply)? {
        [seq, _, _, duplicate] => (seq, duplicate, None),
        [seq, _, _, duplicate, Value::Nil, ..] => (seq, duplicate, Some(None)),
        [seq, _, _, duplicate, position, ..] => {
            let position = text(position)?.parse().ok()?;
            (seq, duplicate, Some(Some(position)))
        }
        _ => return None,
    };
    Some(Published {
        seq: number(seq)?,
        duplicate: number(duplicate)? == 1,
        position,
    })
}

fn row(value: &Value) -> Option<Row> {
    match list(value)? {
        [seq, ms, uid, Value::BulkString(payload)] => Some(Row {
            seq: number(seq)?,
            ms: number(ms)?,
            uid: text(uid)?,
            payload: payload.clone(),
        }),
        _ => None,
    }
}

fn member(value: &Value) -> Option<Member> {
    match list(value)? {
        [uid, _, pending, sessions, ..] => Some(Member {
            uid: text(uid)?,
            pending: number(pending)?,
            online: number(sessions)? > 0,
        }),
        _ => None,
    }
}

fn kicks(value: &Value) -> Option<(String, u64)> {
    match list(value)? {
        [uid, count] => Some((text(uid)?, number(count)?)),
        _ => None,
    }
}

fn lost(value: &Value) -> Option<Lost> {
    match list(value)? {
        [from, to, reason] => Some(Lost {
            from: number(from)?,
            to: number(to)?,
            reason: text(reason)?,
        }),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(n) => u64::try_from(*n).ok(),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}

fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(list) => Some(list),
        _ => None,
    }
}

/// A reply with names: a map, or the flat array that RESP2 makes of it.
struct Pairs(Vec<(String, Value)>);

impl Pairs {
    fn of(value: Value) -> Self {
        let pairs: Vec<(Value, Value)> = match value {
            Value::Map(pairs) => pairs,
            Value::Array(flat) => {
                let mut flat = flat.into_iter();
                std::iter::from_fn(|| Some((flat.next()?, flat.next()?))).collect()
            }
            _ => Vec::new(),
        };
        Self(
            pairs
                .into_iter()
                .filter_map(|(name, value)| Some((text(&name)?, value)))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(number)
    }

    fn position(&self, name: &str) -> Option<Position> {
        self.get(name).and_then(text)?.parse().ok()
    }
}
