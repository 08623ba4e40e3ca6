//! Questions as commands, and their replies as answers.

use super::value::{self, Pairs, json, list, number, text, texts};
use hub_core::ask::{
    Answer, Ask, Attached, Back, Dedupe, Fault, Joined, Lost, Member, Published, Range, Row,
};
use redis::{Cmd, Value, cmd};

/// Members that one page has.
const MEMBERS: u64 = 100;

/// On which connection a command goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    Commands,
    Announcements,
}

/// What kind of channels announcements come on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    Plain,
    /// Of a cluster: they are where the slot of their name is.
    Sharded,
}

/// How the reply to a question is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Done,
    Away,
    Joined,
    Attached,
    Published,
    Range,
    Back,
    Members,
    Called,
}

/// The command for a question about the room of this key.
pub(super) fn command(key: &str, ask: Ask, channels: Channels) -> (On, Reading, Cmd) {
    let mut on = On::Commands;
    let (reading, command) = match ask {
        Ask::Subscribe => {
            on = On::Announcements;
            let name = match channels {
                Channels::Plain => "SUBSCRIBE",
                Channels::Sharded => "SSUBSCRIBE",
            };
            (Reading::Done, words(name, key))
        }
        Ask::Unsubscribe => {
            on = On::Announcements;
            let name = match channels {
                Channels::Plain => "UNSUBSCRIBE",
                Channels::Sharded => "SUNSUBSCRIBE",
            };
            (Reading::Done, words(name, key))
        }
        Ask::Join {
            uid,
            since,
            history,
            own,
            only_member,
        } => {
            let mut command = words("ROOM.JOIN", key);
            command.arg(&*uid);
            if let Some(since) = since {
                command.arg("SINCE").arg(since.to_string());
            }
            if history > 0 {
                command.arg("HISTORY").arg(history);
            }
            if own {
                command.arg("OWN");
            }
            if only_member {
                command.arg("XX");
            }
            (Reading::Joined, command)
        }
        Ask::Attach(uids) => (Reading::Attached, with_uids("ROOM.ATTACH", key, &uids)),
        Ask::Detach(uids) => (Reading::Done, with_uids("ROOM.DETACH", key, &uids)),
        Ask::Leave(uid) => (Reading::Done, with_uids("ROOM.LEAVE", key, &[uid])),
        Ask::Ack(position, uids) => {
            let mut command = words("ROOM.ACK", key);
            command.arg(position.to_string());
            (Reading::Done, add_uids(command, &uids))
        }
        Ask::Away(position, uids) => {
            let mut command = words("ROOM.AWAY", key);
            command.arg(position.to_string());
            (Reading::Away, add_uids(command, &uids))
        }
        Ask::Publish {
            uid,
            payload,
            id,
            only_existing,
        } => {
            let mut command = words("ROOM.PUBLISH", key);
            command.arg(&*uid).arg(&payload[..]);
            if let Some(id) = id {
                command.arg("ID").arg(id);
            }
            if only_existing {
                command.arg("NOMKROOM");
            }
            (Reading::Published, command)
        }
        Ask::Signal(uid, payload) => {
            let mut command = words("ROOM.PUBLISH", key);
            command.arg(&*uid).arg(&payload[..]).arg("EPHEMERAL");
            (Reading::Done, command)
        }
        Ask::Range { from, count, bytes } => {
            let mut command = words("ROOM.RANGE", key);
            command.arg(from).arg("+");
            command.arg("COUNT").arg(count).arg("BYTES").arg(bytes);
            (Reading::Range, command)
        }
        Ask::Back {
            from,
            to,
            count,
            bytes,
            own,
        } => {
            let mut command = words("ROOM.RANGE", key);
            command.arg(from).arg(to).arg("COUNT").arg(count);
            command.arg("BYTES").arg(bytes).arg("REV");
            if let Some(uid) = own {
                command.arg("OWN").arg(&*uid);
            }
            (Reading::Back, command)
        }
        Ask::Members(cursor) => {
            let mut command = words("ROOM.MEMBERS", key);
            command.arg("CURSOR").arg(cursor).arg("COUNT").arg(MEMBERS);
            (Reading::Members, command)
        }
        Ask::Call(call) => {
            let mut command = match key {
                // About the server itself.
                "" => cmd(call.command),
                key => words(call.command, key),
            };
            for word in &call.words {
                command.arg(&word[..]);
            }
            (Reading::Called, command)
        }
    };
    (on, reading, command)
}

fn words(name: &str, key: &str) -> Cmd {
    let mut command = cmd(name);
    command.arg(key);
    command
}

fn with_uids(name: &str, key: &str, uids: &[std::sync::Arc<str>]) -> Cmd {
    add_uids(words(name, key), uids)
}

fn add_uids(mut command: Cmd, uids: &[std::sync::Arc<str>]) -> Cmd {
    for uid in uids {
        command.arg(&**uid);
    }
    command
}

/// The reply as an answer.
pub(super) fn answer(reading: Reading, reply: Result<Value, Fault>) -> Result<Answer, Fault> {
    let reply = match reply {
        // The module is older than the command: a device that goes keeps no place of its own.
        Err(fault) if reading == Reading::Away && value::is_unknown_command(&fault) => {
            return Ok(Answer::Done);
        }
        reply => reply?,
    };
    let answer = match reading {
        Reading::Done | Reading::Away => Some(Answer::Done),
        Reading::Joined => joined(&Pairs::of(reply)).map(Answer::Joined),
        Reading::Attached => attached(&Pairs::of(reply)).map(Answer::Attached),
        Reading::Published => published(&reply).map(Answer::Published),
        Reading::Range => range(Pairs::of(reply)).map(Answer::Range),
        Reading::Back => back(Pairs::of(reply)).map(Answer::Back),
        Reading::Members => members(&reply),
        Reading::Called => json(&reply).map(Answer::Called),
    };
    answer.ok_or_else(|| Fault::Refused {
        code: "ERR".into(),
        message: "the module answered in a way that this proxy does not know".into(),
    })
}

fn joined(reply: &Pairs) -> Option<Joined> {
    Some(Joined {
        position: reply.position("position")?,
        head: reply.position("head")?,
        pending: reply.number("pending")?,
        lost: reply.get("lost").and_then(lost),
        resumed: reply.flag("resumed")?,
        reset: reply.flag("reset")?,
        new: reply.flag("new")?,
        members: reply.number("members")?,
        online: reply.number("online")?,
        kicks: reply.number("kicks")?,
        dedupe: dedupe(reply),
    })
}

/// `None`: the module is older, and does not say.
fn dedupe(reply: &Pairs) -> Option<Dedupe> {
    Some(Dedupe {
        now: reply.number("now")?,
        count: reply.number("dedupe-count")?,
        age: reply.number("dedupe-age")?,
    })
}

fn attached(reply: &Pairs) -> Option<Attached> {
    let kicks = list(reply.get("kicks")?)?.iter().map(kicks);
    let counts = || Some((reply.number("members")?, reply.number("online")?));
    Some(Attached {
        head: reply.position("head"),
        gone: texts(reply.get("gone")?)?,
        kicks: kicks.collect::<Option<_>>()?,
        counts: counts(),
        online: reply.get("who").and_then(texts),
        dedupe: dedupe(reply),
    })
}

fn published(reply: &Value) -> Option<Published> {
    let (seq, duplicate, position) = match list(reply)? {
        [seq, _, _, duplicate] | [seq, _, _, duplicate, Value::Nil, ..] => (seq, duplicate, None),
        [seq, _, _, duplicate, position, ..] => {
            (seq, duplicate, Some(text(position)?.parse().ok()?))
        }
        _ => return None,
    };
    Some(Published {
        seq: number(seq)?,
        duplicate: number(duplicate)? == 1,
        position,
    })
}

fn range(mut reply: Pairs) -> Option<Range> {
    let rows = match reply.take("rows")? {
        Value::Array(rows) => rows.into_iter().map(row).collect::<Option<_>>()?,
        _ => return None,
    };
    Some(Range {
        head: reply.position("head")?,
        before: reply.position("before")?,
        rows,
    })
}

fn back(reply: Pairs) -> Option<Back> {
    Some(Back {
        more: reply.flag("more")?,
        gone: reply.number("gone")?,
        range: range(reply)?,
    })
}

fn row(value: Value) -> Option<Row> {
    let Value::Array(fields) = value else {
        return None;
    };
    match <[Value; 4]>::try_from(fields) {
        Ok([seq, ms, uid, Value::BulkString(payload)]) => Some(Row {
            seq: number(&seq)?,
            ms: number(&ms)?,
            uid: text(&uid)?,
            payload,
        }),
        _ => None,
    }
}

fn members(reply: &Value) -> Option<Answer> {
    match list(reply)? {
        [next, rows] => {
            let rows = list(rows)?.iter().map(member).collect::<Option<_>>()?;
            Some(Answer::Members(text(next)?, rows))
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn a_map_and_its_flat_array_are_the_same() {
        let pairs = vec![
            (bulk("gone"), Value::Array(vec![bulk("a")])),
            (
                bulk("kicks"),
                Value::Array(vec![Value::Array(vec![bulk("b"), Value::Int(2)])]),
            ),
            (bulk("members"), Value::Int(5)),
            (bulk("online"), Value::Int(1)),
            (bulk("who"), Value::Nil),
        ];
        let flat = pairs
            .iter()
            .cloned()
            .flat_map(|(name, value)| [name, value]);
        let flat = Value::Array(flat.collect());
        let wanted = Answer::Attached(Attached {
            head: None,
            gone: vec!["a".into()],
            kicks: vec![("b".into(), 2)],
            counts: Some((5, 1)),
            online: None,
            dedupe: None,
        });
        for reply in [flat, Value::Map(pairs)] {
            assert_eq!(answer(Reading::Attached, Ok(reply)), Ok(wanted.clone()));
        }
    }

    #[test]
    fn an_older_module_says_nothing_of_ids() {
        let text = |name: &str, text: &str| [bulk(name), bulk(text)];
        let number = |name: &str, n: i64| [bulk(name), Value::Int(n)];
        let mut fields = [text("position", "0-00000007"), text("head", "0-00000007")].concat();
        for name in [
            "pending", "resumed", "reset", "new", "members", "online", "kicks",
        ] {
            fields.extend(number(name, 0));
        }
        let dedupe = |fields: &[Value]| {
            let reply = Value::Array(fields.to_vec());
            match answer(Reading::Joined, Ok(reply)) {
                Ok(Answer::Joined(joined)) => joined.dedupe,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(dedupe(&fields), None);
        fields.extend(number("now", 5));
        fields.extend(number("dedupe-count", 100));
        assert_eq!(dedupe(&fields), None);
        fields.extend(number("dedupe-age", 300));
        let told = Dedupe {
            now: 5,
            count: 100,
            age: 300,
        };
        assert_eq!(dedupe(&fields), Some(told));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for reading in [Reading::Joined, Reading::Range, Reading::Members] {
            for reply in [Value::Nil, Value::Int(1), Value::Array(vec![bulk("x")])] {
                let fault = answer(reading, Ok(reply)).unwrap_err();
                assert!(fault.is("ERR"));
            }
        }
    }

    #[test]
    fn a_module_without_away_is_no_fault() {
        let unknown = || {
            Err(Fault::Refused {
                code: "ERR".into(),
                message: "unknown command 'ROOM.AWAY'".into(),
            })
        };
        assert_eq!(answer(Reading::Away, unknown()), Ok(Answer::Done));
        assert!(answer(Reading::Done, unknown()).is_err());
    }
}
