//! What is answered where on the admin port.

use super::files::{FILES, answer};
use super::guard::Turned;
use super::{Admin, state, views};
use crate::http::request::knock;
use crate::metrics::Metrics;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

const PLAIN: &str = "text/plain; charset=utf-8";

/// All of it.
pub(crate) fn routes(admin: Arc<Admin>) -> Router {
    let mut page = Router::new()
        .route("/data/state", get(state::state))
        .route("/data/scan", get(views::scan))
        .route("/data/bans", get(views::bans))
        .route("/data/room", get(views::room))
        .route("/data/member", get(views::member))
        .route("/data/why", get(views::why));
    for (path, kind, content) in FILES {
        page = page.route(path, get(move || async move { answer(kind, content) }));
    }
    let nothing = || async { said(StatusCode::NOT_FOUND, "there is / and /metrics") };
    let only_get = || async {
        said(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET: nothing is changed here",
        )
    };
    let page = page
        .fallback(nothing)
        .method_not_allowed_fallback(only_get)
        .layer(from_fn_with_state(admin.clone(), guard))
        .with_state(admin.clone());
    Router::new()
        .route("/metrics", get(numbers))
        .method_not_allowed_fallback(only_get)
        .with_state(admin.metrics.clone())
        .merge(page)
}

fn said(status: StatusCode, why: &str) -> Response {
    let mut answer = answer(PLAIN, format!("{why}\n"));
    *answer.status_mut() = status;
    answer
}

async fn guard(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    match judge(&admin, &request) {
        Ok(()) => next.run(request).await,
        Err(answer) => *answer,
    }
}

fn judge(admin: &Admin, request: &Request) -> Result<(), Box<Response>> {
    let text = |name| {
        let value = request.headers().get(name);
        value.and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let (authorization, site) = (text("authorization"), text("sec-fetch-site"));
    let knock = knock(request, false).map_err(|bad| said(StatusCode::BAD_REQUEST, &bad))?;
    let judged = admin.guard.lets_in(&knock, authorization, site);
    judged.map_err(|Turned { status, why, asks }| {
        let mut answer = said(status, &why);
        if asks {
            let asked = HeaderValue::from_static("Basic realm=\"Roomcast\", charset=\"UTF-8\"");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, asked);
        }
        Box::new(answer)
    })
}

async fn numbers(State(metrics): State<Arc<Metrics>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.text()).into_response()
}
