//! From HTTP to WebSocket (RFC 6455, section 4.2). By hand: the socket is taken over with nothing of HTTP left in memory,
//! where axum's own keeps 0.7 KB more of each connection.

use crate::server::Server;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::{info, warn};

/// RFC 6455, section 4.2.1.
pub(super) fn wants_websocket(headers: &HeaderMap) -> bool {
    let has = |name: header::HeaderName, wanted: &str| {
        let values = headers.get_all(name);
        let mut tokens = values
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        tokens.any(|token| token.trim().eq_ignore_ascii_case(wanted))
    };
    has(header::UPGRADE, "websocket") && has(header::CONNECTION, "upgrade")
}

/// Answers a request for a WebSocket, and serves it.
pub(super) fn upgrade(mut request: Request, server: Arc<Server>) -> Response {
    let headers = request.headers();
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != "13") {
        let understood = [(header::SEC_WEBSOCKET_VERSION, "13")];
        let said = "only version 13 of WebSocket is understood\n";
        return (StatusCode::UPGRADE_REQUIRED, understood, said).into_response();
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) else {
        let said = "the header Sec-WebSocket-Key is missing\n";
        return (StatusCode::BAD_REQUEST, said).into_response();
    };
    let accept = derive_accept_key(key.as_bytes());
    if !origin_is_allowed(headers, &server.config.origins) {
        server.metrics.refused.inc();
        if let Some(left_out) = server.refused_origin.again() {
            let origin = headers.get(header::ORIGIN);
            info!(?origin, left_out, "refused a page of another origin");
        }
        let said = "pages of this origin may not connect\n";
        return (StatusCode::FORBIDDEN, said).into_response();
    }
    if server.is_full() {
        server.metrics.refused.inc();
        if let Some(left_out) = server.refused_full.again() {
            warn!(left_out, "refused a connection at --max-connections");
        }
        let said = "there are too many connections\n";
        return (StatusCode::SERVICE_UNAVAILABLE, said).into_response();
    }
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
            return;
        };
        // A copy, or the few bytes in it would keep the whole buffer of the HTTP connection.
        server.begin(parts.io.into_inner(), parts.read_buf.to_vec());
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
    ];
    let mut answer = (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response();
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        let headers = answer.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    answer
}

/// A program sends no Origin; a browser always does.
fn origin_is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    match headers.get(header::ORIGIN) {
        Some(origin) if !allowed.is_empty() => allowed.iter().any(|known| origin == known.as_str()),
        _ => true,
    }
}
