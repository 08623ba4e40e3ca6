//! Walks over all rooms while somebody looks: one walk for all who do, 500 keys a second at most, of all servers together. It stops
//! ten seconds after the last look, and goes on where it was at the next.

use super::ask::Asking;
use super::walk::{Found, MOST_MEMBERS, Walk};
use futures_util::future::join_all;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

/// Keys that are asked for at once, and how long one of them takes.
const AT_ONCE: &str = "50";
const A_KEY: Duration = Duration::from_millis(2);
/// The pause behind a part without any key.
const LEAST_PAUSE: Duration = Duration::from_millis(20);
/// Rooms that are asked about at the same time.
const BESIDE: usize = 10;
/// So long after the last look it stops.
const LOOKED: Duration = Duration::from_secs(10);
/// A new walk begins so long after the last one's end.
const AGAIN: Duration = Duration::from_secs(30);
/// What stood still for longer begins anew.
const STALE: Duration = Duration::from_secs(300);
/// How soon it is tried again to find a server.
const RETRY: Duration = Duration::from_secs(1);
/// Members of each room that may be among the first of all.
const TOP: &str = "20";

#[derive(Default)]
struct Seen {
    looked: Option<Instant>,
    /// The walk that is under way, and when it last went on.
    walk: Option<(Walk, Instant)>,
    /// What the last whole one found, when it ended, and how long it took.
    done: Option<(Value, Instant, Duration)>,
    began: Option<Instant>,
}

/// See the top of the file.
pub(super) struct Scan {
    asking: Asking,
    seen: Mutex<Seen>,
    look: Notify,
}

impl Scan {
    pub(super) fn new(asking: Asking) -> Self {
        Self {
            asking,
            seen: Mutex::default(),
            look: Notify::new(),
        }
    }

    /// What was found so far; whoever asks looks.
    pub(super) fn shown(&self) -> Value {
        let mut seen = self.seen.lock();
        seen.looked = Some(Instant::now());
        self.look.notify_one();
        let ms = |time: Duration| time.as_millis() as u64;
        let walking = seen.walk.as_ref().map(|(walk, _)| walk.shown());
        let done = seen.done.as_ref().map(|(found, at, took)| {
            json!({"age_ms": ms(at.elapsed()), "took_ms": ms(*took), "found": found})
        });
        json!({"done": done, "walking": walking, "keys_a_second": 1000 / ms(A_KEY)})
    }

    /// For ever.
    pub(super) async fn run(&self) {
        loop {
            self.is_looked_at().await;
            let pause = self.step().await;
            sleep(pause).await;
        }
    }

    /// Returns while somebody looks, or when somebody does.
    async fn is_looked_at(&self) {
        loop {
            let looked = self.seen.lock().looked;
            if looked.is_some_and(|looked| looked.elapsed() < LOOKED) {
                return;
            }
            self.look.notified().await;
        }
    }

    /// Goes on a little; how long to rest then.
    async fn step(&self) -> Duration {
        let rests = {
            let mut seen = self.seen.lock();
            if seen
                .walk
                .as_ref()
                .is_some_and(|walk| walk.1.elapsed() > STALE)
            {
                seen.walk = None;
            }
            let rested = |done: &(Value, Instant, Duration)| done.1 + AGAIN;
            let until = seen.done.as_ref().map(rested);
            until.filter(|until| seen.walk.is_none() && *until > Instant::now())
        };
        if let Some(until) = rests {
            sleep_until(until.min(Instant::now() + LEAST_PAUSE * 10)).await;
            return Duration::ZERO;
        }
        if self.seen.lock().walk.is_none() {
            let Some(walk) = self.begin().await else {
                return RETRY;
            };
            self.seen.lock().walk = Some((walk, Instant::now()));
        }
        let pause = self.go_on().await;
        let seen = &mut *self.seen.lock();
        let now = Instant::now();
        match (pause, seen.walk.take()) {
            (Some(pause), walk) => {
                seen.walk = walk.map(|(walk, _)| (walk, now));
                pause
            }
            (None, walk) => {
                let took = seen.began.map_or(Duration::ZERO, |began| now - began);
                seen.done = walk.map(|(walk, _)| (walk.shown(), now, took));
                Duration::ZERO
            }
        }
    }

    /// Does something with the walk that is under way.
    fn with<T>(&self, what: impl FnOnce(&mut Walk) -> T) -> Option<T> {
        self.seen.lock().walk.as_mut().map(|(walk, _)| what(walk))
    }

    async fn begin(&self) -> Option<Walk> {
        let pairs = self.asking.pairs().await;
        let sizes = pairs
            .iter()
            .map(|pair| self.asking.server(*pair, "DBSIZE", &[]));
        let sizes = join_all(sizes).await;
        let keys = sizes.iter().flatten().filter_map(Value::as_u64).sum();
        self.seen.lock().began = Some(Instant::now());
        (!pairs.is_empty()).then(|| Walk::new(&pairs, keys))
    }

    /// Looks at some more keys; how long they may take. `None`: there are no more.
    async fn go_on(&self) -> Option<Duration> {
        let next = self.with(Walk::next)??;
        let began = Instant::now();
        let words = [next.cursor.as_str(), "COUNT", AT_ONCE];
        let Ok(reply) = self.asking.server(next.pair, "SCAN", &words).await else {
            self.with(|walk| walk.failed(&next));
            return Some(LEAST_PAUSE);
        };
        let prefix = self.asking.key_prefix();
        let (rooms, keys) = self.with(|walk| walk.keys(&next, &reply, prefix))?;
        for some in rooms.chunks(BESIDE) {
            let looked = join_all(some.iter().map(|roomid| self.look_at(roomid))).await;
            for (roomid, looked) in some.iter().zip(looked) {
                self.with(|walk| match &looked {
                    Ok((info, lag)) => walk.found(&Found {
                        roomid,
                        info,
                        lag: lag.as_ref(),
                    }),
                    Err(Some(())) => walk.missed(),
                    Err(None) => {}
                });
            }
        }
        let takes = A_KEY * u32::try_from(keys).unwrap_or(u32::MAX);
        Some(takes.saturating_sub(began.elapsed()).max(LEAST_PAUSE))
    }

    /// What is said of a room. `Err(None)`: the key is none, or is gone by now.
    async fn look_at(&self, roomid: &str) -> Result<(Value, Option<Value>), Option<()>> {
        let missed = |(code, _): (String, String)| {
            let is_none = matches!(code.as_str(), "WRONGTYPE" | "NOROOM");
            (!is_none).then_some(())
        };
        let info = self.asking.room(roomid, "ROOM.INFO", &[]).await;
        let info = info.map_err(missed)?;
        let members = info.get("members").and_then(Value::as_u64).unwrap_or(0);
        if members > MOST_MEMBERS {
            return Ok((info, None));
        }
        let lag = self.asking.room(roomid, "ROOM.LAG", &["TOP", TOP]).await;
        Ok((info, Some(lag.map_err(missed)?)))
    }
}
