//! What all connections share, and the clock that looks after them.

use crate::clock;
use crate::close::Close;
use crate::config::Config;
use crate::conn::Conn;
use crate::hub::Hubs;
use crate::redis::Redis;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::warn;

/// How often every connection is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How long the last acknowledgements may take when the proxy stops.
const REPORT_WITHIN: Duration = Duration::from_secs(3);

pub(crate) struct Server {
    pub(crate) config: Arc<Config>,
    pub(crate) redis: Arc<Redis>,
    pub(crate) hubs: Arc<Hubs>,
    conns: Mutex<HashMap<u64, Weak<Conn>>>,
    last_id: AtomicU64,
}

impl Server {
    pub(crate) fn new(config: Arc<Config>, redis: Arc<Redis>, hubs: Arc<Hubs>) -> Arc<Self> {
        let server = Arc::new(Self {
            config,
            redis,
            hubs,
            conns: Mutex::default(),
            last_id: AtomicU64::new(0),
        });
        tokio::spawn(server.clone().tick());
        server
    }

    /// A number that nothing else in this proxy has.
    pub(crate) fn new_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Takes a connection in; `None` if there are too many. It counts until the guard is dropped.
    pub(crate) fn admit(self: &Arc<Self>, conn: &Arc<Conn>) -> Option<Admitted> {
        let mut conns = self.conns.lock();
        if conns.len() >= self.config.max_connections {
            return None;
        }
        let id = self.new_id();
        conns.insert(id, Arc::downgrade(conn));
        crate::metrics::CONNECTIONS.up();
        Some(Admitted {
            server: self.clone(),
            id,
        })
    }

    pub(crate) fn is_full(&self) -> bool {
        self.conns.lock().len() >= self.config.max_connections
    }

    fn conns(&self) -> Vec<Arc<Conn>> {
        let conns = self.conns.lock();
        conns.values().filter_map(Weak::upgrade).collect()
    }

    async fn tick(self: Arc<Self>) {
        let idle = self.config.heartbeat.as_millis() as u64;
        let dead = self.config.dead_after.as_millis() as u64;
        let mut clock = interval(TICK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            clock.tick().await;
            for (i, conn) in self.conns().into_iter().enumerate() {
                conn.tick(clock::now_ms(), idle, dead);
                if i % 256 == 255 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Tells every client that the proxy stops, and waits a moment for them to go.
    pub(crate) async fn stop(&self) {
        for conn in self.conns() {
            conn.close(Close::GoingAway);
        }
        for _ in 0..40 {
            if self.conns.lock().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if timeout(REPORT_WITHIN, self.hubs.stop()).await.is_err() {
            warn!("not everything that clients confirmed could be reported");
        }
    }
}

/// A connection's place among all; dropped at its end.
pub(crate) struct Admitted {
    server: Arc<Server>,
    id: u64,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.server.conns.lock().remove(&self.id);
        crate::metrics::CONNECTIONS.down();
    }
}
