//! Asks Redis for whom mail waits, posts that, and says that it is told; for ever.

use super::figures::Figures;
use super::post::{Receiver, Said};
use super::rows::{Row, body_of, id_of};
use super::tries::Tries;
use crate::bans::Banned;
use crate::calls::Miss;
use crate::clerk::Calls;
use crate::clock;
use crate::config::Config;
use bytes::Bytes;
use futures_util::future::join_all;
use hub_core::ask::{Answer, Ask, Call};
use rand::RngExt;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

const BRIEFLY: Duration = Duration::from_secs(2);
/// Between two tries to say in Redis that something is told.
const SAY_AGAIN: Duration = Duration::from_millis(500);

/// See the top of the file.
pub(crate) struct Worker {
    calls: Calls,
    banned: Arc<Banned>,
    receiver: Receiver,
    figures: Figures,
    tries: Tries,
    failed_at: Option<Instant>,
    /// Ids of those of this turn that are told of.
    done: HashSet<String>,
    name: String,
    key_prefix: String,
    batch: usize,
    every: Duration,
    lease: Duration,
    redis_timeout: Duration,
    give_up: Duration,
}

/// Some were not told of.
struct Failing {
    /// How long to wait.
    pause: Duration,
    /// The receiver refuses these, and may take others: these come again when their lease is over.
    refused: bool,
}

impl Failing {
    fn refused(self) -> Self {
        Self {
            pause: self.pause.min(BRIEFLY),
            refused: true,
        }
    }
}

impl Worker {
    pub(crate) fn new(
        config: &Config,
        receiver: Receiver,
        calls: Calls,
        banned: Arc<Banned>,
        figures: Figures,
    ) -> Self {
        let options = &config.webhook;
        Self {
            calls,
            banned,
            receiver,
            figures,
            tries: Tries::default(),
            failed_at: None,
            done: HashSet::new(),
            name: format!("webhook-{:08x}", rand::rng().random::<u32>()),
            key_prefix: config.redis.key_prefix.clone(),
            batch: options.webhook_batch,
            every: options.webhook_every,
            lease: options.webhook_lease,
            redis_timeout: config.redis.redis_timeout,
            give_up: options.webhook_give_up,
        }
    }

    /// Works for ever.
    pub(crate) async fn run(mut self) {
        info!(receiver = self.receiver.shown(), "waiting mail is posted");
        loop {
            let pause = self.turn().await;
            sleep(pause).await;
        }
    }

    /// Tells of some; how long to wait before the next ones.
    async fn turn(&mut self) -> Duration {
        let until = Instant::now() + self.lease;
        let rows = self.lease().await;
        if rows.is_empty() {
            // Those that failed are leased for a while, or came back.
            let failed = self.failed_at;
            if failed.is_some_and(|at| at + 2 * self.lease < Instant::now()) {
                self.succeeded();
            }
            return self.every;
        }
        self.done.clear();
        for some in rows.chunks(self.batch) {
            while let Err(Failing { pause, refused }) = self.tell(some, until).await {
                if refused || Instant::now() + pause + self.receiver.timeout > until {
                    // Whoever asks when the lease is over tries again; nothing else is begun in the pause.
                    return pause;
                }
                sleep(pause).await;
            }
        }
        match rows.len() < self.batch {
            true => self.every,
            false => Duration::ZERO,
        }
    }

    /// Whom each server has for us.
    async fn lease(&self) -> Vec<Row> {
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
        let until = Instant::now() + self.redis_timeout;
        let answers = self.calls.ask_all(&self.name, Ask::Call(call), until).await;
        let mut rows = Vec::new();
        for answer in answers {
            match answer {
                Ok(Answer::Called(Value::Array(found))) => {
                    rows.extend(
                        found
                            .iter()
                            .filter_map(|row| Row::of(row, &self.key_prefix)),
                    );
                }
                Ok(_) | Err(Miss::Away | Miss::Unknown) => {}
                Err(Miss::Refused(why)) => warn!(?why, "Redis does not say for whom mail waits"),
            }
        }
        rows
    }

    /// Posts what still holds of these, and says so.
    async fn tell(&mut self, rows: &[Row], until: Instant) -> Result<(), Failing> {
        let rows = self.still_waiting(rows, until).await;
        if rows.is_empty() || Instant::now() + self.receiver.timeout > until {
            return Ok(());
        }
        let why = match self.post(&rows).await {
            Said::Told => {
                self.told(&rows, until).await;
                return Ok(());
            }
            Said::Later(why, wanted) => return self.failed(&rows, &why, wanted, until).await,
            Said::Refused(why) => why,
        };
        self.figures.refused.inc();
        if rows.len() == 1 {
            let failed = self.failed(&rows, &why, None, until).await;
            return failed.map_err(Failing::refused);
        }
        self.one_by_one(&rows, until).await
    }

    /// A batch was refused: one of them may be the reason.
    async fn one_by_one(&mut self, rows: &[Row], until: Instant) -> Result<(), Failing> {
        let (mut refused, mut last) = (Vec::new(), String::new());
        let mut taken = false;
        for row in rows {
            if Instant::now() + self.receiver.timeout > until {
                break;
            }
            let one = self.still_waiting(std::slice::from_ref(row), until).await;
            if one.is_empty() {
                continue;
            }
            match self.post(&one).await {
                Said::Told => {
                    taken = true;
                    self.told(&one, until).await;
                }
                Said::Later(why, wanted) => return self.failed(&one, &why, wanted, until).await,
                Said::Refused(why) => {
                    self.figures.refused.inc();
                    refused.extend(one);
                    last = why;
                }
            }
        }
        let failed = self.failed(&refused, &last, None, until).await;
        // One that takes others does not fail: those that it refused come again when their lease is over.
        if taken {
            Ok(())
        } else {
            failed.map_err(Failing::refused)
        }
    }

    async fn post(&self, rows: &[Row]) -> Said {
        self.figures.posts.inc();
        self.receiver.post(&id_of(rows), body_of(rows)).await
    }

    /// Those who acknowledged nothing and did not come since they were leased. Who is banned is not told of, and counts as told.
    async fn still_waiting(&mut self, rows: &[Row], until: Instant) -> Vec<Row> {
        let new = |row: &&Row| !self.done.contains(&row.id);
        let rows: Vec<&Row> = rows.iter().filter(new).collect();
        let asked = rows.iter().map(|row| self.waits(row, until));
        let waits = join_all(asked).await;
        let mut waiting = Vec::new();
        let mut banned = Vec::new();
        for (row, waits) in rows.into_iter().zip(waits) {
            if !waits {
                self.tries.over(&row.id);
                self.figures.skipped.inc();
            } else if self.is_banned(row) {
                self.figures.skipped.inc();
                banned.push(row.clone());
            } else {
                waiting.push(row.clone());
            }
        }
        self.say(&banned, until).await;
        waiting
    }

    async fn waits(&self, row: &Row, until: Instant) -> bool {
        let until = until.min(Instant::now() + self.redis_timeout);
        let call = Call {
            command: "ROOM.PENDING",
            words: vec![row.uid.clone().into()],
        };
        let answer = self.calls.ask(&row.key, Ask::Call(call), until).await;
        let Ok(Answer::Called(pending)) = answer else {
            return false;
        };
        let number = |name: &str| pending.get(name).and_then(Value::as_u64);
        number("cursor") == Some(row.cursor) && number("online") == Some(0)
    }

    fn is_banned(&self, row: &Row) -> bool {
        let bans = self.banned.read();
        let sight = bans.at(clock::unix_ms());
        sight.silences(&row.uid, &row.roomid).is_some()
    }

    async fn told(&mut self, rows: &[Row], until: Instant) {
        self.succeeded();
        self.figures.told.inc_by(rows.len() as u64);
        for row in rows {
            self.tries.over(&row.id);
            self.done.insert(row.id.clone());
        }
        self.say(rows, until).await;
    }

    /// Nothing fails any more.
    fn succeeded(&mut self) {
        self.failed_at = None;
        self.tries.succeeded();
        self.figures.failing.set(0);
    }

    /// These were not told of: some of them for too long.
    async fn failed(
        &mut self,
        rows: &[Row],
        why: &str,
        wanted: Option<Duration>,
        until: Instant,
    ) -> Result<(), Failing> {
        if rows.is_empty() {
            return Ok(());
        }
        self.figures.failed.inc();
        self.figures.failing.set(1);
        self.failed_at = Some(Instant::now());
        let now = clock::now_ms();
        let give_up = self.give_up.as_millis() as u64;
        let of_them = rows.iter().filter(|row| {
            let first = self.tries.failed(&row.id, now);
            now.saturating_sub(first) >= give_up
        });
        let given_up: Vec<Row> = of_them.cloned().collect();
        for row in &given_up {
            self.tries.over(&row.id);
            self.done.insert(row.id.clone());
            self.figures.given_up.inc();
            warn!(
                roomid = row.roomid,
                uid = row.uid,
                id = row.id,
                why,
                "given up: nobody was told that mail waits"
            );
        }
        self.say(&given_up, until).await;
        let pause = self.tries.pause(wanted, rand::rng().random());
        let receiver = self.receiver.shown();
        warn!(
            receiver,
            why,
            members = rows.len(),
            ?pause,
            "a webhook's post failed"
        );
        Err(Failing {
            pause,
            refused: false,
        })
    }

    /// Says in Redis that these are told of, while they are leased.
    async fn say(&self, rows: &[Row], until: Instant) {
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
            let by = until.min(Instant::now() + self.redis_timeout);
            let call = Call {
                command: "ROOM.TOLD",
                words: words.clone(),
            };
            // To say it twice does no harm.
            match self.calls.ask(key, Ask::Call(call), by).await {
                Ok(_) => return,
                Err(Miss::Refused(fault)) if !fault.passes() => return,
                Err(_) => sleep_until(until.min(Instant::now() + SAY_AGAIN)).await,
            }
        }
    }
}
