//! From HTTP to WebSocket (RFC 6455, section 4.2). By hand: the socket is taken over with nothing of HTTP left in memory,
//! where axum's own keeps 0.7 KB more of each connection.

use super::door::Refused;
use super::listen::Peer;
use super::request::{accept, is_version_13, knock};
use crate::server::Server;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::net::TcpStream;
use tracing::{info, warn};

/// Answers a request for a WebSocket, and serves it.
pub(super) fn upgrade(mut request: Request, server: Arc<Server>) -> Response {
    if !is_version_13(request.headers()) {
        let understood = [(header::SEC_WEBSOCKET_VERSION, "13")];
        let said = "only version 13 of WebSocket is understood\n";
        return (StatusCode::UPGRADE_REQUIRED, understood, said).into_response();
    }
    let accept = match accept(&request) {
        Ok(accept) => accept,
        Err(bad) => return (StatusCode::BAD_REQUEST, bad + "\n").into_response(),
    };
    if let Some(refusal) = refusal(&request, &server) {
        return refusal;
    }
    let Some(peer) = request.extensions().get::<Peer>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
            return;
        };
        // A copy, or the few bytes in it would keep the whole buffer of the HTTP connection.
        server.begin(parts.io.into_inner(), parts.read_buf.to_vec(), peer.place);
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

/// The answer, if the door does not let the page connect or there is no place.
fn refusal(request: &Request, server: &Server) -> Option<Response> {
    match knock(request).map(|knock| server.door.connects(&knock)) {
        Ok(Ok(())) => {}
        Ok(Err(refused)) => return Some(turn_away(server, &refused)),
        Err(bad) => return Some((StatusCode::BAD_REQUEST, bad + "\n").into_response()),
    }
    if server.is_full() {
        server.metrics.refused.inc();
        if let Some(left_out) = server.refused_full.again() {
            warn!(left_out, "refused a connection at --max-connections");
        }
        let said = "there are too many connections\n";
        return Some((StatusCode::SERVICE_UNAVAILABLE, said).into_response());
    }
    None
}

/// The answer to whom the door does not let in.
pub(super) fn turn_away(server: &Server, refused: &Refused) -> Response {
    server.metrics.refused.inc();
    if let Some(left_out) = server.turned_away.again() {
        info!(left_out, "refused a request: {refused}");
    }
    (StatusCode::FORBIDDEN, format!("{refused}\n")).into_response()
}
