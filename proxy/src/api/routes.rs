//! What is answered where, and who gets that far.

use super::messages::{page, publish};
use super::problem::Problem;
use super::request::header_of;
use super::rooms::{info, invite, kick, leave, member, members};
use super::{Api, bans, unread};
use crate::at_work::AtWork;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use std::sync::Arc;

const OPENAPI: &str = include_str!("../../../docs/api/openapi.yaml");

/// All of it, below `/api`.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(api: Arc<Api>) -> Router<S> {
    let behind_the_key = Router::new()
        .route("/api/rooms/{roomid}", get(info))
        .route("/api/rooms/{roomid}/messages", post(publish).get(page))
        .route("/api/rooms/{roomid}/members", get(members))
        .route("/api/rooms/{roomid}/members/{uid}", get(member))
        .route("/api/rooms/{roomid}/invite", post(invite))
        .route("/api/rooms/{roomid}/leave", post(leave))
        .route("/api/rooms/{roomid}/kick", post(kick))
        .route("/api/unread", post(unread::unread))
        .route("/api/bans", post(bans::ban).get(bans::bans))
        .route("/api/{*other}", any(nothing))
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(api.clone(), look_at_key))
        .with_state(api);
    Router::new()
        .route("/api/openapi.yaml", get(openapi))
        .method_not_allowed_fallback(wrong_method)
        .merge(behind_the_key)
}

async fn openapi() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/yaml")];
    (kind, OPENAPI).into_response()
}

/// What is not there.
pub(crate) async fn nothing() -> Response {
    let what = "there is nothing here: /api/openapi.yaml says what there is";
    Problem::new("NOTFOUND", what).into_response()
}

async fn wrong_method(method: Method) -> Response {
    let what = format!("{method} is not answered here: the header Allow says what is");
    Problem::new("BADMETHOD", what).into_response()
}

/// Lets those with a key in, as many at a time as may be worked for.
async fn look_at_key(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    if let Err(problem) = key_of(request.headers()).and_then(|key| api.check(key)) {
        api.figures.stranger();
        return problem.into_response();
    }
    let route = request.extensions().get::<MatchedPath>().cloned();
    let Ok(_place) = api.places.clone().try_acquire_owned() else {
        api.figures.busy.inc();
        let what = format!(
            "{} requests are worked on (--api-requests): try again when one is answered",
            api.many
        );
        return Problem::new("TOOFAST", what).into_response();
    };
    let under_way = UnderWay::begin(&api, &request);
    let method = request.method().clone();
    let answer = next.run(request).await;
    drop(under_way);
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let route = format!("{} {route}", known(&method));
    api.figures.answered(&route, answer.status().as_u16());
    answer
}

/// One more request is worked on, until its end or until its connection is gone.
struct UnderWay<'a> {
    api: &'a Api,
    connection: Option<AtWork>,
}

impl<'a> UnderWay<'a> {
    fn begin(api: &'a Api, request: &Request) -> Self {
        api.figures.under_way.inc();
        let connection = request.extensions().get::<AtWork>().cloned();
        connection.as_ref().inspect(|works| works.set(true));
        Self { api, connection }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.api.figures.under_way.dec();
        self.connection.as_ref().inspect(|works| works.set(false));
    }
}

/// Labels of metrics are few.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET | Method::POST => method.as_str(),
        _ => "other",
    }
}

/// The key in `Authorization: Bearer`.
fn key_of(headers: &HeaderMap) -> Result<&str, Problem> {
    let given = header_of(headers, header::AUTHORIZATION.as_str());
    let given = given.map_err(|_| {
        Problem::new(
            "BADTOKEN",
            "the header Authorization may be there once, in ASCII",
        )
    })?;
    let Some(given) = given else {
        let what = "the header 'Authorization: Bearer <key>' is missing";
        return Err(Problem::new("NOTOKEN", what));
    };
    match given.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(key.trim()),
        _ => {
            let what = "the header Authorization is not 'Bearer <key>'";
            Err(Problem::new("NOTOKEN", what))
        }
    }
}

impl Api {
    fn check(&self, key: &str) -> Result<(), Problem> {
        match self.keys.know(key.as_bytes()) {
            true => Ok(()),
            false => Err(Problem::new("BADTOKEN", "this is no key of the API")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_is_documented() {
        let here = include_str!("routes.rs");
        let routes = here.split(".route(\"").skip(1);
        let routes = routes.filter_map(|rest| rest.split('"').next());
        let routes: Vec<&str> = routes.filter(|path| path.starts_with("/api/")).collect();
        assert!(routes.len() > 9, "{routes:?}");
        let documented = OPENAPI.lines().filter_map(|line| {
            let path = line.strip_prefix("  ")?.strip_suffix(':')?;
            path.starts_with('/').then_some(path)
        });
        let documented: Vec<&str> = documented.collect();
        for path in routes.iter().filter(|path| !path.contains('*')) {
            assert!(documented.contains(path), "{path}");
        }
        assert_eq!(documented.len(), routes.len() - 1, "{documented:?}");
    }
}
