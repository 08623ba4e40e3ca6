//! The demo page and the browser client, which are part of the program.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

const HTML: &str = "text/html; charset=utf-8";
const SVG: &str = "image/svg+xml";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

type Page = (&'static str, &'static str, &'static str);

/// A file of the folder `web`, at the address of its name there.
macro_rules! file {
    ($path:literal, $kind:expr) => {
        (
            concat!("/", $path),
            $kind,
            include_str!(concat!("../../web/", $path)),
        )
    };
}

/// Path, type, content.
pub(super) const PAGES: [Page; 20] = [
    ("/", HTML, include_str!("../../web/index.html")),
    // Whoever does not read the page asks for this one.
    ("/favicon.ico", SVG, include_str!("../../web/icon.svg")),
    file!("icon.svg", SVG),
    file!("demo.css", CSS),
    file!("demo.js", SCRIPT),
    file!("demo/compose.js", SCRIPT),
    file!("demo/drawer.js", SCRIPT),
    file!("demo/identity.js", SCRIPT),
    file!("demo/links.js", SCRIPT),
    file!("demo/log.js", SCRIPT),
    file!("demo/names.js", SCRIPT),
    file!("demo/nodes.js", SCRIPT),
    file!("demo/people.js", SCRIPT),
    file!("demo/rows.js", SCRIPT),
    file!("demo/session.js", SCRIPT),
    file!("demo/status.js", SCRIPT),
    file!("demo/store.js", SCRIPT),
    file!("demo/typing.js", SCRIPT),
    file!("room.js", SCRIPT),
    file!("room.d.ts", TEXT),
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
