//! What a request brings: its room, its parameters, its body.

use super::Api;
use super::problem::Problem;
use axum::body::to_bytes;
use axum::extract::{FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use hub_core::wire::{check_roomid, uid, uid_of};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::time::timeout;

/// Uids that one request may name.
const MOST_UIDS: usize = 1000;

type Named = HashMap<String, String>;

/// The parts of the address, decoded.
async fn named(parts: &mut Parts, api: &Arc<Api>) -> Result<Named, Problem> {
    if !is_encoded(parts.uri.path()) {
        let what = "the address has a % without two hexadecimal digits: write %25 for itself";
        return Err(Problem::new("BADFIELD", what));
    }
    let named = Path::<Named>::from_request_parts(parts, api).await;
    let bad = |_| Problem::new("BADFIELD", "the address is no text in UTF-8");
    named.map(|Path(named)| named).map_err(bad)
}

/// Whether each `%` is followed by two hexadecimal digits: others would be taken for what they are, and be another room.
fn is_encoded(path: &str) -> bool {
    let mut after = path.split('%').skip(1).map(str::as_bytes);
    after.all(|rest| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
}

fn room_of(named: &mut Named) -> Result<String, Problem> {
    let roomid = named.remove("roomid").unwrap_or_default();
    check_roomid(&roomid)?;
    Ok(roomid)
}

/// The room of the address.
pub(super) struct Room(pub(super) String);

impl FromRequestParts<Arc<Api>> for Room {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        room_of(&mut named(parts, api).await?).map(Self)
    }
}

/// The room of the address, and somebody in it.
pub(super) struct Somebody(pub(super) String, pub(super) String);

impl FromRequestParts<Arc<Api>> for Somebody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let mut named = named(parts, api).await?;
        let room = room_of(&mut named)?;
        Ok(Self(room, uid_of(named.remove("uid").unwrap_or_default())?))
    }
}

/// What stands behind the `?`.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Those of a request that may have these.
    pub(super) fn of(request: &Request, known: &[&str]) -> Result<Self, Problem> {
        let query = request.uri().query().unwrap_or_default();
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !known.contains(&&*name) {
                let what = format!("there is no parameter '{}' here", name.escape_debug());
                return Err(Problem::new("BADFIELD", what));
            }
            if all.iter().any(|(there, _)| *there == name) {
                let what = format!("the parameter '{name}' is there twice");
                return Err(Problem::new("BADFIELD", what));
            }
            all.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(all))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A number from 1 to `most`, which it is if it is not given.
    pub(super) fn limit(&self, most: u64) -> Result<u64, Problem> {
        let Some(given) = self.get("limit") else {
            return Ok(most);
        };
        let limit = digits(given).filter(|limit| (1..=most).contains(limit));
        limit.ok_or_else(|| Problem::new("BADFIELD", format!("'limit' may be 1 to {most}")))
    }
}

/// Decimal digits.
pub(super) fn digits(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// A header that may be there once.
pub(super) fn header_of<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let (first, more) = (values.next(), values.next());
    let text = first.map(|value| value.to_str()).transpose();
    match (text, more) {
        (Ok(text), None) => Ok(text),
        _ => {
            let what = format!("the header {name} may be there once, in ASCII");
            Err(Problem::new("BADFIELD", what))
        }
    }
}

impl Api {
    /// The body as text, if it is said to be JSON.
    pub(super) async fn text(&self, request: Request) -> Result<String, Problem> {
        let kind = header_of(request.headers(), header::CONTENT_TYPE.as_str())?;
        let kind = kind.and_then(|kind| kind.split(';').next());
        if !kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
            let what = "the header Content-Type must be application/json";
            return Err(Problem::new("BADTYPE", what));
        }
        let body = to_bytes(request.into_body(), self.max_body);
        let Ok(body) = timeout(self.body_timeout, body).await else {
            let what = "the body did not come in time (--handshake-timeout)";
            return Err(Problem::new("TIMEOUT", what));
        };
        let body = body.map_err(|_| {
            let what = format!("the body may have {} bytes (--api-body)", self.max_body);
            Problem::new("TOOBIG", what)
        })?;
        let text = String::from_utf8(body.into());
        text.map_err(|_| Problem::new("BADJSON", "the body is not UTF-8"))
    }

    /// The body as a value.
    pub(super) async fn json<T: DeserializeOwned>(&self, request: Request) -> Result<T, Problem> {
        let text = self.text(request).await?;
        serde_json::from_str(&text).map_err(|error| {
            let code = match error.is_data() {
                true => "BADFIELD",
                false => "BADJSON",
            };
            Problem::new(code, format!("the body: {error}"))
        })
    }
}

/// Uids as they are written: 1 to 1000 of them.
pub(super) fn uids(given: &[Box<RawValue>]) -> Result<Vec<String>, Problem> {
    if given.is_empty() || given.len() > MOST_UIDS {
        let what = format!(
            "'uids' may have 1 to {MOST_UIDS} entries, not {}",
            given.len()
        );
        return Err(Problem::new("TOOMANY", what));
    }
    let uids = given.iter().map(|raw| uid(raw.get()));
    Ok(uids.collect::<Result<_, _>>()?)
}
