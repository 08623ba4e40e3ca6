//! Accepts connections, and answers their requests until they become WebSockets.

use super::fronts::Fronts;
use super::gate::{Full, Gate, Group, Peer, Place};
use super::queue::queue;
use super::{proxied, routes, secure};
use crate::admin::Admin;
use crate::at_work::AtWork;
use crate::budget::Budgets;
use crate::config::Config;
use crate::files;
use crate::metrics::Metrics;
use crate::said::Said;
use crate::server::Server;
use axum::Router;
use hub_core::budget::work;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use socket2::SockRef;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{debug, error, warn};

/// How long a connection may take.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// For each request.
    handshake: Duration,
    /// In all, until it is a WebSocket or has its pages; for ever if not given.
    http: Option<Duration>,
    /// How much longer for a request that is worked on then.
    work: Duration,
}

impl Times {
    fn of(config: &Config) -> Self {
        Self {
            handshake: config.patience.handshake_timeout,
            http: Some(config.patience.http_timeout),
            work: config.patience.handshake_timeout + config.api.api_timeout,
        }
    }
}

/// One of the two ports.
struct Port {
    gate: Arc<Gate>,
    /// Where work is counted; not for those who look after this program.
    budgets: Option<Arc<Budgets>>,
    fronts: Arc<Fronts>,
    /// A line of the PROXY protocol comes first.
    is_proxied: bool,
    /// How TLS is spoken, if it is.
    tls: Option<Arc<ServerConfig>>,
    metrics: Arc<Metrics>,
    routes: Router,
    times: Times,
    told: Told,
}

/// Log lines that may come often.
#[derive(Default)]
struct Told {
    failed: Said,
    full: Said,
    full_of_one: Said,
    spared: Said,
    no_line: Said,
}

/// Accepts connections for ever, with TLS where that is given.
pub(crate) async fn listen(
    listener: TcpListener,
    server: Arc<Server>,
    tls: Option<Arc<ServerConfig>>,
) {
    let port = Arc::new(Port {
        gate: server.gate.clone(),
        budgets: Some(server.budgets.clone()),
        fronts: server.fronts.clone(),
        is_proxied: server.config.entrance.proxy_protocol,
        tls,
        metrics: server.metrics.clone(),
        routes: routes::public(server.clone()),
        times: Times::of(&server.config),
        told: Told::default(),
    });
    loop {
        let Some((stream, place, from)) = port.next(&listener).await else {
            continue;
        };
        if port.spares(&stream) {
            continue;
        }
        let _ = stream.set_nodelay(true);
        if let Err(error) =
            SockRef::from(&stream).set_send_buffer_size(server.config.service.send_buffer)
        {
            debug!(%error, "a connection keeps the kernel's send buffer");
        }
        tokio::spawn(port.clone().serve(stream, place, from));
    }
}

/// Does that on a thread of its own. Returns if it ends.
///
/// # Errors
/// If the thread cannot be started.
pub(crate) async fn apart<F: Future<Output = ()> + Send>(
    listener: TcpListener,
    name: &'static str,
    serve: impl FnOnce(TcpListener) -> F + Send + 'static,
) -> io::Result<()> {
    let listener = listener.into_std()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (lives, ended) = oneshot::channel::<()>();
    let (wanted, unwanted) = oneshot::channel::<()>();
    let door = async move {
        let _lives = lives;
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return error!(%error, "the door cannot be opened"),
        };
        tokio::select! {
            () = serve(listener) => {}
            // Nobody comes in any more; who is here goes on until the program ends.
            _ = unwanted => std::future::pending().await,
        }
    };
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || runtime.block_on(door))?;
    // Nothing is said on either: they tell of their ends.
    let _wanted = wanted;
    let _ = ended.await;
    Ok(())
}

/// Serves backends for ever, with TLS where that is given.
pub(crate) async fn listen_api(
    listener: TcpListener,
    server: Arc<Server>,
    tls: Option<Arc<ServerConfig>>,
) {
    let Some(api) = server.api.clone() else {
        return;
    };
    let most = server.config.api.api_connections;
    let port = Arc::new(Port {
        // Strangers, who have no key, do not take all places.
        gate: Arc::new(Gate::new(most, most / 2)),
        budgets: None,
        fronts: server.fronts.clone(),
        is_proxied: false,
        tls,
        metrics: server.metrics.clone(),
        routes: routes::backends(api),
        times: Times {
            // Whoever holds a key keeps its connection.
            http: None,
            ..Times::of(&server.config)
        },
        told: Told::default(),
    });
    loop {
        if let Some((stream, place, from)) = port.next(&listener).await
            && !port.spares(&stream)
        {
            let _ = stream.set_nodelay(true);
            tokio::spawn(port.clone().serve(stream, place, from));
        }
    }
}

/// Serves the metrics and the admin page for ever.
pub(crate) async fn listen_admin(listener: TcpListener, server: Arc<Server>, admin: Arc<Admin>) {
    let port = Arc::new(Port {
        // Whoever looks at the metrics is one or two machines; one of them alone does not take all places.
        gate: Arc::new(Gate::new(files::OF_ADMIN, files::OF_ADMIN / 2)),
        budgets: None,
        fronts: server.fronts.clone(),
        is_proxied: false,
        tls: None,
        metrics: server.metrics.clone(),
        routes: routes::admin(admin),
        times: Times {
            http: None, // the page asks for as long as somebody looks
            ..Times::of(&server.config)
        },
        told: Told::default(),
    });
    loop {
        if let Some((stream, place, from)) = port.next(&listener).await {
            tokio::spawn(port.clone().serve(stream, place, from));
        }
    }
}

impl Port {
    /// The next connection that there is a place for.
    async fn next(&self, listener: &TcpListener) -> Option<(TcpStream, Place, IpAddr)> {
        let (stream, from) = match listener.accept().await {
            Ok((stream, from)) => (stream, from.ip().to_canonical()),
            Err(error) => {
                if let Some(left_out) = self.told.failed.again() {
                    warn!(%error, left_out, "a connection could not be accepted");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                return None;
            }
        };
        let is_front = self.fronts.trusts(from);
        if self.is_proxied && !is_front {
            self.tell_no_line(from, "it is not one of --trusted-proxies");
            return None;
        }
        match self.gate.enter((!is_front).then(|| Group::of(from))) {
            Ok(place) => Some((stream, place, from)),
            Err(full) => {
                self.tell_full(full, from);
                None
            }
        }
    }

    /// Whether a connection is refused as its descriptor is one of the last.
    fn spares(&self, stream: &TcpStream) -> bool {
        let spares = files::takes_spare(stream);
        if spares {
            self.metrics.refused.inc();
            if let Some(left_out) = self.told.spared.again() {
                warn!(
                    left_out,
                    "connections are refused: there are not enough file descriptors (ulimit -n)"
                );
            }
        }
        spares
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream, place: Place, from: IpAddr) {
        let (mut address, mut places) = (from, vec![place]);
        if self.is_proxied {
            match self.source(&mut stream, from).await {
                None => return,
                // It is there by itself.
                Some((_, None)) => {}
                Some((source, Some(place))) => {
                    address = source;
                    places.push(place);
                }
            }
        }
        if !self.waits(address, &stream).await {
            return;
        }
        let places = Arc::from(places);
        let routes = self.routes.clone();
        let peer = Peer { address, places };
        let Some(tls) = self.tls.clone() else {
            return self.answer(stream, routes, peer).await;
        };
        let shaken = timeout(self.times.handshake, secure::shake_hands(tls, stream)).await;
        let late = |_| Err(io::ErrorKind::TimedOut.into());
        match shaken.unwrap_or_else(late) {
            Ok(stream) => self.answer(stream, routes, peer).await,
            Err(error) => {
                self.metrics.tls_failed.inc();
                debug!(%error, %from, "a handshake of TLS failed");
            }
        }
    }

    /// Whether it stays for its turn.
    async fn waits(&self, address: IpAddr, stream: &TcpStream) -> bool {
        let Some(budgets) = &self.budgets else {
            return true;
        };
        // Whom a trusted proxy brings waits when it is known.
        if self.fronts.trusts(address) {
            return true;
        }
        let handshake = self.tls.as_ref().map_or(0, |_| work::HANDSHAKE);
        let costs = (address, work::ACCEPT + handshake);
        queue(budgets, &self.metrics, costs, stream).await
    }

    /// Whom a trusted proxy connects for, with a place by that address.
    async fn source(
        &self,
        stream: &mut TcpStream,
        from: IpAddr,
    ) -> Option<(IpAddr, Option<Place>)> {
        let said = timeout(self.times.handshake, proxied::source(stream)).await;
        let source = match said {
            Ok(Ok(source)) => source.map(|source| source.to_canonical()),
            Ok(Err(error)) => {
                self.tell_no_line(from, &error.to_string());
                return None;
            }
            Err(_) => {
                self.tell_no_line(from, "no line came within --handshake-timeout");
                return None;
            }
        };
        let source = source.filter(|source| !self.fronts.trusts(*source));
        match source.map(|source| self.gate.also(Group::of(source))) {
            None => Some((from, None)),
            Some(Ok(place)) => Some((source.unwrap_or(from), Some(place))),
            Some(Err(full)) => {
                self.tell_full(full, source.unwrap_or(from));
                None
            }
        }
    }

    fn tell_no_line(&self, from: IpAddr, why: &str) {
        self.metrics.refused.inc();
        if let Some(left_out) = self.told.no_line.again() {
            warn!(%from, left_out, why, "a connection is refused by --proxy-protocol");
        }
    }

    fn tell_full(&self, full: Full, from: IpAddr) {
        match full {
            Full::All => {
                self.metrics.refused.inc();
                if let Some(left_out) = self.told.full.again() {
                    warn!(left_out, "connections are refused: there are too many");
                }
            }
            Full::Address => {
                self.metrics.refused_address.inc();
                if let Some(left_out) = self.told.full_of_one.again() {
                    warn!(%from, left_out, "connections of one address are refused: it has too many (--max-per-address)");
                }
            }
        }
    }

    async fn answer<S>(&self, stream: S, routes: Router, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.times.handshake)
            .max_buf_size(16 * 1024);
        let routes = TowerToHyperService::new(routes);
        let works = AtWork::default();
        let of_request = works.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            request.extensions_mut().insert(of_request.clone());
            routes.call(request)
        });
        let served = http.serve_connection(TokioIo::new(stream), service);
        let mut served = pin!(served.with_upgrades());
        let mut done = within(self.times.http, served.as_mut()).await;
        if done.is_none() && works.is_set() {
            served.as_mut().graceful_shutdown();
            done = within(Some(self.times.work), served).await;
        }
        match done {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                if error.is_timeout() {
                    self.metrics.requests_unfinished.inc();
                }
                debug!(%error, "an HTTP connection ended");
            }
            None => {
                self.metrics.requests_unfinished.inc();
                debug!("an HTTP connection took longer than --http-timeout");
            }
        }
    }
}

/// What comes of it, if it does so in time.
async fn within<T>(limit: Option<Duration>, what: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => timeout(limit, what).await.ok(),
        None => Some(what.await),
    }
}
