//! What is answered where.

use super::gate::Peer;
use super::pages::{PAGES, page, shared_page};
use super::request::{forwarded_for, knock, wants_websocket};
use super::upgrade::{turn_away, upgrade};
use crate::admin::{Admin, routes as of_admin};
use crate::api::Api;
use crate::api::routes as of_api;
use crate::server::Server;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use tracing::warn;

/// The port of the WebSocket: the upgrade on `/` and `/ws`, the demo page, health.
pub(super) fn public(server: Arc<Server>) -> Router {
    let mut routes = Router::new()
        .route("/", get(root))
        .route("/ws", get(socket));
    for (path, kind, content) in PAGES {
        routes = match path {
            "/" => routes,
            "/room.js" | "/room.d.ts" => {
                routes.route(path, get(move || async move { shared_page(kind, content) }))
            }
            _ => routes.route(path, get(move || async move { page(kind, content) })),
        };
    }
    // Whoever watches the proxy may do so by any name.
    let health = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready));
    // Backends come from anywhere, and nobody without a key does anything: the door is not for them.
    let at_this_port = server.config.api.api_listen.is_none();
    let api = server.api.clone().filter(|_| at_this_port);
    let api = api.map_or_else(Router::new, of_api::routes);
    routes
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing here\n") })
        .method_not_allowed_fallback(|| async { (StatusCode::METHOD_NOT_ALLOWED, "only GET\n") })
        .layer(from_fn_with_state(server.clone(), pass_door))
        .merge(health)
        .merge(api)
        .layer(from_fn(restrain))
        .with_state(server)
}

/// Whether the request is let in at all.
async fn pass_door(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>();
    let is_trusted = peer.is_some_and(|peer| server.fronts.trusts(peer.address));
    match knock(&request, is_trusted).map(|knock| server.door.lets_in(&knock)) {
        Ok(Ok(())) => {
            if let Some(peer) = peer
                && !is_trusted
                && forwarded_for(request.headers()).next().is_some()
            {
                tell_untrusted(&server, peer);
            }
            next.run(request).await
        }
        Ok(Err(refused)) => turn_away(&server, &refused),
        Err(bad) => (StatusCode::BAD_REQUEST, bad + "\n").into_response(),
    }
}

/// Said once: anybody may send such a header, as often as it likes.
fn tell_untrusted(server: &Server, peer: &Peer) {
    let address = peer.address;
    server.untrusted.call_once(|| {
        warn!(%address, "X-Forwarded-For is not believed: the address is not one of --trusted-proxies");
    });
}

/// Tells browsers how little they may do with an answer.
async fn restrain(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    for (name, value) in RESTRAINTS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    answer
}

const RESTRAINTS: [(HeaderName, &str); 3] = [
    // Nothing is taken for what it is not said to be.
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // A room's name may be in the page's address.
    (header::REFERRER_POLICY, "no-referrer"),
    // Whoever opened the page's window has no hold on it.
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

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
    match server.why_not_ready() {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// The port of backends.
pub(super) fn backends(api: Arc<Api>) -> Router {
    of_api::routes(api)
        .fallback(of_api::nothing)
        .layer(from_fn(restrain))
}

/// The port of those who look after this program.
pub(super) fn admin(admin: Arc<Admin>) -> Router {
    of_admin::routes(admin).layer(from_fn(restrain))
}
