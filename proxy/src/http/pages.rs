//! The demo page and the browser client, which are part of the program.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// Path, type, content.
pub(super) const PAGES: [(&str, &str, &str); 6] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("../../web/index.html"),
    ),
    (
        "/icon.svg",
        "image/svg+xml",
        include_str!("../../web/icon.svg"),
    ),
    (
        "/demo.css",
        "text/css; charset=utf-8",
        include_str!("../../web/demo.css"),
    ),
    (
        "/demo.js",
        "text/javascript; charset=utf-8",
        include_str!("../../web/demo.js"),
    ),
    (
        "/room.js",
        "text/javascript; charset=utf-8",
        include_str!("../../web/room.js"),
    ),
    (
        "/room.d.ts",
        "text/plain; charset=utf-8",
        include_str!("../../web/room.d.ts"),
    ),
];

/// A page's scripts speak to the proxy that it came from, to nobody else.
const POLICY: &str = "default-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// One of them.
pub(super) fn page(kind: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (headers, content).into_response()
}

/// One that pages of any other origin may use too: the browser client and its types, in which nothing is secret.
pub(super) fn shared_page(kind: &'static str, content: &'static str) -> Response {
    let anybody: [(HeaderName, HeaderValue); 2] = [
        (
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            HeaderValue::from_static("*"),
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        ),
    ];
    (anybody, page(kind, content)).into_response()
}
