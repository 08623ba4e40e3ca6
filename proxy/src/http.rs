//! HTTP on the port of the WebSocket: the upgrade, the demo page, health. And the admin port with the metrics.

use crate::clock;
use crate::conn::{self, Conn};
use crate::metrics;
use crate::server::Server;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::{debug, warn};

type Answer = Response<Full<Bytes>>;

/// How long a client may take to send its request.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);

const PAGES: [(&str, &str, &str); 5] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("../web/index.html"),
    ),
    (
        "/demo.css",
        "text/css; charset=utf-8",
        include_str!("../web/demo.css"),
    ),
    (
        "/demo.js",
        "text/javascript; charset=utf-8",
        include_str!("../web/demo.js"),
    ),
    (
        "/room.js",
        "text/javascript; charset=utf-8",
        include_str!("../web/room.js"),
    ),
    (
        "/room.d.ts",
        "text/plain; charset=utf-8",
        include_str!("../web/room.d.ts"),
    ),
];

/// Accepts connections for ever.
pub(crate) async fn listen(listener: TcpListener, server: Arc<Server>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, mostly: others must close first.
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        if let Err(error) = SockRef::from(&stream).set_send_buffer_size(server.config.send_buffer) {
            debug!(%error, "a connection keeps the kernel's send buffer");
        }
        let server = server.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let server = server.clone();
                async move { Ok::<_, Infallible>(answer(request, server)) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(HEADERS_WITHIN)
                .max_buf_size(16 * 1024);
            let served = http
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await;
            if let Err(error) = served {
                debug!(%error, "an HTTP connection ended");
            }
        });
    }
}

fn answer(request: Request<Incoming>, server: Arc<Server>) -> Answer {
    let path = request.uri().path();
    if wants_websocket(request.headers()) && matches!(path, "/" | "/ws") {
        return upgrade(request, server);
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
    }
    match path {
        "/ws" => text(
            StatusCode::UPGRADE_REQUIRED,
            "this is the address for WebSocket\n",
        ),
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" if server.redis.is_up() => text(StatusCode::OK, "ready\n"),
        "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "Redis is away\n"),
        _ => match PAGES.iter().find(|page| page.0 == path) {
            Some((_, kind, body)) => page(kind, body),
            None => text(StatusCode::NOT_FOUND, "there is nothing here\n"),
        },
    }
}

fn text(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer
}

fn page(kind: &'static str, body: &'static str) -> Answer {
    let mut answer = text(StatusCode::OK, body);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let policy = "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'";
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    answer
}

/// RFC 6455, section 4.2.1.
fn wants_websocket(headers: &HeaderMap) -> bool {
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

fn upgrade(mut request: Request<Incoming>, server: Arc<Server>) -> Answer {
    let headers = request.headers();
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        let mut answer = text(
            StatusCode::UPGRADE_REQUIRED,
            "only version 13 of WebSocket is understood\n",
        );
        answer.headers_mut().insert(
            header::SEC_WEBSOCKET_VERSION,
            HeaderValue::from_static("13"),
        );
        return answer;
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY).cloned() else {
        return text(
            StatusCode::BAD_REQUEST,
            "the header Sec-WebSocket-Key is missing\n",
        );
    };
    if !origin_is_allowed(headers, &server.config.origins) {
        metrics::REFUSED.up();
        return text(
            StatusCode::FORBIDDEN,
            "pages of this origin may not connect\n",
        );
    }
    if server.is_full() {
        metrics::REFUSED.up();
        return text(
            StatusCode::SERVICE_UNAVAILABLE,
            "there are too many connections\n",
        );
    }
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
            return;
        };
        let conn = Arc::new(Conn::new(
            parts.io.into_inner(),
            server.config.outbox,
            clock::now_ms(),
        ));
        let Some(admitted) = server.admit(&conn) else {
            return;
        };
        // A copy, or the few bytes in it would keep the whole buffer of the HTTP connection.
        let early = parts.read_buf.to_vec();
        // A task of its own again: this one is as large as the upgrade needed.
        tokio::spawn(async move {
            let _admitted = admitted;
            conn::serve(server, conn, early).await;
        });
    });
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
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

/// Serves the metrics for ever.
pub(crate) async fn listen_admin(listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| async move {
                let mut answer = match request.uri().path() {
                    "/metrics" => Response::new(Full::from(metrics::text())),
                    _ => text(StatusCode::NOT_FOUND, "there is only /metrics\n"),
                };
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                answer.headers_mut().insert(header::CONTENT_TYPE, kind);
                Ok::<_, Infallible>(answer)
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
