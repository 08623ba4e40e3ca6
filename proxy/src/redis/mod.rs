//! The link to Redis: one connection for commands, to which this proxy's sessions are tied, and one for announcements.
//!
//! They live and die together. When either fails, both are dropped, so that Redis ends the sessions, and a new pair is
//! made; the hubs then attach their sessions again and look for what they missed. No command is ever repeated behind
//! its caller's back.
//!
//! This is the only file that would change for Redis Cluster: callers know [`Redis::call`], [`Redis::subscribe`] and
//! the two halves of [`Linked`], no connection.

mod backoff;
pub(crate) mod commands;
mod identity;

use crate::config::Config;
use crate::metrics;
use backoff::Backoff;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use identity::Identity;
use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, Msg, RedisResult, Value};
use room_core::announce;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tracing::{info, warn};

/// Why a command has no answer.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Redis is away, or went away before it answered: the command may have been done or not.
    Down,
    /// Redis says no: its code and sentence.
    Refused { code: String, message: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("Redis is away"),
            Self::Refused { code, message } => write!(f, "{code} {message}"),
        }
    }
}

/// Why the program cannot begin.
#[derive(Debug)]
pub enum StartError {
    /// Nobody answers, or not as Redis.
    Unreachable(String),
    /// Redis answers but has no `ROOM.*` commands.
    NoModule,
}

/// A pair of connections.
struct Pair {
    commands: MultiplexedConnection,
    subscriber: PubSubSink,
}

/// The link.
pub(crate) struct Redis {
    client: Client,
    /// The database that the rooms are in.
    db: i32,
    identity: Identity,
    /// The module has no `ROOM.AWAY`.
    lacks_away: AtomicBool,
    lease: Duration,
    timeout: Duration,
    pair: watch::Sender<Option<Arc<Pair>>>,
    failed: Notify,
}

/// Whoever wants to know what the link brings.
pub(crate) trait Listener: Send + Sync + 'static {
    /// An announcement came.
    fn frames(&self, channel: &str, frames: Vec<Bytes>);
    /// The channels that are to be subscribed on a new connection.
    fn channels(&self) -> Vec<String>;
    /// A new pair is there and subscribed: sessions must be announced, positions checked.
    fn relinked(&self);
}

impl Redis {
    /// Connects for the first time and starts to keep the link up. `listener` hears of everything that follows.
    pub(crate) async fn start(
        config: &Config,
        listener: Arc<dyn Listener>,
    ) -> Result<Arc<Self>, StartError> {
        let unreachable = |error: &dyn fmt::Display| {
            StartError::Unreachable(format!("{}: {error}", config.redis_shown()))
        };
        let client = client(&config.redis).map_err(|error| unreachable(&error))?;
        let db = client.get_connection_info().redis_settings().db();
        let redis = Arc::new(Self {
            client,
            db: i32::try_from(db).map_err(|error| unreachable(&error))?,
            identity: Identity::new(config.name.as_deref()),
            lacks_away: AtomicBool::new(false),
            lease: config.lease,
            timeout: config.redis_timeout,
            pair: watch::Sender::new(None),
            failed: Notify::new(),
        });
        let deadline = tokio::time::Instant::now() + config.redis_wait;
        let mut backoff = Backoff::default();
        let stream = loop {
            match redis.connect().await {
                Ok(stream) => break stream,
                Err(fault) if is_unknown_command(&fault) => return Err(StartError::NoModule),
                Err(fault) if tokio::time::Instant::now() >= deadline => {
                    return Err(unreachable(&fault));
                }
                Err(_) => tokio::time::sleep(backoff.next().min(config.redis_wait / 4)).await,
            }
        };
        tokio::spawn(redis.clone().keep_up(stream, listener));
        Ok(redis)
    }

    /// Whether Redis is connected.
    pub(crate) fn is_up(&self) -> bool {
        self.pair.borrow().is_some()
    }

    /// Returns when Redis is connected.
    pub(crate) async fn up(&self) {
        // The sender lives as long as `self`.
        let _ = self.pair.subscribe().wait_for(Option::is_some).await;
    }

    fn pair(&self) -> Result<Arc<Pair>, Fault> {
        self.pair.borrow().clone().ok_or(Fault::Down)
    }

    /// Sends a command on the connection that holds the sessions.
    pub(crate) async fn call(&self, command: &Cmd) -> Result<Value, Fault> {
        let pair = self.pair()?;
        let mut commands = pair.commands.clone();
        self.checked(&pair, command.query_async(&mut commands).await)
    }

    /// Subscribes a room's channel; returns when Redis has confirmed it.
    pub(crate) async fn subscribe(&self, channel: &str) -> Result<(), Fault> {
        let pair = self.pair()?;
        let mut subscriber = pair.subscriber.clone();
        let done = timeout(self.timeout, subscriber.subscribe(channel)).await;
        self.subscribed(&pair, done)
    }

    pub(crate) async fn unsubscribe(&self, channel: &str) -> Result<(), Fault> {
        let pair = self.pair()?;
        let mut subscriber = pair.subscriber.clone();
        let done = timeout(self.timeout, subscriber.unsubscribe(channel)).await;
        self.subscribed(&pair, done)
    }

    fn subscribed(
        &self,
        pair: &Arc<Pair>,
        done: Result<redis::RedisResult<()>, tokio::time::error::Elapsed>,
    ) -> Result<(), Fault> {
        match done {
            Ok(done) => self.checked(pair, done),
            Err(_) => {
                self.give_up(pair);
                Err(Fault::Down)
            }
        }
    }

    /// A broken connection is given up at once: its answers would belong to nobody.
    fn checked<T>(&self, pair: &Arc<Pair>, answer: redis::RedisResult<T>) -> Result<T, Fault> {
        answer.map_err(|error| {
            let fault = fault_of(&error);
            match &fault {
                Fault::Down => self.give_up(pair),
                // It was demoted: the address may lead to its successor by now.
                Fault::Refused { code, .. } if code == "READONLY" => self.give_up(pair),
                Fault::Refused { .. } => {}
            }
            fault
        })
    }

    /// Whoever waited long for an answer of an earlier pair must not end the one that took its place.
    fn give_up(&self, pair: &Arc<Pair>) {
        let is_current = |current: &Arc<Pair>| Arc::ptr_eq(current, pair);
        if self.pair.borrow().as_ref().is_some_and(is_current) {
            self.failed.notify_one();
        }
    }

    async fn connect(&self) -> Result<PubSubStream, Fault> {
        let options = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        let commands = self
            .client
            .get_multiplexed_async_connection_with_config(&options);
        let mut commands = commands.await.map_err(|error| detailed(&error))?;
        self.lacks_away.store(false, Ordering::Relaxed);
        self.identity.forget_module();
        let hello = self.identity.hello(&mut commands, self.lease).await;
        hello.map_err(|error| detailed(&error))?;
        is_primary(&mut commands).await?;
        self.identity.show(&mut commands).await;
        let pubsub = timeout(self.timeout, self.client.get_async_pubsub())
            .await
            .map_err(|_| Fault::Down)?;
        let (subscriber, stream) = pubsub.map_err(|error| detailed(&error))?.split();
        // An old failure is not this connection's.
        let _ = self.failed.notified().now_or_never();
        self.pair.send_replace(Some(Arc::new(Pair {
            commands,
            subscriber,
        })));
        metrics::LINK_UP.add(1);
        Ok(stream)
    }

    /// Names the connection again. Whether the sessions are to be announced again.
    async fn renew(&self) -> Result<bool, Fault> {
        let pair = self.pair()?;
        let mut commands = pair.commands.clone();
        let answer = self.identity.hello(&mut commands, self.lease).await;
        self.checked(&pair, answer)
    }

    async fn keep_up(self: Arc<Self>, mut stream: PubSubStream, listener: Arc<dyn Listener>) {
        loop {
            let why = self.serve(stream, &listener).await;
            self.pair.send_replace(None);
            metrics::LINK_UP.down();
            metrics::LINK_LOST.up();
            warn!(%why, "the connection to Redis is lost");
            let mut backoff = Backoff::default();
            stream = loop {
                tokio::time::sleep(backoff.next()).await;
                match self.connect().await {
                    Ok(stream) => break stream,
                    Err(fault) => warn!(%fault, "Redis cannot be reached"),
                }
            };
            info!("connected to Redis again");
        }
    }

    /// Reads announcements and renews the lease until something breaks.
    async fn serve(&self, stream: PubSubStream, listener: &Arc<dyn Listener>) -> &'static str {
        let read = read(stream, self.db, listener.clone());
        let renew = async {
            if let Err(why) = self.subscribe_all(listener.channels()).await {
                return why;
            }
            listener.relinked();
            loop {
                tokio::time::sleep(self.lease / 3).await;
                match self.renew().await {
                    Ok(true) => {
                        warn!("Redis had ended the sessions: announcing all of them again");
                        listener.relinked();
                    }
                    Ok(false) => {}
                    Err(_) => return "the lease could not be renewed",
                }
                if self.ping_subscriber().await.is_err() {
                    return "the connection for announcements does not answer";
                }
            }
        };
        tokio::select! {
            why = read => why,
            why = renew => why,
            () = self.failed.notified() => "a command failed",
        }
    }

    async fn subscribe_all(&self, channels: Vec<String>) -> Result<(), &'static str> {
        for some in channels.chunks(500) {
            let pair = self.pair().map_err(|_| "it broke at once")?;
            let mut subscriber = pair.subscriber.clone();
            let done = timeout(self.timeout, subscriber.subscribe(some)).await;
            if !matches!(done, Ok(Ok(()))) {
                return Err("the rooms could not be subscribed again");
            }
        }
        Ok(())
    }

    async fn ping_subscriber(&self) -> Result<(), Fault> {
        let mut subscriber = self.pair()?.subscriber.clone();
        match timeout(self.timeout, subscriber.ping::<Value>()).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Fault::Down),
        }
    }
}

/// Announcements that are handed on together at most.
const TOGETHER: usize = 2048;
/// Turns of other tasks without a further announcement, after which none is waited for.
const MOMENT: usize = 4;

/// A message and those that come right behind it: the library reads the socket in a task of its own, which is asked for
/// more until it has nothing for a moment.
async fn gather(first: Msg, stream: &mut PubSubStream) -> Vec<Msg> {
    let mut chunk = vec![first];
    let mut quiet = 0;
    while quiet < MOMENT && chunk.len() < TOGETHER {
        match stream.next().now_or_never() {
            Some(Some(next)) => {
                chunk.push(next);
                quiet = 0;
            }
            // The end is seen again by whoever asks next.
            Some(None) => break,
            None => {
                quiet += 1;
                tokio::task::yield_now().await;
            }
        }
    }
    chunk
}

/// Hands announcements on, those of a room that came together in one go: they leave together too.
/// Channels know no databases: what is announced in another one than `db` is none of ours.
async fn read(mut stream: PubSubStream, db: i32, listener: Arc<dyn Listener>) -> &'static str {
    while let Some(first) = stream.next().await {
        let chunk = gather(first, &mut stream).await;
        metrics::FRAMES.add(chunk.len() as u64);
        let mut rooms: HashMap<&str, Vec<Bytes>> = HashMap::new();
        for message in &chunk {
            if announce::parse(message.get_payload_bytes()).is_some_and(|(of, _)| of.db != db) {
                continue;
            }
            let frame = Bytes::copy_from_slice(message.get_payload_bytes());
            rooms
                .entry(message.get_channel_name())
                .or_default()
                .push(frame);
        }
        for (channel, frames) in rooms {
            listener.frames(channel, frames);
        }
    }
    "the connection for announcements ended"
}

/// Nothing that the rights of a proxy need not allow is asked behind our back.
fn client(url: &str) -> RedisResult<Client> {
    let info = url.into_connection_info()?;
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    Client::open(info.set_redis_settings(settings))
}

/// Sessions begin on a primary only. Where an ACL forbids the question, the commands themselves will tell.
async fn is_primary(commands: &mut MultiplexedConnection) -> Result<(), Fault> {
    let role = redis::cmd("ROLE").query_async::<Vec<Value>>(commands).await;
    let role = role.ok().and_then(|role| role.into_iter().next());
    match role {
        Some(Value::BulkString(role)) if role != b"master" => Err(Fault::Refused {
            code: "READONLY".into(),
            message: format!("this Redis is a {}", String::from_utf8_lossy(&role)),
        }),
        _ => Ok(()),
    }
}

fn fault_of(error: &redis::RedisError) -> Fault {
    match error.code() {
        Some(code) if !error.is_io_error() => Fault::Refused {
            code: code.to_owned(),
            message: error.detail().unwrap_or("without a reason").to_owned(),
        },
        _ => Fault::Down,
    }
}

/// As `fault_of`, but with the library's words where there is no answer: people read it at the start.
fn detailed(error: &redis::RedisError) -> Fault {
    match fault_of(error) {
        Fault::Down => Fault::Refused {
            code: "ERR".into(),
            message: error.to_string(),
        },
        refused => refused,
    }
}

fn is_unknown_command(fault: &Fault) -> bool {
    matches!(fault, Fault::Refused { message, .. } if message.contains("unknown command"))
}
