//! Accepts connections, and answers their requests until they become WebSockets.

use super::gate::{Full, Gate, Group, Place};
use super::routes;
use crate::files;
use crate::metrics::Metrics;
use crate::said::Said;
use crate::server::Server;
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tracing::{debug, warn};

/// How long a connection may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// For each request.
    pub(crate) handshake: Duration,
    /// In all, until it is a WebSocket or has its pages.
    pub(crate) http: Duration,
}

/// What a request's connection is.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) place: Arc<Place>,
}

/// One of the two ports.
struct Port {
    listener: TcpListener,
    gate: Arc<Gate>,
    metrics: Arc<Metrics>,
    routes: Router,
    times: Times,
    /// Log lines: could not accept, too many, too many of one address, no descriptors.
    failed: Said,
    full: Said,
    full_of_one: Said,
    spared: Said,
}

/// Accepts connections for ever.
pub(crate) async fn listen(listener: TcpListener, server: Arc<Server>) {
    let routes = routes::public(server.clone());
    let gate = server.gate.clone();
    let port = Port::new(listener, gate, server.metrics.clone(), routes, server.times);
    loop {
        let Some((stream, place, from)) = port.next().await else {
            continue;
        };
        if files::takes_spare(&stream) {
            port.metrics.refused.inc();
            if let Some(left_out) = port.spared.again() {
                warn!(
                    left_out,
                    "connections are refused: there are not enough file descriptors (ulimit -n)"
                );
            }
            continue;
        }
        let _ = stream.set_nodelay(true);
        if let Err(error) = SockRef::from(&stream).set_send_buffer_size(server.config.send_buffer) {
            debug!(%error, "a connection keeps the kernel's send buffer");
        }
        port.serve(stream, place, from);
    }
}

/// Serves the metrics for ever.
pub(crate) async fn listen_admin(listener: TcpListener, metrics: Arc<Metrics>, times: Times) {
    let routes = routes::admin(metrics.clone());
    // Whoever looks at the metrics is one or two machines; one of them alone does not take all places.
    let gate = Arc::new(Gate::new(files::OF_ADMIN, files::OF_ADMIN / 2));
    let port = Port::new(listener, gate, metrics, routes, times);
    loop {
        if let Some((stream, place, from)) = port.next().await {
            port.serve(stream, place, from);
        }
    }
}

impl Port {
    fn new(
        listener: TcpListener,
        gate: Arc<Gate>,
        metrics: Arc<Metrics>,
        routes: Router,
        times: Times,
    ) -> Self {
        Self {
            listener,
            gate,
            metrics,
            routes,
            times,
            failed: Said::default(),
            full: Said::default(),
            full_of_one: Said::default(),
            spared: Said::default(),
        }
    }

    /// The next connection that there is a place for.
    async fn next(&self) -> Option<(TcpStream, Place, SocketAddr)> {
        let (stream, from) = match self.listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                if let Some(left_out) = self.failed.again() {
                    warn!(%error, left_out, "a connection could not be accepted");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                return None;
            }
        };
        match self.gate.enter(Some(Group::of(from.ip()))) {
            Ok(place) => Some((stream, place, from)),
            Err(full) => {
                self.tell_full(full, from.ip());
                None
            }
        }
    }

    fn tell_full(&self, full: Full, from: IpAddr) {
        match full {
            Full::All => {
                self.metrics.refused.inc();
                if let Some(left_out) = self.full.again() {
                    warn!(left_out, "connections are refused: there are too many");
                }
            }
            Full::Address => {
                self.metrics.refused_address.inc();
                if let Some(left_out) = self.full_of_one.again() {
                    warn!(%from, left_out, "connections of one address are refused: it has too many (--max-per-address)");
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, place: Place, from: SocketAddr) {
        let peer = Peer {
            address: from.ip().to_canonical(),
            place: Arc::new(place),
        };
        tokio::spawn(answer(stream, self.routes.clone(), peer, self.times));
    }
}

async fn answer(stream: TcpStream, routes: Router, peer: Peer, times: Times) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(times.handshake)
        .max_buf_size(16 * 1024);
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        routes.call(request)
    });
    let served = http.serve_connection(TokioIo::new(stream), service);
    match timeout(times.http, served.with_upgrades()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "an HTTP connection ended"),
        Err(_) => debug!("an HTTP connection took longer than --http-timeout"),
    }
}
