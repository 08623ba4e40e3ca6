//! Asks Redis for whom mail waits, posts that, and says that it is told; for ever.

use super::figures::Figures;
use super::ledger::{Leased, Ledger, Waits};
use super::post::{Receiver, Said};
use super::rows::{Row, body_of, id_of};
use super::tries::Tries;
use crate::bans::Banned;
use crate::clerk::Calls;
use crate::clock;
use crate::config::Config;
use futures_util::future::join_all;
use rand::RngExt;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

const BRIEFLY: Duration = Duration::from_secs(2);
/// Where a server's time was up before it had found anybody: what it does for others meanwhile.
const GO_ON: Duration = Duration::from_millis(50);

/// See the top of the file.
pub(crate) struct Worker {
    ledger: Ledger,
    banned: Arc<Banned>,
    receiver: Receiver,
    figures: Figures,
    tries: Tries,
    failed_at: Option<Instant>,
    /// Ids of those of this turn that are told of.
    done: HashSet<String>,
    every: Duration,
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
        let ledger = Ledger {
            calls,
            figures: figures.clone(),
            name: format!("webhook-{:08x}", rand::rng().random::<u32>()),
            key_prefix: config.redis.key_prefix.clone(),
            batch: options.webhook_batch,
            lease: options.webhook_lease,
            timeout: config.redis.redis_timeout,
        };
        Self {
            ledger,
            banned,
            receiver,
            figures,
            tries: Tries::default(),
            failed_at: None,
            done: HashSet::new(),
            every: options.webhook_every,
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
        let lease = self.ledger.lease;
        let until = Instant::now() + lease;
        let Leased { rows, more } = self.ledger.lease().await;
        if rows.is_empty() {
            // Those that failed are leased for a while, or came back.
            let failed = self.failed_at;
            if failed.is_some_and(|at| at + 2 * lease < Instant::now()) {
                self.succeeded();
            }
            return if more {
                self.every.min(GO_ON)
            } else {
                self.every
            };
        }
        self.done.clear();
        for some in rows.chunks(self.ledger.batch) {
            while let Err(Failing { pause, refused }) = self.tell(some, until).await {
                if refused || Instant::now() + pause + self.receiver.timeout > until {
                    // Whoever asks when the lease is over tries again; nothing else is begun in the pause.
                    return pause;
                }
                sleep(pause).await;
            }
        }
        if more { Duration::ZERO } else { self.every }
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
        let asked = rows.iter().map(|row| self.ledger.waits(row, until));
        let waits = join_all(asked).await;
        let mut waiting = Vec::new();
        let mut banned = Vec::new();
        for (row, waits) in rows.into_iter().zip(waits) {
            if waits == Waits::Unknown {
                // It comes again when its lease is over.
                continue;
            }
            if waits == Waits::No {
                self.tries.over(&row.id);
                self.figures.skipped.inc();
            } else if self.is_banned(row) {
                self.figures.skipped.inc();
                banned.push(row.clone());
            } else {
                waiting.push(row.clone());
            }
        }
        self.ledger.say(&banned, until).await;
        waiting
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
        self.ledger.say(rows, until).await;
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
        self.ledger.say(&given_up, until).await;
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
}
