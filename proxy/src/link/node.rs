//! Keeps a pair of connections up, carries the workers' questions to it in their order, and what it answers and announces
//! to them. When either connection fails both are dropped, so that Redis ends the sessions, and a new pair is made.

use super::address::Address;
use super::backoff::Backoff;
use super::bans;
use super::commands::{On, Reading, answer, command};
use super::identity::Identity;
use super::lane::{Lane, MOST_OPEN};
use super::pair::Pair;
use super::refusal::Refusal;
use super::sentences::told;
use super::value::{checked, fault_of};
use crate::bans::Banned;
use crate::broken::panic_at;
use crate::inbox::{Inboxes, Input};
use crate::metrics::Metrics;
use crate::said::Said;
use crate::worker::Questions;
use futures_util::FutureExt;
use hub_core::ask::{Fault, Question, Request};
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, RedisResult, Value, cmd};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{info, warn};

/// How long an answer that is late may still take.
const GRACE: Duration = Duration::from_millis(20);

/// Errors of which the server is the cause, and not what a client wants: whoever operates it is to know.
const OF_THE_SERVER: [&str; 6] = ["NOPERM", "NOAUTH", "BUSY", "MISCONF", "NOREPLICAS", "OOM"];

/// What others see of the link.
#[derive(Default)]
pub(crate) struct Link {
    up: AtomicBool,
    /// The pair that is there or being made.
    generation: AtomicU64,
    failed: Notify,
}

impl Link {
    /// Whether Redis is connected.
    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Ends this pair, and with it its sessions; a new one follows.
    pub(crate) fn give_up(&self) {
        self.failed.notify_one();
    }
}

/// What a question is for.
struct About {
    worker: usize,
    request: Request,
    reading: Reading,
}

/// See the top of the file.
pub(crate) struct Node {
    pub(crate) address: Address,
    pub(crate) link: Arc<Link>,
    pub(crate) inboxes: Arc<Inboxes>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) banned: Arc<Banned>,
    pub(crate) lease: Duration,
    pub(crate) timeout: Duration,
    identity: Identity,
    generation: u64,
    refused: Said,
    /// A defect on request.
    pub(crate) panics: bool,
}

impl Node {
    pub(crate) fn new(
        address: Address,
        name: Option<&str>,
        (lease, timeout): (Duration, Duration),
        inboxes: Arc<Inboxes>,
        metrics: Arc<Metrics>,
        banned: Arc<Banned>,
    ) -> Self {
        Self {
            address,
            link: Arc::default(),
            inboxes,
            metrics,
            banned,
            lease,
            timeout,
            identity: Identity::new(name),
            generation: 0,
            refused: Said::default(),
            panics: false,
        }
    }

    /// The first pair, within `wait`, or why there is none.
    pub(crate) async fn start(&mut self, wait: Duration) -> Result<Started, Refusal> {
        let deadline = Instant::now() + wait;
        let mut backoff = Backoff::default();
        loop {
            match self.connect().await {
                Ok(pair) => return Ok(Started(pair)),
                Err(Refusal::Unreachable(_)) if Instant::now() < deadline => {
                    sleep(backoff.next().min(wait / 4)).await;
                }
                Err(refusal) => return Err(refusal),
            }
        }
    }

    async fn connect(&mut self) -> Result<Pair, Refusal> {
        self.generation += 1;
        let generation = self.generation;
        let (inboxes, link) = (self.inboxes.clone(), self.link.clone());
        link.generation.store(generation, Ordering::Relaxed);
        // What failed before is not this pair's.
        let _ = link.failed.notified().now_or_never();
        let heard = move |push| {
            // The end of an earlier pair must not end the one that took its place.
            if !hear(generation, &inboxes, push)
                && link.generation.load(Ordering::Relaxed) == generation
            {
                link.give_up();
            }
            Ok(())
        };
        let times = (self.lease, self.timeout);
        Pair::new(&self.address, &self.identity, times, heard).await
    }

    /// Keeps the link up for ever.
    pub(crate) async fn run(
        mut self,
        Started(mut pair): Started,
        mut questions: mpsc::UnboundedReceiver<Questions>,
    ) {
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            let generation = self.generation;
            self.link.up.store(true, Ordering::Relaxed);
            self.metrics.redis_up.set(1);
            self.inboxes.tell_all(|| Input::Up(generation));
            let why = self.serve(pair, &mut questions).await;
            self.link.up.store(false, Ordering::Relaxed);
            self.metrics.redis_up.set(0);
            self.metrics.redis_lost.inc();
            self.inboxes.tell_all(|| Input::Down(generation));
            warn!(why, "the connection to Redis is lost");
            backoff.lived(began.elapsed());
            pair = loop {
                sleep(backoff.next()).await;
                match self.connect().await {
                    Ok(pair) => break pair,
                    Err(refusal) => warn!(%refusal, "Redis cannot be reached"),
                }
            };
            info!("connected to Redis again");
        }
    }

    /// Serves until something breaks: what.
    async fn serve(
        &self,
        pair: Pair,
        questions: &mut mpsc::UnboundedReceiver<Questions>,
    ) -> &'static str {
        let mut renew = Box::pin(self.renew(pair.commands.clone(), pair.announcements.clone()));
        let bans = bans::follow(pair.commands.clone(), self.banned.clone());
        let mut bans = Box::pin(bans);
        let mut lanes = Lanes {
            commands: Lane::new(pair.commands),
            announcements: Lane::new(pair.announcements),
            waiting: VecDeque::new(),
        };
        let _driving = pair.driving;
        loop {
            while let Ok(more) = questions.try_recv() {
                self.take(&mut lanes, more);
            }
            lanes.send();
            while let Some((about, reply)) = lanes.try_next() {
                if let Some(why) = self.settle(about, reply) {
                    return why;
                }
            }
            // An answer may have made place.
            lanes.send();
            let deadline = lanes.deadline(self.timeout);
            let deadline = deadline.unwrap_or_else(|| Instant::now() + self.timeout);
            let answered = tokio::select! {
                biased;
                () = self.link.failed.notified() => return "one of its connections ended",
                why = &mut renew => return why,
                () = &mut bans => return "the bans are not followed any more",
                more = questions.recv() => {
                    match more {
                        Some(more) => self.take(&mut lanes, more),
                        None => std::future::pending().await,
                    }
                    continue;
                }
                answered = lanes.commands.next() => answered,
                answered = lanes.announcements.next() => answered,
                () = sleep_until(deadline) => {
                    // If it was this process that stood still, the answer is there and is read now.
                    sleep(GRACE).await;
                    match lanes.try_next() {
                        Some(answered) => answered,
                        None if lanes.is_late(self.timeout) => return "an answer did not come in time",
                        None => continue,
                    }
                }
            };
            if let Some(why) = self.settle(answered.0, answered.1) {
                return why;
            }
        }
    }

    fn take(&self, lanes: &mut Lanes, questions: Questions) {
        // Those of an earlier pair failed with it.
        if questions.generation == self.generation {
            if self.panics {
                for question in &questions.asks {
                    panic_at("link", true, question.key.trim_start_matches("room:"));
                }
            }
            let worker = questions.worker;
            let asks = questions.asks.into_iter();
            lanes
                .waiting
                .extend(asks.map(|question| Waiting { worker, question }));
        }
    }

    /// Hands an answer to its worker. Why the pair is not to be kept, if so.
    fn settle(&self, about: About, reply: RedisResult<Value>) -> Option<&'static str> {
        let reply = checked(reply);
        let why = match &reply {
            Err(Fault::Down) => return Some("one of its connections ended"),
            // It was demoted or began again: the address may lead to another server by now.
            Err(fault)
                if ["READONLY", "LOADING", "MASTERDOWN"]
                    .iter()
                    .any(|code| fault.is(code)) =>
            {
                Some("this server takes no writes")
            }
            Err(Fault::Refused { code, message }) if OF_THE_SERVER.contains(&code.as_str()) => {
                if let Some(left_out) = self.refused.again() {
                    warn!(code, message, left_out, "Redis refuses what a room needs");
                }
                None
            }
            _ => None,
        };
        if let Some(inbox) = self.inboxes.all().get(about.worker) {
            inbox.push(Input::Answer {
                generation: self.generation,
                request: about.request,
                answer: answer(about.reading, reply).map_err(told),
            });
        }
        why
    }

    /// Renews the lease, and sees whether both connections answer, until one does not: why.
    async fn renew(
        &self,
        mut commands: MultiplexedConnection,
        mut announcements: MultiplexedConnection,
    ) -> &'static str {
        loop {
            sleep(self.lease / 3).await;
            let hello = self.identity.hello(&mut commands, self.lease);
            match timeout(self.timeout, hello).await {
                Ok(Ok(true)) => {
                    warn!("Redis had ended the sessions: announcing all of them again");
                    self.inboxes.tell_all(|| Input::Announce(self.generation));
                }
                Ok(Ok(false)) => {}
                Ok(Err(error)) if fault_of(&error) != Fault::Down => {
                    // Busy with a script, say. The lease lasts a while longer.
                    warn!(%error, "the lease is not renewed yet");
                }
                _ => return "the lease could not be renewed",
            }
            let ping = cmd("PING");
            let ping = ping.query_async::<Value>(&mut announcements);
            match timeout(self.timeout, ping).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) if fault_of(&error) != Fault::Down => {}
                _ => return "the connection for announcements does not answer",
            }
        }
    }
}

/// A pair that nobody uses yet.
pub(crate) struct Started(Pair);

struct Waiting {
    worker: usize,
    question: Question,
}

/// The two connections, and what waits for place on them, in its order.
struct Lanes {
    commands: Lane<About>,
    announcements: Lane<About>,
    waiting: VecDeque<Waiting>,
}

impl Lanes {
    fn send(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let now = Instant::now();
        while !self.commands.is_full() && !self.announcements.is_full() {
            let Some(next) = self.waiting.pop_front() else {
                // All came at once, perhaps: it does not keep the memory.
                self.waiting.shrink_to(MOST_OPEN);
                return;
            };
            let (on, reading, command) = command(&next.question.key, next.question.ask);
            let about = About {
                worker: next.worker,
                request: next.question.request,
                reading,
            };
            match on {
                On::Commands => self.commands.send(command, about, now),
                On::Announcements => self.announcements.send(command, about, now),
            }
        }
    }

    fn try_next(&mut self) -> Option<(About, RedisResult<Value>)> {
        let answered = self.commands.try_next();
        answered.or_else(|| self.announcements.try_next())
    }

    fn is_late(&self, most: Duration) -> bool {
        let deadline = self.deadline(most);
        deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    fn deadline(&self, most: Duration) -> Option<Instant> {
        let both = [
            self.commands.deadline(most),
            self.announcements.deadline(most),
        ];
        both.into_iter().flatten().min()
    }
}

/// Hands an announcement on. False: the pair is not to be kept.
fn hear(generation: u64, inboxes: &Inboxes, push: PushInfo) -> bool {
    match push.kind {
        PushKind::Message => {
            let Ok([Value::BulkString(channel), Value::BulkString(frame)]) =
                <[Value; 2]>::try_from(push.data)
            else {
                return true;
            };
            inboxes.announced(generation, &channel, &frame)
        }
        PushKind::Disconnection => false,
        _ => true,
    }
}
