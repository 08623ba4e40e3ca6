//! From HTTP to WebSocket (RFC 6455, section 4.2). By hand: the socket is taken over with nothing of HTTP left in memory,
//! where axum's own keeps 0.7 KB more of each connection.

use super::door::Refused;
use super::gate::{Group, Peer};
use super::offered::{Offered, offered};
use super::queue::queue;
use super::request::{accept, forwarded_for, is_version_13, knock};
use crate::conn::life::Early;
use crate::conn::tls::Wire;
use crate::server::{Arrived, Server};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hub_core::budget::work;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
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
    let Some(peer) = request.extensions().get::<Peer>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let client = match arrive(&request, peer, &server) {
        Ok(client) => client,
        Err(refusal) => return *refusal,
    };
    let Offered { protocol, token } = offered(&request, &server.config);
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let Some((wire, bytes)) = taken_over(upgraded) else {
            return;
        };
        // Others have waited when they came.
        if client.by_front() {
            let costs = (client.address, work::ACCEPT);
            if !queue(&server.budgets, &server.metrics, costs, &wire.stream).await {
                return;
            }
        }
        server.begin(wire, Early { bytes, token }, client);
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
    if let Some(protocol) = protocol {
        let protocol = HeaderValue::from_static(protocol);
        answer
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    answer
}

/// The socket, its session of TLS if it has one, and what came behind the request.
fn taken_over(upgraded: Upgraded) -> Option<(Wire, Vec<u8>)> {
    // The bytes are a copy, or the few of them would keep the whole buffer of the HTTP connection.
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => {
            let bytes = parts.read_buf.to_vec();
            Some((Wire::plain(parts.io.into_inner()), bytes))
        }
        Err(upgraded) => {
            let parts = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>().ok()?;
            let bytes = parts.read_buf.to_vec();
            let (stream, session) = parts.io.into_inner().into_inner();
            Some((Wire::secure(stream, session), bytes))
        }
    }
}

/// Whoever asks, if the door lets the page connect and there is a place; the answer if not.
fn arrive(request: &Request, peer: Peer, server: &Server) -> Result<Arrived, Box<Response>> {
    let is_trusted = server.fronts.trusts(peer.address);
    let knock = knock(request, is_trusted)
        .map_err(|bad| Box::new((StatusCode::BAD_REQUEST, bad + "\n").into_response()))?;
    if let Err(refused) = server.door.connects(&knock) {
        return Err(Box::new(turn_away(server, &refused)));
    }
    let unavailable = |said: &'static str| {
        let answer = (StatusCode::SERVICE_UNAVAILABLE, said).into_response();
        Err(Box::new(answer))
    };
    if server.stops() {
        return unavailable("the proxy stops: another one takes its place\n");
    }
    if server.is_full() {
        server.metrics.refused.inc();
        if let Some(left_out) = server.refused_full.again() {
            warn!(left_out, "refused a connection at --max-connections");
        }
        return unavailable("there are too many connections\n");
    }
    let address = server
        .fronts
        .client(peer.address, forwarded_for(request.headers()));
    // Whoever is not brought by a trusted proxy has a place by address already.
    let by_address = match is_trusted && !server.fronts.trusts(address) {
        true => server.gate.also(Group::of(address)).map(Some),
        false => Ok(None),
    };
    let Ok(by_address) = by_address else {
        server.metrics.refused_address.inc();
        return unavailable("there are too many connections of this address\n");
    };
    Ok(Arrived {
        address,
        _connection: peer.places,
        by_address,
    })
}

/// The answer to whom the door does not let in.
pub(super) fn turn_away(server: &Server, refused: &Refused) -> Response {
    server.metrics.refused.inc();
    if let Some(left_out) = server.turned_away.again() {
        info!(left_out, "refused a request: {refused}");
    }
    (StatusCode::FORBIDDEN, format!("{refused}\n")).into_response()
}
