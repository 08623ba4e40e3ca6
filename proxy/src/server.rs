//! What all connections share, and the clock that looks after them.

use crate::api::Api;
use crate::auth::judge::Judge;
use crate::bans::Banned;
use crate::budget::Budgets;
use crate::clock;
use crate::config::Config;
use crate::conn::brake::Brakes;
use crate::conn::life::{Early, Start, serve};
use crate::conn::patience::Patience;
use crate::conn::read::Reading;
use crate::conn::shared::Conn;
use crate::conn::tls::Wire;
use crate::files;
use crate::http::door::Door;
use crate::http::fronts::Fronts;
use crate::http::gate::{Gate, Group, Place};
use crate::inbox::Inboxes;
use crate::link::Link;
use crate::metrics::Metrics;
use crate::said::Said;
use hub_core::client::ClientLimits;
use hub_core::close::Close;
use hub_core::handle::ConnId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Once, Weak};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::sleep;
use tracing::debug;

/// How often every connection is looked at.
const TICK: Duration = Duration::from_millis(500);
/// A tick that is later than this was not only waited for: this process stood still.
const STOOD_STILL: Duration = Duration::from_millis(250);

/// See the top of the file.
pub(crate) struct Server {
    pub(crate) config: Arc<Config>,
    pub(crate) link: Arc<Link>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) banned: Arc<Banned>,
    /// For backends, if there are keys for it.
    pub(crate) api: Option<Arc<Api>>,
    pub(crate) door: Door,
    pub(crate) gate: Arc<Gate>,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) fronts: Arc<Fronts>,
    /// Somebody who is no trusted proxy said for whom it connects: told once.
    pub(crate) untrusted: Once,
    pub(crate) turned_away: Said,
    pub(crate) refused_full: Said,
    reading: Arc<Reading>,
    /// The threads that connections are spread over.
    threads: Vec<Handle>,
    conns: Mutex<HashMap<ConnId, Weak<Conn>>>,
    last_id: AtomicU64,
    stops: AtomicBool,
}

impl Server {
    #[expect(
        clippy::too_many_arguments,
        reason = "what connections share, made elsewhere"
    )]
    pub(crate) fn new(
        config: Arc<Config>,
        link: Arc<Link>,
        inboxes: Arc<Inboxes>,
        metrics: Arc<Metrics>,
        threads: Vec<Handle>,
        judge: Option<Arc<Judge>>,
        banned: Arc<Banned>,
        api: Option<Arc<Api>>,
    ) -> Self {
        let limits = ClientLimits {
            max_rooms: config.limits.max_rooms,
            tokens: judge.is_some(),
            ..ClientLimits::default()
        };
        let budgets = Arc::new(Budgets::new(&config));
        let reading = Reading {
            brakes: Brakes {
                budgets: budgets.clone(),
                metrics: metrics.clone(),
                busy_timeout: config.limits.busy_timeout.as_millis() as u64,
                told: Said::default(),
            },
            inboxes,
            metrics: metrics.clone(),
            limits,
            judge,
            banned: banned.clone(),
            max_event: config.limits.max_event,
            panics: config.panics(),
        };
        Self {
            door: Door::new(&config),
            gate: Arc::new(gate(&config)),
            budgets,
            fronts: Arc::new(Fronts(config.entrance.trusted_proxies.clone())),
            untrusted: Once::new(),
            config,
            link,
            metrics,
            banned,
            api,
            turned_away: Said::default(),
            refused_full: Said::default(),
            reading: Arc::new(reading),
            threads,
            conns: Mutex::default(),
            last_id: AtomicU64::new(0),
            stops: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.conns.lock().len() >= self.config.limits.max_connections
    }

    /// Serves an upgraded connection on one of the threads; its places are kept until the end.
    pub(crate) fn begin(self: &Arc<Self>, wire: Wire, early: Early, client: Arrived) {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let Some(thread) = self.threads.get(id as usize % self.threads.len().max(1)) else {
            return;
        };
        // The thread's own runtime is to watch the socket.
        let Wire { stream, tls } = wire;
        let Ok(stream) = stream.into_std() else {
            return;
        };
        let server = self.clone();
        thread.spawn(async move {
            let Ok(stream) = TcpStream::from_std(stream) else {
                return;
            };
            let now = clock::now_ms();
            let payer = server.budgets.address(Group::of(client.address));
            let purse = server.budgets.open(now, payer);
            let wire = Wire { stream, tls };
            let conn = Conn::new(id, wire, client.address, server.config.service.outbox, now);
            let conn = Arc::new(conn);
            let Some(admitted) = server.admit(&conn, client) else {
                return;
            };
            let reading = server.reading.clone();
            drop(server);
            let start = Start { early, purse };
            // A task of its own again: this one is as large as both.
            tokio::spawn(serve(reading, conn, start, admitted));
        });
    }

    /// Takes a connection in; `None` if there are too many, or the proxy stops. It counts until the guard is dropped.
    fn admit(self: &Arc<Self>, conn: &Arc<Conn>, client: Arrived) -> Option<Admitted> {
        let mut conns = self.conns.lock();
        if self.stops() || conns.len() >= self.config.limits.max_connections {
            return None;
        }
        conns.insert(conn.id(), Arc::downgrade(conn));
        self.metrics.connections.inc();
        Some(Admitted {
            server: self.clone(),
            id: conn.id(),
            _client: client,
        })
    }

    fn conns(&self) -> Vec<Arc<Conn>> {
        let conns = self.conns.lock();
        conns.values().filter_map(Weak::upgrade).collect()
    }

    /// Looks at every connection again and again.
    pub(crate) async fn tick(self: Arc<Self>) {
        let patience = Patience {
            idle: self.config.patience.heartbeat.as_millis() as u64,
            dead: self.config.patience.dead_after.as_millis() as u64,
            login: self.config.patience.login_timeout.as_millis() as u64,
            write: self.config.patience.write_timeout.as_millis() as u64,
            message: self.config.patience.message_timeout.as_millis() as u64,
        };
        let (tick, stood_still) = (TICK.as_millis() as u64, STOOD_STILL.as_millis() as u64);
        let mut last = clock::now_ms();
        loop {
            sleep(TICK).await;
            // One time for all: what this process stands still while it looks at them is seen the next time.
            let now = clock::now_ms();
            let late = now.saturating_sub(last + tick);
            last = now;
            let paused = if late > stood_still { late } else { 0 };
            for (i, conn) in self.conns().into_iter().enumerate() {
                if let Some(given_up) = conn.tick(now, paused, &patience) {
                    self.metrics.given_up(given_up).inc();
                    debug!(conn = conn.id(), ?given_up, "a connection is given up");
                }
                if i % 256 == 255 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// When there are other bans, those whom they may be about look at them; nobody else is disturbed.
    pub(crate) async fn watch_bans(self: Arc<Self>) {
        loop {
            self.banned.changed().await;
            for (i, conn) in self.conns().into_iter().enumerate() {
                let concerned = |uid: &str| self.banned.read().concerns(uid);
                if conn.who().may_be(concerned) {
                    conn.look_at_bans();
                }
                if i % 256 == 255 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Closes all connections for this reason.
    pub(crate) fn close_all(&self, why: Close) {
        for conn in self.conns() {
            conn.close(why);
        }
    }

    /// Nobody comes in any more, and `/readyz` says so.
    pub(crate) fn close_door(&self) {
        // Whoever is taken in at this moment is among the connections when this returns.
        let _conns = self.conns.lock();
        self.stops.store(true, Ordering::Relaxed);
    }

    /// Whether the proxy stops.
    pub(crate) fn stops(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }

    /// Why it is not ready, if it is not.
    pub(crate) fn why_not_ready(&self) -> Option<&'static str> {
        if self.stops() {
            Some("the proxy stops")
        } else if !self.link.is_up() {
            Some("Redis is away")
        } else if !self.banned.is_known() {
            Some("the bans (roomcast:bans in Redis) are not read yet")
        } else {
            None
        }
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.conns.lock().len()
    }

    /// All connections; they are not held.
    pub(crate) fn weak_conns(&self) -> Vec<Weak<Conn>> {
        self.conns.lock().values().cloned().collect()
    }

    pub(crate) fn inboxes(&self) -> &Inboxes {
        &self.reading.inboxes
    }

    /// Returns when each thread has had a turn.
    pub(crate) async fn all_threads_live(&self) {
        for thread in &self.threads {
            let _ = thread.spawn(async {}).await;
        }
    }
}

/// Whoever asked for a WebSocket: its address, and the places that it holds.
pub(crate) struct Arrived {
    pub(crate) address: IpAddr,
    pub(crate) _connection: Arc<[Place]>,
    pub(crate) by_address: Option<Place>,
}

impl Arrived {
    /// A trusted proxy brings it, and says for whom.
    pub(crate) const fn by_front(&self) -> bool {
        self.by_address.is_some()
    }
}

/// A connection's place among all; dropped at its end.
struct Admitted {
    server: Arc<Server>,
    id: ConnId,
    _client: Arrived,
}

/// As many connections as there may be, and by default half of those that can be for one address.
fn gate(config: &Config) -> Gate {
    let files = files::for_connections().map(|most| usize::try_from(most).unwrap_or(usize::MAX));
    let can_be = config
        .limits
        .max_connections
        .min(files.unwrap_or(usize::MAX));
    let of_one = config.limits.max_per_address.unwrap_or((can_be / 2).max(1));
    Gate::new(
        config
            .limits
            .max_connections
            .saturating_add(config.limits.max_http),
        of_one,
    )
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.server.conns.lock().remove(&self.id);
        self.server.metrics.connections.dec();
    }
}
