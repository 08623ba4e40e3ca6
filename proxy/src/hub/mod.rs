//! Hubs: one for each room that somebody here is in.
//!
//! A hub subscribes its room's channel once, follows the room's history, and sends each message to every seat. A seat
//! is a connection's place in a room: **live** while it has what the hub has, else **catching up** from the log.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | the rooms by name: who subscribes, who unsubscribes |
//! | `task` | the task that owns a room's seats: what it is told, what it does |
//! | `follow` | live frames, gaps, resets |
//! | `seats` | the list of seats, and the loop that sends to all of them |
//! | `join` | a seat that catches up, until it steps over to live |
//! | `pages` | pages of the log, shared by all who catch up |
//! | `acks` | what was confirmed and is to be reported |
//! | `encode` | announcements and rows as WebSocket frames |

pub(crate) mod acks;
mod encode;
mod follow;
mod join;
mod pages;
mod seats;
mod task;

pub(crate) use join::tell_start;
pub(crate) use task::report_before_join;

use crate::catchup::Follower;
use crate::config::Config;
use crate::conn::Conn;
use crate::redis::{Fault, Listener, Redis};
use crate::{clock, metrics};
use acks::{Acks, Leave, SeatId};
use bytes::Bytes;
use pages::Pages;
use parking_lot::Mutex;
use room_core::position::{Position, Seq};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Notify, OnceCell, RwLock, mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::warn;

/// Requests and runs of frames that wait for a room's task.
const INBOX: usize = 1024;
const FRAMES: usize = 256;

/// What a room's task is told.
pub(crate) enum Msg {
    /// Redis says where the room is now; counts if the hub does not know.
    Start(Position),
    /// A seat that has everything up to `at`, in a room that had everything up to `head` when it came.
    Enter {
        seat: NewSeat,
        at: Position,
        head: Seq,
    },
    /// A seat that catches up has everything up to `at`: may it go live?
    StepOver {
        id: SeatId,
        at: Position,
        answer: tokio::sync::oneshot::Sender<Step>,
    },
    /// A seat is gone.
    Exit {
        id: SeatId,
        uid: Arc<str>,
        how: Leave,
    },
    /// A seat has more than the hub: is something missing?
    Look,
    /// The proxy stops: whoever is still here is away, and everything is to be reported now.
    Stop(tokio::sync::oneshot::Sender<()>),
    /// Redis is connected again, or wants to hear of the sessions again.
    Relinked,
}

/// What a seat that catches up does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is live, or gone.
    Done,
    /// The hub has something else than the seat.
    ReadOn,
    /// The hub does not know where the room is: Redis must be asked.
    Ask,
}

/// A seat that a connection takes.
#[derive(Clone)]
pub(crate) struct NewSeat {
    pub(crate) id: SeatId,
    pub(crate) conn: Arc<Conn>,
    pub(crate) uid: Arc<str>,
}

/// One room.
pub(crate) struct Hub {
    pub(crate) roomid: String,
    pub(crate) key: String,
    redis: Arc<Redis>,
    config: Arc<Config>,
    inbox: mpsc::Sender<Msg>,
    frames: mpsc::Sender<Vec<Bytes>>,
    /// Frames were dropped because the task was busy: it must look into the log.
    lagged: AtomicBool,
    wake: Arc<Notify>,
    follower: Mutex<Option<Follower>>,
    /// The number of the newest message that the hub has.
    moved: watch::Sender<Seq>,
    online: AtomicU64,
    members: AtomicU64,
    acks: Mutex<Acks>,
    /// Held by whoever reports: what is said of a uid before its join must be answered before the join is sent.
    reporting: tokio::sync::Mutex<()>,
    pages: Pages,
    subscribed: OnceCell<()>,
}

impl Hub {
    /// Uids online, and members, as the last frame or reply said.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (
            self.online.load(Ordering::Relaxed),
            self.members.load(Ordering::Relaxed),
        )
    }

    pub(crate) fn set_counts(&self, online: u64, members: u64) {
        self.online.store(online, Ordering::Relaxed);
        self.members.store(members, Ordering::Relaxed);
    }

    pub(crate) fn acks<T>(&self, with: impl FnOnce(&mut Acks) -> T) -> T {
        with(&mut self.acks.lock())
    }

    fn following<T>(&self, with: impl FnOnce(&mut Option<Follower>) -> T) -> T {
        with(&mut self.follower.lock())
    }

    /// The client of a seat confirmed everything up to a position.
    pub(crate) fn confirm(&self, uid: &str, seat: SeatId, to: Position) {
        if self.acks(|acks| acks.confirm(uid, seat, to)) {
            self.wake.notify_one();
        }
    }

    /// A join that had begun failed.
    pub(crate) fn abort(&self, uid: &str) {
        self.acks(|acks| acks.abort(uid));
        self.wake.notify_one();
    }

    pub(crate) async fn tell(&self, msg: Msg) {
        // The task ends only after the hub was taken from the list, when nobody is in the room.
        let _ = self.inbox.send(msg).await;
    }

    /// The position of a message that was just published: from the live frames, or from the log.
    pub(crate) async fn position_of(&self, seq: Seq) -> Option<Position> {
        let mut moved = self.moved.subscribe();
        let _ = timeout(
            Duration::from_millis(500),
            moved.wait_for(|head| *head >= seq),
        )
        .await;
        let recent =
            self.following(|follower| follower.as_ref().and_then(|follower| follower.recent(seq)));
        if recent.is_some() {
            return recent;
        }
        let range = self
            .redis
            .range(&self.key, seq.saturating_add(1), 1, 1)
            .await
            .ok()?;
        (range.before.seq == seq).then_some(range.before)
    }
}

struct Entry {
    hub: Arc<Hub>,
    /// Connections that are in the room or about to be.
    interest: usize,
    idle_since: u64,
}

/// All rooms.
pub(crate) struct Hubs {
    config: Arc<Config>,
    redis: OnceLock<Arc<Redis>>,
    rooms: Mutex<HashMap<String, Entry>>,
    /// Subscribing goes on side by side; unsubscribing waits for it and holds it up, so that the two cannot cross.
    subscribing: RwLock<()>,
}

impl Hubs {
    pub(crate) fn new(config: Arc<Config>) -> Arc<Self> {
        Arc::new(Self {
            config,
            redis: OnceLock::new(),
            rooms: Mutex::default(),
            subscribing: RwLock::default(),
        })
    }

    /// Gives the hubs their link and begins to unsubscribe rooms that nobody is in any more.
    pub(crate) fn start(self: &Arc<Self>, redis: Arc<Redis>) {
        let _ = self.redis.set(redis);
        let hubs = self.clone();
        tokio::spawn(async move {
            loop {
                sleep(Duration::from_millis(500)).await;
                hubs.sweep().await;
            }
        });
    }

    /// The hub of a room, subscribed. Each call needs one of [`leave`](Self::leave).
    pub(crate) async fn enter(&self, roomid: &str) -> Result<Arc<Hub>, Fault> {
        let redis = self.redis.get().ok_or(Fault::Down)?;
        let key = format!("{}{roomid}", self.config.key_prefix);
        let hub = {
            let mut rooms = self.rooms.lock();
            let entry = rooms.entry(key.clone()).or_insert_with(|| {
                let hub = self.new_hub(roomid, &key, redis);
                Entry {
                    hub,
                    interest: 0,
                    idle_since: 0,
                }
            });
            entry.interest += 1;
            entry.hub.clone()
        };
        let _side_by_side = self.subscribing.read().await;
        let subscribed = hub
            .subscribed
            .get_or_try_init(|| redis.subscribe(&hub.key))
            .await;
        if let Err(fault) = subscribed {
            self.leave(&hub);
            return Err(fault);
        }
        Ok(hub)
    }

    fn new_hub(&self, roomid: &str, key: &str, redis: &Arc<Redis>) -> Arc<Hub> {
        let (inbox, requests) = mpsc::channel(INBOX);
        let (frames, arriving) = mpsc::channel(FRAMES);
        let hub = Arc::new(Hub {
            roomid: roomid.to_owned(),
            key: key.to_owned(),
            redis: redis.clone(),
            config: self.config.clone(),
            inbox,
            frames,
            lagged: AtomicBool::new(false),
            wake: Arc::default(),
            follower: Mutex::default(),
            moved: watch::Sender::new(0),
            online: AtomicU64::new(0),
            members: AtomicU64::new(0),
            acks: Mutex::default(),
            reporting: tokio::sync::Mutex::default(),
            pages: Pages::default(),
            subscribed: OnceCell::new(),
        });
        tokio::spawn(task::run(Arc::downgrade(&hub), requests, arriving));
        hub
    }

    /// Takes back one [`enter`](Self::enter).
    pub(crate) fn leave(&self, hub: &Hub) {
        if let Some(entry) = self.rooms.lock().get_mut(&hub.key) {
            entry.interest = entry.interest.saturating_sub(1);
            entry.idle_since = clock::now_ms();
        }
    }

    async fn sweep(&self) {
        let now = clock::now_ms();
        let pause = self.config.room_pause.as_millis() as u64;
        let idle = |entry: &Entry| entry.interest == 0 && now >= entry.idle_since + pause;
        let candidates: Vec<String> = {
            let rooms = self.rooms.lock();
            rooms.values().for_each(|entry| entry.hub.pages.expire(now));
            rooms
                .iter()
                .filter(|(_, entry)| idle(entry))
                .map(|(key, _)| key.clone())
                .collect()
        };
        for key in candidates {
            let _alone = self.subscribing.write().await;
            let gone = {
                let mut rooms = self.rooms.lock();
                if !rooms.get(&key).is_some_and(idle) {
                    continue;
                }
                rooms.remove(&key)
            };
            let Some(redis) = self.redis.get() else {
                continue;
            };
            // If Redis is away, the next pair of connections does not subscribe it.
            if let (Some(entry), Err(fault)) = (gone, redis.unsubscribe(&key).await) {
                warn!(room = entry.hub.roomid, %fault, "a room could not be unsubscribed");
            }
        }
    }

    /// The proxy stops: reports who goes and what was confirmed in all rooms.
    pub(crate) async fn stop(&self) {
        let mut answers = Vec::new();
        for hub in self.all() {
            let (answer, answered) = tokio::sync::oneshot::channel();
            hub.tell(Msg::Stop(answer)).await;
            answers.push(answered);
        }
        for answered in answers {
            // A task that is gone has nothing to report.
            let _ = answered.await;
        }
    }

    fn all(&self) -> Vec<Arc<Hub>> {
        self.rooms
            .lock()
            .values()
            .map(|entry| entry.hub.clone())
            .collect()
    }
}

impl Listener for Hubs {
    fn frames(&self, channel: &str, frames: Vec<Bytes>) {
        let hub = self
            .rooms
            .lock()
            .get(channel)
            .map(|entry| entry.hub.clone());
        let Some(hub) = hub else { return };
        let many = frames.len() as u64;
        if hub.frames.try_send(frames).is_err() {
            metrics::DROPPED_FRAMES.add(many);
            hub.lagged.store(true, Ordering::Release);
            hub.wake.notify_one();
        }
    }

    fn channels(&self) -> Vec<String> {
        self.rooms.lock().keys().cloned().collect()
    }

    fn relinked(&self) {
        for hub in self.all() {
            tokio::spawn(async move { hub.tell(Msg::Relinked).await });
        }
    }
}
