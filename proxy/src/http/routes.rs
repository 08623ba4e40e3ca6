//! What is answered where.

use super::pages::{PAGES, page};
use super::upgrade::{upgrade, wants_websocket};
use crate::metrics::Metrics;
use crate::server::Server;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

/// The port of the WebSocket: the upgrade on `/` and `/ws`, the demo page, health.
pub(super) fn public(server: Arc<Server>) -> Router {
    let mut routes = Router::new()
        .route("/", get(root))
        .route("/ws", get(socket))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready));
    for (path, kind, content) in PAGES {
        if path != "/" {
            routes = routes.route(path, get(move || async move { page(kind, content) }));
        }
    }
    routes
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing here\n") })
        .method_not_allowed_fallback(|| async { (StatusCode::METHOD_NOT_ALLOWED, "only GET\n") })
        .with_state(server)
}

async fn root(State(server): State<Arc<Server>>, request: Request) -> Response {
    if wants_websocket(request.headers()) {
        return upgrade(request, server);
    }
    let [(_, kind, content), ..] = PAGES;
    page(kind, content)
}

async fn socket(State(server): State<Arc<Server>>, request: Request) -> Response {
    if wants_websocket(request.headers()) {
        return upgrade(request, server);
    }
    let said = "this is the address for WebSocket\n";
    (StatusCode::UPGRADE_REQUIRED, said).into_response()
}

async fn ready(State(server): State<Arc<Server>>) -> Response {
    if server.link.is_up() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "Redis is away\n").into_response()
    }
}

/// The port of the metrics.
pub(super) fn admin(metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(numbers))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is only /metrics\n") })
        .with_state(metrics)
}

async fn numbers(State(metrics): State<Arc<Metrics>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.text()).into_response()
}
