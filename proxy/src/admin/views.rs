//! What the page shows of rooms, members and messages: what Redis says, asked when somebody looks. The text of a message is not
//! among it.

use super::Admin;
use super::files::answer;
use crate::link::BANS;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;

/// Members of a room, messages of a queue, and bans that are shown.
const MEMBERS: &str = "50";
const ROWS: &str = "100";
const BYTES: &str = "262144";
/// In a room with more members nobody is looked for who is behind.
const MOST_MEMBERS: u64 = super::walk::MOST_MEMBERS;

/// What is asked about, as it stands behind the `?`.
#[derive(Default)]
pub(super) struct About {
    room: String,
    uid: String,
    seq: String,
}

impl<S: Sync> FromRequestParts<S> for About {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let mut about = Self::default();
        let query = parts.uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "room" => about.room = value.into_owned(),
                "uid" => about.uid = value.into_owned(),
                "seq" => about.seq = value.into_owned(),
                _ => {}
            }
        }
        Ok(about)
    }
}

pub(super) fn json_answer(value: &Value) -> Response {
    answer("application/json", value.to_string())
}

fn refused((code, why): (String, String)) -> Response {
    let mut answer = json_answer(&json!({"code": code, "why": why}));
    *answer.status_mut() = match code.as_str() {
        "NOROOM" | "NOMEMBER" => StatusCode::NOT_FOUND,
        "UNAVAILABLE" => StatusCode::SERVICE_UNAVAILABLE,
        "WRONGTYPE" | "BADUID" => StatusCode::BAD_REQUEST,
        _ => StatusCode::BAD_GATEWAY,
    };
    answer
}

type Answered = Result<Response, Response>;

/// `GET /data/scan`: lists over all rooms, as far as they are.
pub(super) async fn scan(State(admin): State<Arc<Admin>>) -> Response {
    json_answer(&admin.scan.shown())
}

/// `GET /data/room?room=`: a room, its limits, and who is furthest behind.
pub(super) async fn room(State(admin): State<Arc<Admin>>, of: About) -> Answered {
    let info = admin.asking.room(&of.room, "ROOM.INFO", &[]).await;
    let info = info.map_err(refused)?;
    let members = info.get("members").and_then(Value::as_u64).unwrap_or(0);
    let mut behind = Value::Null;
    if members <= MOST_MEMBERS {
        let lag = admin
            .asking
            .room(&of.room, "ROOM.LAG", &["TOP", MEMBERS])
            .await;
        behind = rows(
            &lag.map_err(refused)?,
            ["uid", "cursor", "pending", "sessions", "acted_ms"],
        );
    }
    Ok(json_answer(
        &json!({"room": of.room, "info": info, "behind": behind}),
    ))
}

/// `GET /data/member?room=&uid=`: what waits for somebody, without what it says.
pub(super) async fn member(State(admin): State<Arc<Admin>>, of: About) -> Answered {
    let pending = admin
        .asking
        .room(&of.room, "ROOM.PENDING", &[&of.uid])
        .await;
    let pending = pending.map_err(refused)?;
    let words = [&of.uid, "COUNT", ROWS, "BYTES", BYTES];
    let queue = admin.asking.room(&of.room, "ROOM.QUEUE", &words).await;
    let queue = queue.map_err(refused)?;
    let shown = |row: &Value| {
        let bytes = row.get(3).and_then(Value::as_str).map_or(0, str::len);
        json!({"seq": row.get(0), "ms": row.get(1), "uid": row.get(2), "bytes": bytes})
    };
    let list = queue.get("rows").and_then(Value::as_array);
    let list: Vec<Value> = list.into_iter().flatten().map(shown).collect();
    let more = queue.get("more").is_some_and(|more| *more == 1);
    Ok(json_answer(
        &json!({"room": of.room, "uid": of.uid, "pending": pending, "queue": list, "more": more}),
    ))
}

/// `GET /data/why?room=&uid=&seq=`: what became of a message for somebody.
pub(super) async fn why(State(admin): State<Arc<Admin>>, of: About) -> Answered {
    let words = [of.uid.as_str(), of.seq.as_str()];
    let fate = admin.asking.room(&of.room, "ROOM.WHY", &words).await;
    let fate = fate.map_err(refused)?;
    Ok(json_answer(&json!({"fate": fate})))
}

/// `GET /data/bans`: the newest entries of the stream.
pub(super) async fn bans(State(admin): State<Arc<Admin>>) -> Answered {
    let entries = admin
        .asking
        .key(BANS, "XREVRANGE", &["+", "-", "COUNT", ROWS])
        .await;
    let entries = entries.map_err(refused)?;
    let shown = |entry: &Value| {
        let mut of = json!({"id": entry.get(0)});
        let fields = entry.get(1).and_then(Value::as_array);
        for pair in fields.map_or(&[][..], Vec::as_slice).chunks(2) {
            if let [Value::String(name), value] = pair
                && ["uid", "room", "until", "reason"].contains(&name.as_str())
            {
                of[name.as_str()] = value.clone();
            }
        }
        of
    };
    let list: Vec<Value> = entries
        .as_array()
        .into_iter()
        .flatten()
        .map(shown)
        .collect();
    let (enforced, left_out) = {
        let table = admin.banned.read();
        (table.len(), table.beyond() + table.unreadable())
    };
    Ok(json_answer(
        &json!({"bans": list, "enforced": enforced, "left_out": left_out}),
    ))
}

/// Arrays as objects with these names.
fn rows<const N: usize>(reply: &Value, names: [&str; N]) -> Value {
    let named = |row: &Value| {
        let pairs = names.iter().enumerate();
        let pairs =
            pairs.map(|(at, name)| ((*name).to_owned(), row.get(at).cloned().unwrap_or_default()));
        Value::Object(pairs.collect())
    };
    reply.as_array().into_iter().flatten().map(named).collect()
}
