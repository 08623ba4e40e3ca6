//! A room as it stands, and its members.

use super::Api;
use super::answer::{answer, object};
use super::problem::Problem;
use super::redis::item;
use super::request::{Params, Room, Somebody, digits, uids};
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use hub_core::backend::MOST;
use hub_core::wire::uid;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Uids {
    uids: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kicked {
    uid: Box<RawValue>,
    #[serde(default)]
    reason: String,
}

/// `GET /api/rooms/{roomid}`: as `ROOM.INFO` says it.
pub(super) async fn info(
    State(api): State<Arc<Api>>,
    Room(room): Room,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(&request, &[])?;
    let (key, by) = (api.key(&room), api.deadline());
    let info = api.call(&key, "ROOM.INFO", Vec::new(), by).await?;
    Ok(answer(with(info, "roomid", room).to_string()))
}

fn with(mut object: Value, name: &str, value: impl Into<Value>) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
    object
}

/// `GET /api/rooms/{roomid}/members`: a page of them.
pub(super) async fn members(
    State(api): State<Arc<Api>>,
    Room(room): Room,
    request: Request,
) -> Result<Response, Problem> {
    let params = Params::of(&request, &["cursor", "limit"])?;
    let count = params.limit(MOST)?.to_string();
    let cursor = params.get("cursor").unwrap_or("0");
    // A room has no more members than nine digits count.
    let Some(cursor) = digits(cursor).filter(|_| cursor.len() <= 9) else {
        let what = "'cursor' must be what the last page gave";
        return Err(Problem::new("BADFIELD", what));
    };
    let words = ["CURSOR", &cursor.to_string(), "COUNT", &count];
    let words = words.map(|word| Bytes::copy_from_slice(word.as_bytes()));
    let (key, by) = (api.key(&room), api.deadline());
    let reply = api.call(&key, "ROOM.MEMBERS", words.into(), by).await?;
    let rows = item(&reply, 1);
    let rows = rows.as_array().into_iter().flatten().map(|row| {
        json!({
            "uid": item(row, 0),
            "cursor": item(row, 1),
            "pending": item(row, 2),
            "sessions": item(row, 3),
            "acted-ms": item(row, 4),
        })
    });
    let next = item(&reply, 0);
    let next = if next == "0" { Value::Null } else { next };
    Ok(object([("members", rows.collect()), ("cursor", next)]))
}

/// `GET /api/rooms/{roomid}/members/{uid}`: what waits for one of them, as `ROOM.PENDING` says it.
pub(super) async fn member(
    State(api): State<Arc<Api>>,
    Somebody(room, uid): Somebody,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(&request, &[])?;
    let (key, by) = (api.key(&room), api.deadline());
    let words = vec![uid.clone().into()];
    let pending = api.call(&key, "ROOM.PENDING", words, by).await?;
    let online = pending.get("online").is_some_and(|online| *online == 1);
    let pending = with(with(pending, "online", online), "uid", uid);
    Ok(answer(pending.to_string()))
}

async fn with_uids(
    api: &Api,
    room: &str,
    request: Request,
    command: &'static str,
) -> Result<Value, Problem> {
    Params::of(&request, &[])?;
    let body: Uids = api.json(request).await?;
    let words = uids(&body.uids)?.into_iter().map(Bytes::from).collect();
    api.call(&api.key(room), command, words, api.deadline())
        .await
}

/// `POST /api/rooms/{roomid}/invite`.
pub(super) async fn invite(
    State(api): State<Arc<Api>>,
    Room(room): Room,
    request: Request,
) -> Result<Response, Problem> {
    let invited = with_uids(&api, &room, request, "ROOM.INVITE").await?;
    Ok(object([("invited", invited)]))
}

/// `POST /api/rooms/{roomid}/leave`.
pub(super) async fn leave(
    State(api): State<Arc<Api>>,
    Room(room): Room,
    request: Request,
) -> Result<Response, Problem> {
    let left = with_uids(&api, &room, request, "ROOM.LEAVE").await?;
    Ok(object([("left", left)]))
}

/// `POST /api/rooms/{roomid}/kick`.
pub(super) async fn kick(
    State(api): State<Arc<Api>>,
    Room(room): Room,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(&request, &[])?;
    let body: Kicked = api.json(request).await?;
    let words = vec![uid(body.uid.get())?.into(), body.reason.into()];
    let (key, by) = (api.key(&room), api.deadline());
    let ended = api.call(&key, "ROOM.KICK", words, by).await?;
    Ok(object([("sessions", ended)]))
}
