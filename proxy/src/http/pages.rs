//! The demo page and the browser client, which are part of the program.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// Path, type, content.
pub(super) const PAGES: [(&str, &str, &str); 5] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("../../web/index.html"),
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

/// One of them.
pub(super) fn page(kind: &'static str, content: &'static str) -> Response {
    let policy = "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (
        headers.map(|(name, value)| (name, HeaderValue::from_static(value))),
        content,
    )
        .into_response()
}
