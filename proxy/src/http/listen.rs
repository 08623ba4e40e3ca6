//! Accepts connections, and answers their requests until they become WebSockets.

use super::routes;
use crate::metrics::Metrics;
use crate::server::Server;
use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tracing::{debug, warn};

/// How long a client may take to send its request.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// What goes wrong many times a second is said once in so long.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Accepts connections for ever.
pub(crate) async fn listen(listener: TcpListener, server: Arc<Server>) {
    let routes = routes::public(server.clone());
    let mut said = Said::default();
    loop {
        let Some(stream) = accept(&listener, &mut said).await else {
            continue;
        };
        if server.takes_spare(&stream) {
            server.metrics.refused.inc();
            said.warn("connections are refused: there are not enough file descriptors (ulimit -n)");
            continue;
        }
        let _ = stream.set_nodelay(true);
        if let Err(error) = SockRef::from(&stream).set_send_buffer_size(server.config.send_buffer) {
            debug!(%error, "a connection keeps the kernel's send buffer");
        }
        tokio::spawn(answer(stream, routes.clone()));
    }
}

/// Serves the metrics for ever.
pub(crate) async fn listen_admin(listener: TcpListener, metrics: Arc<Metrics>) {
    let routes = routes::admin(metrics);
    let mut said = Said::default();
    loop {
        if let Some(stream) = accept(&listener, &mut said).await {
            tokio::spawn(answer(stream, routes.clone()));
        }
    }
}

async fn accept(listener: &TcpListener, said: &mut Said) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            said.warn(&format!("a connection could not be accepted: {error}"));
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn answer(stream: TcpStream, routes: Router) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(16 * 1024);
    let served = http
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
        .with_upgrades()
        .await;
    if let Err(error) = served {
        debug!(%error, "an HTTP connection ended");
    }
}

/// When something was last said.
#[derive(Default)]
struct Said(Option<Instant>);

impl Said {
    fn warn(&mut self, what: &str) {
        if self.0.is_none_or(|last| last.elapsed() >= SAY_EVERY) {
            self.0 = Some(Instant::now());
            warn!("{what}");
        }
    }
}
