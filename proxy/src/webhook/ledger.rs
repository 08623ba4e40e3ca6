//! What Redis is asked and told: for whom mail waits, whether that still holds, and of whom somebody was told.

use super::figures::Figures;
use super::rows::Row;
use crate::calls::Miss;
use crate::clerk::Calls;
use bytes::Bytes;
use futures_util::future::join_all;
use hub_core::ask::{Answer, Ask, Call, Fault};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

/// Between two tries to say in Redis that something is told.
const SAY_AGAIN: Duration = Duration::from_millis(500);
/// What is refused for a reason in the room itself: it, the member or its history is gone, and so is the telling.
const OVER: [&str; 4] = ["NOROOM", "NOMEMBER", "BADPOS", "WRONGTYPE"];

/// See the top of the file.
pub(super) struct Ledger {
    pub(super) calls: Calls,
    pub(super) figures: Figures,
    /// Under which Redis knows the worker.
    pub(super) name: String,
    pub(super) key_prefix: String,
    /// Rows of one call.
    pub(super) batch: usize,
    pub(super) lease: Duration,
    pub(super) timeout: Duration,
}

/// Who was leased.
pub(super) struct Leased {
    pub(super) rows: Vec<Row>,
    /// A server had not looked at everybody when its time was up.
    pub(super) more: bool,
}

/// Whether somebody still waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    Yes,
    /// It acknowledged something, is here, or is no member any more.
    No,
    /// Redis does not say.
    Unknown,
}

impl Ledger {
    /// Whom each server has for us.
    pub(super) async fn lease(&self) -> Leased {
        let words = [
            "LEASE".to_owned(),
            self.lease.as_millis().to_string(),
            "COUNT".to_owned(),
            self.batch.to_string(),
            "PREFIX".to_owned(),
            self.key_prefix.clone(),
        ];
        let call = Call {
            command: "ROOM.WAITING",
            words: words.map(Bytes::from).into(),
        };
        let until = Instant::now() + self.timeout;
        let answers = self.calls.ask_all(&self.name, Ask::Call(call), until).await;
        let (mut rows, mut more) = (Vec::new(), false);
        for answer in answers {
            match answer {
                Ok(Answer::Called(found)) => {
                    more |= found.get("more").and_then(Value::as_u64) == Some(1);
                    let found = found.get("rows").and_then(Value::as_array);
                    let found = found.into_iter().flatten();
                    rows.extend(found.filter_map(|row| Row::of(row, &self.key_prefix)));
                }
                Ok(_) | Err(Miss::Away | Miss::Unknown) => {}
                Err(Miss::Refused(why)) => self.refused("ROOM.WAITING", &why),
            }
        }
        Leased { rows, more }
    }

    /// Whether it acknowledged nothing and did not come since it was leased.
    pub(super) async fn waits(&self, row: &Row, until: Instant) -> Waits {
        let until = until.min(Instant::now() + self.timeout);
        let call = Call {
            command: "ROOM.PENDING",
            words: vec![row.uid.clone().into()],
        };
        let pending = match self.calls.ask(&row.key, Ask::Call(call), until).await {
            Ok(Answer::Called(pending)) => pending,
            Err(Miss::Refused(why)) if is_over(&why) => return Waits::No,
            Err(Miss::Refused(why)) => {
                self.refused("ROOM.PENDING", &why);
                return Waits::Unknown;
            }
            Ok(_) | Err(Miss::Away | Miss::Unknown) => return Waits::Unknown,
        };
        let number = |name: &str| pending.get(name).and_then(Value::as_u64);
        match number("cursor") == Some(row.cursor) && number("online") == Some(0) {
            true => Waits::Yes,
            false => Waits::No,
        }
    }

    /// Says in Redis that these are told of, while they are leased.
    pub(super) async fn say(&self, rows: &[Row], until: Instant) {
        let mut groups: BTreeMap<(&str, String), Vec<&Row>> = BTreeMap::new();
        for row in rows {
            let group = (row.key.as_str(), row.head.to_string());
            groups.entry(group).or_default().push(row);
        }
        let said = groups.into_iter().map(|((key, head), rows)| {
            let uids = rows.into_iter().map(|row| row.uid.clone().into());
            let words: Vec<Bytes> = [Bytes::from(head)].into_iter().chain(uids).collect();
            self.say_in(key, words, until)
        });
        join_all(said).await;
    }

    async fn say_in(&self, key: &str, words: Vec<Bytes>, until: Instant) {
        while Instant::now() < until {
            let by = until.min(Instant::now() + self.timeout);
            let call = Call {
                command: "ROOM.TOLD",
                words: words.clone(),
            };
            // To say it twice does no harm.
            match self.calls.ask(key, Ask::Call(call), by).await {
                Ok(_) => return,
                Err(Miss::Refused(why)) if is_over(&why) => return,
                Err(Miss::Refused(why)) if !why.passes() => {
                    return self.refused("ROOM.TOLD", &why);
                }
                Err(_) => sleep_until(until.min(Instant::now() + SAY_AGAIN)).await,
            }
        }
    }

    fn refused(&self, command: &'static str, why: &Fault) {
        self.figures.redis_refused(command).inc();
        warn!(command, %why, "Redis refuses what the webhook's worker needs");
    }
}

fn is_over(why: &Fault) -> bool {
    OVER.iter().any(|code| why.is(code))
}
