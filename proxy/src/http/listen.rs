//! Accepts connections, and answers their requests until they become WebSockets.

use super::routes;
use crate::metrics::Metrics;
use crate::said::Said;
use crate::server::Server;
use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, warn};

/// How long a client may take to send its request.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);

/// Accepts connections for ever.
pub(crate) async fn listen(listener: TcpListener, server: Arc<Server>) {
    let routes = routes::public(server.clone());
    let (failed, spared) = (Said::default(), Said::default());
    loop {
        let Some(stream) = accept(&listener, &failed).await else {
            continue;
        };
        if server.takes_spare(&stream) {
            server.metrics.refused.inc();
            if let Some(left_out) = spared.again() {
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
        tokio::spawn(answer(stream, routes.clone()));
    }
}

/// Serves the metrics for ever.
pub(crate) async fn listen_admin(listener: TcpListener, metrics: Arc<Metrics>) {
    let routes = routes::admin(metrics);
    let failed = Said::default();
    loop {
        if let Some(stream) = accept(&listener, &failed).await {
            tokio::spawn(answer(stream, routes.clone()));
        }
    }
}

async fn accept(listener: &TcpListener, failed: &Said) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            if let Some(left_out) = failed.again() {
                warn!(%error, left_out, "a connection could not be accepted");
            }
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
