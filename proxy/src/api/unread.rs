//! What waits for one uid in many rooms.

use super::Api;
use super::answer::object;
use super::problem::Problem;
use super::request::Params;
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::future::join_all;
use hub_core::wire::{check_roomid, uid};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::Instant;

/// Rooms that one request may name.
const MOST_ROOMS: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    uid: Box<RawValue>,
    rooms: Vec<String>,
}

/// `POST /api/unread`: a row for each room, in their order.
pub(super) async fn unread(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(&request, &[])?;
    let wanted: Wanted = api.json(request).await?;
    let uid = uid(wanted.uid.get())?;
    let many = wanted.rooms.len();
    if many == 0 || many > MOST_ROOMS {
        let what = format!("'rooms' may have 1 to {MOST_ROOMS} entries, not {many}");
        return Err(Problem::new("TOOMANY", what));
    }
    for room in &wanted.rooms {
        check_roomid(room)?;
    }
    let by = api.deadline();
    let rows = wanted.rooms.iter().map(|room| api.waits(room, &uid, by));
    let rows: Result<Vec<Value>, Problem> = join_all(rows).await.into_iter().collect();
    Ok(object([("uid", uid.into()), ("rooms", rows?.into())]))
}

impl Api {
    /// What waits there; that there is no such room or member is told in its row.
    async fn waits(&self, room: &str, uid: &str, by: Instant) -> Result<Value, Problem> {
        let words = vec![uid.to_owned().into()];
        match self.call(&self.key(room), "ROOM.PENDING", words, by).await {
            Ok(pending) => {
                let field = |name: &str| pending.get(name).cloned().unwrap_or_default();
                Ok(json!({
                    "roomid": room,
                    "pending": field("pending"),
                    "head": field("head"),
                    "newest-ms": field("newest-ms"),
                }))
            }
            Err(problem) => {
                let known = ["NOROOM", "NOMEMBER", "WRONGTYPE"];
                let code = known.into_iter().find(|code| problem.is(code));
                code.map(|code| json!({"roomid": room, "code": code}))
                    .ok_or(problem)
            }
        }
    }
}
