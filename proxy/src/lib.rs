//! The WebSocket proxy: browsers' JSON events on one side, Redis with the Roomcast module on the other. What rooms and
//! connections do is in the crate `hub-core`; here is what is real: threads, sockets, the link, the clock.
//!
//! | file | what it holds |
//! |---|---|
//! | [`config`]`/` | the options |
//! | `times` | times as options write them |
//! | `check` | whether they can work |
//! | `secrets` | the same for certificates and passwords |
//! | [`broken`] | defects on request, in builds for tests of the tests |
//! | [`acl`] | the rights that Redis is to give it |
//! | `files` | file descriptors |
//! | `contents` | small files that are read whole |
//! | `tls/` | TLS: certificates, and whom we trust |
//! | `budget` | what somebody may cost |
//! | `newcomers` | new memberships an hour |
//! | `speech` | bytes a second that somebody may publish |
//! | `auth/` | who may enter: tokens and their keys |
//! | `api/` | the HTTP API for backends |
//! | `admin/` | the admin port: metrics, and a page that shows rooms and queues |
//! | `webhook/` | telling a backend that mail waits |
//! | `errand` | one request over HTTP, to others |
//! | `watched` | a file of secrets that may change |
//! | `calls`, `clerk` | what it asks Redis, and who carries that |
//! | `at_work` | whether a request is worked on |
//! | `bans` | who is banned, as all connections see it |
//! | `inbox` | what workers are told |
//! | `worker` | a worker: owns rooms |
//! | `conn/` | connections |
//! | `link/` | the link to Redis |
//! | `http/` | the upgrade, the demo page, health, metrics |
//! | `server` | what all connections share, and the clock that looks after them |
//! | `drain` | its end |
//! | `notify` | what a service manager is told |
//! | `metrics/` | every number that is counted |
//! | `said` | log lines that are not repeated too often |

mod admin;
mod api;
mod at_work;
mod auth;
mod bans;
mod budget;
mod calls;
mod check;
mod clerk;
mod clock;
mod conn;
mod contents;
mod drain;
mod errand;
mod files;
mod http;
mod inbox;
mod link;
mod metrics;
mod newcomers;
mod notify;
mod said;
mod secrets;
mod server;
mod speech;
mod times;
mod tls;
mod watched;
mod webhook;
mod worker;

pub mod acl;
pub mod broken;
pub mod config;

use admin::Admin;
use api::Api;
use api::keys::Keys;
use auth::judge::Judge;
use bans::Banned;
use clerk::{Calls, Clerk};
use config::Config;
use http::doors;
use hub_core::close::Close;
use hub_core::settings::Settings;
use inbox::Inboxes;
use link::{Address, Cluster, Link, Means, Refusal, Single};
use metrics::Metrics;
use server::Server;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{io, thread};
use tls::shown::{Shown, server as server_of};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tracing::{info, warn};
use webhook::worker::Worker;

/// Why the program cannot begin, or go on.
#[derive(Debug)]
pub enum StartError {
    /// Options that cannot work.
    Options(String),
    /// Redis cannot be used: where it is, and why.
    Redis(String),
    /// Redis answers but has no `ROOM.*` commands.
    NoModule,
    /// A thread could not be started.
    Thread(io::Error),
    /// A part that everything needs has failed; what it was is in the log.
    Failed,
}

/// Where it listens.
pub struct Listeners {
    /// For browsers.
    pub public: TcpListener,
    /// For whoever looks at the metrics, if that is wanted.
    pub admin: Option<TcpListener>,
    /// For backends, if those have a port of their own.
    pub api: Option<TcpListener>,
}

/// Serves until `stop` is done.
pub async fn run(
    config: Config,
    listeners: Listeners,
    stop: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let warnings = check::check(&config).map_err(StartError::Options)?;
    warnings.iter().for_each(|warning| warn!("{warning}"));
    files::raise();
    if let Some(most) = files::for_connections()
        && most < config.limits.max_connections as u64
    {
        warn!(
            "there are file descriptors for {most} connections only, fewer than --max-connections {}: raise the limit (ulimit -n)",
            config.limits.max_connections
        );
    }
    let address = Address::of(&config).map_err(|bad| StartError::Redis(bad.0))?;
    let shown = certificate(&config).map_err(StartError::Options)?;
    let config = Arc::new(config);
    let figures: Vec<_> = (0..config.workers()).map(|_| Arc::default()).collect();
    let metrics = Arc::new(Metrics::new(figures.clone()));
    let judge = Judge::of(&config, metrics.clone()).map_err(StartError::Options)?;
    let judge = judge.map(Arc::new);
    let keys = config.api.api_key_file.as_deref();
    let keys = keys.map(|path| Keys::open("--api-key-file", path, "keys for the HTTP API"));
    let keys = keys.transpose().map_err(StartError::Options)?.map(Arc::new);
    let mut inboxes = Inboxes::new(&config.redis.key_prefix, config.workers());
    let mut desk = None;
    let receiver = webhook::receiver(&config.webhook).map_err(StartError::Options)?;
    let secrets = receiver.as_ref().map(|receiver| receiver.secrets.clone());
    if keys.is_some() || receiver.is_some() || config.admin_listen.is_some() {
        let (with_desk, number, inbox) = inboxes.with_desk();
        inboxes = with_desk;
        desk = Some((number, inbox));
    }
    let inboxes = Arc::new(inboxes);
    let banned = Arc::new(Banned::new(config.limits.max_bans, metrics.clone()));
    let means = Means::new(&config, inboxes.clone(), metrics.clone(), banned.clone());
    let link = means.link.clone();
    let pairs = means.pairs.clone();
    let mut stop = pin!(stop);
    let linked = tokio::select! {
        linked = link_up(&address, Arc::new(means), config.redis.redis_wait) => linked?,
        () = &mut stop => return Ok(()),
    };
    let failure = Arc::new(Failure::new(link.clone()));
    let mut threads = Vec::new();
    for (number, (inbox, figures)) in inboxes.all().iter().zip(figures).enumerate() {
        let failure = failure.clone();
        let given = worker::Given {
            number,
            inbox: inbox.clone(),
            settings: settings(&config, address.db),
            figures,
            pairs: pairs.clone(),
            failed: Box::new(move || failure.happened()),
            panics: config.panics(),
        };
        threads.push(start_worker(number, given).map_err(StartError::Thread)?);
    }
    // Requests must keep their order, whatever else there is to do.
    let linked = tokio::spawn(tokio::task::unconstrained(linked));
    let waking = inboxes.clone();
    let waking = tokio::spawn(async move { waking.wake().await });
    let (number, inbox) = desk.unwrap_or_default();
    let calls = Calls::new(inbox.clone());
    let seen = (metrics.clone(), link.clone(), banned.clone());
    let admin = Admin::open(&config, calls.clone(), seen).map_err(StartError::Options)?;
    let clerk = Clerk::new(number, inbox, pairs.clone());
    let of_receiver = |receiver| {
        let (calls, figures) = (calls.clone(), metrics.webhook.clone());
        Worker::new(&config, receiver, calls, banned.clone(), figures)
    };
    let posting = webhook::start(receiver.map(of_receiver)).map_err(StartError::Thread)?;
    let of_api = |keys: &Arc<Keys>| {
        let figures = metrics.api.clone();
        Arc::new(Api::new(
            &config,
            keys.clone(),
            calls,
            banned.clone(),
            figures,
        ))
    };
    let api = keys.as_ref().map(of_api);
    let clerking = tokio::spawn(clerk.run());
    let server = Server::new(
        config.clone(),
        link,
        inboxes,
        metrics.clone(),
        threads,
        judge.clone(),
        banned,
        api,
    );
    let server = Arc::new(server);
    let _ = failure.server.set(server.clone());
    let ticking = tokio::spawn(server.clone().tick());
    let banning = tokio::spawn(server.clone().watch_bans());
    let telling = tokio::spawn(notify::follow(server.clone()));
    let watching = tokio::spawn(async {
        match judge {
            Some(judge) => judge.watch().await,
            None => std::future::pending().await,
        }
    });
    let reading = tokio::spawn(async {
        match keys {
            Some(keys) => keys.watch().await,
            None => std::future::pending().await,
        }
    });
    let reading_secrets = tokio::spawn(async {
        match secrets {
            Some(secrets) => secrets.watch().await,
            None => std::future::pending().await,
        }
    });
    let tls = shown.clone().map(server_of).transpose();
    let tls = tls.map_err(StartError::Options)?;
    let renewing = tokio::spawn(async {
        match shown {
            Some(shown) => shown.watch().await,
            None => std::future::pending().await,
        }
    });
    if let Ok(listens) = listeners.public.local_addr() {
        info!(address = %listens, tls = tls.is_some(), redis = address.shown, "serving");
    }
    let backends = doors::api(listeners.api, server.clone(), tls.clone());
    let serving = doors::public(listeners.public, server.clone(), tls);
    let looking = doors::admin(listeners.admin, server.clone(), admin);
    tokio::select! {
        ended = serving => return Err(why(ended)),
        ended = backends => return Err(why(ended)),
        ended = looking => return Err(why(ended)),
        () = async { stop.await; drain::drain(&server).await } => {}
        // They end by a panic only. A proxy without them would be deaf and green: whoever watches it starts another.
        _ = linked => return Err(StartError::Failed),
        _ = waking => return Err(StartError::Failed),
        _ = ticking => return Err(StartError::Failed),
        _ = banning => return Err(StartError::Failed),
        _ = watching => return Err(StartError::Failed),
        _ = renewing => return Err(StartError::Failed),
        _ = telling => return Err(StartError::Failed),
        _ = clerking => return Err(StartError::Failed),
        _ = reading => return Err(StartError::Failed),
        _ = reading_secrets => return Err(StartError::Failed),
        _ = posting => return Err(StartError::Failed),
    }
    info!("stopped");
    Ok(())
}

/// Makes the first pairs; what keeps the link up for ever.
async fn link_up(
    address: &Address,
    means: Arc<Means>,
    wait: Duration,
) -> Result<Pin<Box<dyn Future<Output = ()> + Send>>, StartError> {
    if let Some(mut cluster) = Cluster::of(address, means.clone()) {
        let started = cluster.start(wait).await;
        started.map_err(|refusal| start_error(&address.shown, refusal))?;
        return Ok(Box::pin(cluster.run()));
    }
    let single = Single::new(address, means);
    let mut single = single.map_err(|refusal| start_error(&address.shown, refusal))?;
    let started = single.start(wait).await;
    let started = started.map_err(|refusal| start_error(&single.shown, refusal))?;
    Ok(Box::pin(single.run(started)))
}

/// Why a door is closed.
fn why(ended: io::Result<()>) -> StartError {
    ended.map_or_else(StartError::Thread, |()| StartError::Failed)
}

/// The certificate that is shown to browsers, if any.
fn certificate(config: &Config) -> Result<Option<Arc<Shown>>, String> {
    let both = config
        .tls
        .tls_cert
        .as_ref()
        .zip(config.tls.tls_key.as_ref());
    let shown = both.map(|(cert, key)| Shown::open(cert, key)).transpose();
    let shown = shown.map_err(|why| format!("--tls-cert, --tls-key: {why}"))?;
    Ok(shown.map(Arc::new))
}

fn start_error(shown: &str, refusal: Refusal) -> StartError {
    match refusal {
        Refusal::NoModule => StartError::NoModule,
        Refusal::Unreachable(why) => StartError::Redis(format!(
            "Redis cannot be reached at {shown}: {why}\nIs it running? Another address is given with --redis; if it speaks TLS there, that is rediss://."
        )),
        Refusal::Denied(why) => StartError::Redis(format!(
            "Redis at {shown} does not let this proxy in: {why}\nThe name and password are part of the address, redis://name:password@host, or given with --redis-user and --redis-password-file; docs/operating.md has the rights that a proxy needs."
        )),
        Refusal::Tls(why) => StartError::Redis(format!(
            "Redis at {shown} cannot be reached with TLS: {why}\nAuthorities are given with --redis-ca, a certificate of ours with --redis-cert and --redis-key."
        )),
        Refusal::Files(why) => StartError::Options(why),
        Refusal::Cluster => StartError::Redis(format!(
            "Redis at {shown} is in cluster mode, where each room has a server of its own: the address of a cluster is written redis+cluster://host:port,host:port and names some of its servers."
        )),
        Refusal::IsSentinel => StartError::Redis(format!(
            "{shown} is a sentinel, which holds no rooms: the address of a primary that sentinels know is written redis+sentinel://host:port,host:port/name."
        )),
        Refusal::NoSentinel => StartError::Redis(format!("{shown} is no sentinel.")),
        Refusal::Sentinels { why, .. } => StartError::Redis(format!(
            "The sentinels do not lead to a primary: {why}\nTheir own user and password are given with --sentinel-user and --sentinel-password-file."
        )),
        Refusal::NoCluster => StartError::Redis(format!(
            "Redis at {shown} is not in cluster mode: the address of a single server is written redis://host:port."
        )),
    }
}

fn settings(config: &Config, db: i32) -> Settings {
    let default = Settings::default();
    // All workers share one link, and what may be asked on it at once is for all of them.
    let each = |all: usize| all.div_ceil(config.workers().max(1));
    Settings {
        window: each(default.window),
        catch_ups: each(config.service.catch_ups),
        member_lists: each(config.service.member_lists),
        histories: each(config.service.histories),
        history: config.service.outbox / 2,
        key_prefix: config.redis.key_prefix.clone(),
        db,
        ack_interval: config.service.ack_interval.as_millis() as u64,
        acks: each(config.service.acks_per_second as usize) as u64,
        room_pause: config.service.room_pause.as_millis() as u64,
        page: config.service.page,
        room_bytes: config.limits.publish_bytes_per_room.into(),
        broken: config.defect(),
        ..default
    }
}

/// Starts a worker's thread; connections are served on its runtime too.
fn start_worker(number: usize, given: worker::Given) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || runtime.block_on(worker::run(given)))?;
    Ok(handle)
}

/// A worker failed: the sessions of its rooms must end in Redis, and its connections must know.
struct Failure {
    link: Arc<Link>,
    server: OnceLock<Arc<Server>>,
}

impl Failure {
    fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            server: OnceLock::new(),
        }
    }

    fn happened(&self) {
        self.link.give_up();
        if let Some(server) = self.server.get() {
            server.close_all(Close::Failed);
        }
    }
}
