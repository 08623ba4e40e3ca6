//! Follows the stream of bans on a pair of connections: reads it whole, then every half second what was added.
//!
//! Reading behind the last entry alone would not do: a stream that was trimmed, deleted or put in another's place looks from
//! there like one to which nothing was added. So each look begins with `XINFO STREAM`, which costs Redis the same however
//! long the stream is. Then what stands between the last id before and the last one now is read. If the first entry and
//! the number of those that are gone are what they were, and as many were read as it says were added, that was all. If
//! not, the stream is read whole again, in pages, beside the table that holds meanwhile.
//! A new pair of connections begins with that too, as a failover may have lost the stream's end.

use super::lane::behind_asking;
use super::value::{Pairs, checked, list, text};
use crate::bans::{Banned, Read, take};
use crate::said::Said;
use hub_core::ask::Fault;
use hub_core::bans::Entry;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value, cmd};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tracing::warn;

/// The stream's key.
pub(crate) const KEY: &str = "roomcast:bans";
/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(500);
/// Entries that are read at once, and a pause behind them: neither Redis nor the link, whose thread and connection these
/// are, is held up by a long stream.
const PAGE: usize = 250;
const PAUSE: Duration = Duration::from_millis(1);
/// How soon the stream is read again for those entries that had no place.
const AGAIN: Duration = Duration::from_secs(30);

/// Follows the stream until the pair ends, or another node of a cluster has it: what the last look failed by. `asking` where the
/// key is before its slot.
pub(super) async fn follow(
    commands: MultiplexedConnection,
    asking: bool,
    banned: Arc<Banned>,
) -> Fault {
    let mut follower = Follower {
        commands,
        asking,
        banned,
        seen: None,
        whole: Instant::now(),
        failed: Said::default(),
        passed_over: Said::default(),
    };
    loop {
        match follower.look().await {
            Ok(()) => follower.banned.drop_over(),
            // The link ends with its connections, and begins anew.
            Err(Fault::Down) => return Fault::Down,
            Err(fault) if fault.is("MOVED") || fault.is("ASK") => return fault,
            Err(Fault::Refused { code, message }) => follower.tell(&code, &message),
        }
        sleep(EVERY).await;
    }
}

/// What the stream says of itself; by default, that there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Info {
    first: String,
    last: String,
    added: u64,
    length: u64,
}

impl Info {
    fn read(reply: Value) -> Option<Self> {
        let reply = Pairs::of(reply);
        let first = reply.get("first-entry").and_then(list);
        let first = first.and_then(|entry| text(entry.first()?));
        Some(Self {
            first: first.unwrap_or_default(),
            last: reply.get("last-generated-id").and_then(text)?,
            added: reply.number("entries-added")?,
            length: reply.number("length")?,
        })
    }

    const fn is_there(&self) -> bool {
        !self.last.is_empty()
    }

    /// How many entries were added since `before`, if nothing else happened.
    fn added_since(&self, before: &Self) -> Option<u64> {
        let gone = |info: &Self| info.added.checked_sub(info.length);
        let same = self.first == before.first && gone(self) == gone(before);
        same.then(|| self.added.checked_sub(before.added))?
    }
}

struct Follower {
    commands: MultiplexedConnection,
    asking: bool,
    banned: Arc<Banned>,
    /// What the table is of.
    seen: Option<Info>,
    /// When the stream was last read whole.
    whole: Instant,
    failed: Said,
    passed_over: Said,
}

impl Follower {
    /// Brings the table to where the stream is.
    async fn look(&mut self) -> Result<(), Fault> {
        let info = self.info().await?;
        if self.banned.has_place() && self.whole.elapsed() >= AGAIN {
            self.seen = None;
        }
        if self.seen.as_ref() == Some(&info) {
            return Ok(());
        }
        // Whatever else happened, new bans do not wait until all is read.
        let followed = match self.seen.take() {
            Some(before) if before.is_there() && info.is_there() => {
                let read = self.read_on(&before.last, &info.last).await?;
                info.added_since(&before) == Some(read)
            }
            _ => false,
        };
        if !followed {
            self.read_whole(&info).await?;
        }
        self.seen = Some(info);
        Ok(())
    }

    async fn info(&mut self) -> Result<Info, Fault> {
        let mut command = cmd("XINFO");
        command.arg("STREAM").arg(KEY);
        match self.ask(&command).await {
            Err(Fault::Refused { message, .. }) if message.contains("no such key") => {
                Ok(Info::default())
            }
            reply => Info::read(reply?).ok_or_else(not_understood),
        }
    }

    async fn ask(&mut self, command: &Cmd) -> Result<Value, Fault> {
        let reply = match self.asking {
            true => behind_asking(&mut self.commands, command).await,
            false => self.commands.send_packed_command(command).await,
        };
        checked(reply)
    }

    /// Reads the entries from behind `last` to `end` into the table; how many there are.
    async fn read_on(&mut self, last: &str, end: &str) -> Result<u64, Fault> {
        let mut from = format!("({last}");
        let mut many = 0;
        loop {
            let page = self.page(&from, end).await?;
            many += page.entries.len() as u64;
            self.banned.add(page.entries);
            match page.next {
                Some(next) => from = next,
                None => return Ok(many),
            }
        }
    }

    /// Reads all entries into a new table, which then takes the place of the one that is there.
    async fn read_whole(&mut self, info: &Info) -> Result<(), Fault> {
        self.whole = Instant::now();
        let mut table = self.banned.empty();
        let mut from = (info.length > 0).then(|| "-".to_owned());
        while let Some(at) = from {
            let page = self.page(&at, &info.last).await?;
            take(&mut table, page.entries);
            from = page.next;
        }
        self.banned.replace(table);
        Ok(())
    }

    async fn page(&mut self, from: &str, end: &str) -> Result<Page, Fault> {
        let mut command = cmd("XRANGE");
        command.arg(KEY).arg(from).arg(end);
        command.arg("COUNT").arg(PAGE);
        let reply = self.ask(&command).await?;
        let rows = list(&reply).map(|rows| rows.iter().map(row));
        let rows: Option<Vec<_>> = rows.and_then(Iterator::collect);
        let rows = rows.ok_or_else(not_understood)?;
        if rows.len() >= PAGE {
            sleep(PAUSE).await;
        }
        let next = rows.last().filter(|_| rows.len() >= PAGE);
        let next = next.map(|(id, _)| format!("({id}"));
        let entries = rows
            .into_iter()
            .map(|(id, read)| self.understood(&id, read));
        Ok(Page {
            entries: entries.collect(),
            next,
        })
    }

    /// What an entry says; one that says nothing is told, as its writer believes that somebody is banned.
    fn understood(&self, id: &str, read: Result<Entry, String>) -> Read {
        read.map_err(|why| {
            if let Some(left_out) = self.passed_over.again() {
                warn!(id, why, left_out, "an entry of {KEY} is passed over");
            }
        })
        .ok()
    }

    fn tell(&self, code: &str, message: &str) {
        if let Some(left_out) = self.failed.again() {
            warn!(
                code,
                message, left_out, "{KEY} cannot be read: the bans stay as they were"
            );
        }
    }
}

struct Page {
    entries: Vec<Read>,
    /// Where the next one begins, if there may be one.
    next: Option<String>,
}

/// An entry's id, and what it says.
fn row(value: &Value) -> Option<(String, Result<Entry, String>)> {
    let [id, fields] = list(value)? else {
        return None;
    };
    let fields = list(fields)?.chunks_exact(2);
    let fields = fields.filter_map(|pair| match pair {
        [Value::BulkString(name), Value::BulkString(value)] => Some((&name[..], &value[..])),
        _ => None,
    });
    Some((text(id)?, Entry::read(fields)))
}

fn not_understood() -> Fault {
    Fault::Refused {
        code: "ERR".into(),
        message: "Redis answered in a way that this proxy does not know".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn entry(id: &str, fields: &[&str]) -> Value {
        let fields = fields.iter().map(|field| bulk(field)).collect();
        Value::Array(vec![bulk(id), Value::Array(fields)])
    }

    fn info(first: &str, last: &str, added: u64, length: u64) -> Info {
        Info {
            first: first.into(),
            last: last.into(),
            added,
            length,
        }
    }

    #[test]
    fn only_what_was_nothing_but_added_is_read_from_where_one_was() {
        let before = info("1-0", "5-0", 5, 5);
        for (now, added) in [
            (info("1-0", "7-0", 7, 7), Some(2)),
            (info("1-0", "5-0", 5, 5), Some(0)),
            // One of them was deleted, in the middle or at the beginning, and some were added as well.
            (info("1-0", "5-0", 5, 4), None),
            (info("2-0", "5-0", 5, 4), None),
            (info("1-0", "6-0", 6, 5), None),
            (info("2-0", "6-0", 6, 5), None),
            // All were; there is no stream; another one of as many entries, or of more.
            (info("", "5-0", 5, 0), None),
            (Info::default(), None),
            (info("8-0", "9-0", 5, 5), None),
            (info("8-0", "9-0", 6, 6), None),
            // An older state of it was put back.
            (info("1-0", "4-0", 4, 4), None),
        ] {
            assert_eq!(now.added_since(&before), added, "{now:?}");
        }
        assert_eq!(before.added_since(&Info::default()), None);
        // After a deletion what is added is followed again.
        let before = info("2-0", "6-0", 6, 5);
        assert_eq!(info("2-0", "7-0", 7, 6).added_since(&before), Some(1));
    }

    #[test]
    fn what_a_stream_says_of_itself_is_read_as_a_map_and_as_an_array() {
        let pairs = vec![
            (bulk("length"), Value::Int(2)),
            (bulk("last-generated-id"), bulk("7-1")),
            (bulk("entries-added"), Value::Int(3)),
            (bulk("first-entry"), entry("2-0", &["uid", "u"])),
        ];
        let flat = pairs.iter().cloned();
        let flat = flat.flat_map(|(name, value)| [name, value]).collect();
        for reply in [Value::Array(flat), Value::Map(pairs)] {
            assert_eq!(Info::read(reply), Some(info("2-0", "7-1", 3, 2)));
        }
        let empty = vec![
            (bulk("length"), Value::Int(0)),
            (bulk("last-generated-id"), bulk("7-1")),
            (bulk("entries-added"), Value::Int(3)),
            (bulk("first-entry"), Value::Nil),
        ];
        assert_eq!(Info::read(Value::Map(empty)), Some(info("", "7-1", 3, 0)));
        assert_eq!(Info::read(Value::Nil), None);
    }

    #[test]
    fn an_entry_is_read_and_one_that_says_nothing_keeps_its_id() {
        let (id, read) = row(&entry("3-0", &["uid", "u", "reason", "spam"])).unwrap();
        assert!(id == "3-0" && read.is_ok());
        let (id, read) = row(&entry("4-0", &["user", "u"])).unwrap();
        assert!(id == "4-0" && read.is_err());
        assert!(row(&bulk("x")).is_none());
    }
}
