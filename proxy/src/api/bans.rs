//! The stream of bans: what is added to it, and what stands in it. Every proxy follows it by itself.

use super::Api;
use super::answer::object;
use super::problem::Problem;
use super::redis::item;
use super::request::{Params, digits};
use crate::link::BANS;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use hub_core::backend::MOST;
use hub_core::bans::{Entry, MAX_REASON};
use hub_core::wire::{digits as whole, uid};
use room_core::log::MAX_SEQ;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ban {
    uid: Box<RawValue>,
    room: Option<String>,
    until: Option<Box<RawValue>>,
    reason: Option<String>,
}

/// `POST /api/bans`: one more entry, which every proxy understands.
pub(super) async fn ban(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(&request, &[])?;
    let body: Ban = api.json(request).await?;
    let long = body.reason.as_ref().map_or(0, String::len);
    if long > MAX_REASON {
        let what = format!("'reason' may have {MAX_REASON} bytes, not {long}");
        return Err(Problem::new("TOOBIG", what));
    }
    let fields = [
        ("uid", Some(uid(body.uid.get())?)),
        ("room", body.room),
        ("until", body.until.as_deref().map(until).transpose()?),
        ("reason", body.reason),
    ];
    let fields: Vec<(&str, String)> = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let bytes = fields
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Entry::read(bytes).map_err(|why| Problem::new("BADFIELD", why))?;
    let mut words = vec![Bytes::from_static(b"*")];
    for (name, value) in fields {
        words.extend([Bytes::copy_from_slice(name.as_bytes()), value.into()]);
    }
    let id = api.call(BANS, "XADD", words, api.deadline()).await?;
    Ok(object([("id", id)]))
}

/// A time as digits, which the entry's reader looks at: not more than what JSON's readers have exactly.
fn until(raw: &RawValue) -> Result<String, Problem> {
    let until = whole(raw.get()).filter(|text| digits(text).is_some_and(|until| until <= MAX_SEQ));
    until.ok_or_else(|| {
        let what = format!(
            "'until' must be a whole number up to {MAX_SEQ}: Unix time in milliseconds, 0 takes a ban back"
        );
        Problem::new("BADFIELD", what)
    })
}

/// `GET /api/bans`: a page of the entries, the oldest first.
pub(super) async fn bans(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, Problem> {
    let params = Params::of(&request, &["cursor", "limit"])?;
    let count = params.limit(MOST)?;
    let from = match params.get("cursor") {
        None => "-".to_owned(),
        Some(cursor) if is_entry_id(cursor) => format!("({cursor}"),
        Some(_) => {
            let what = "'cursor' must be what the last page gave";
            return Err(Problem::new("BADFIELD", what));
        }
    };
    let count_of = count.to_string();
    let words = [&from, "+", "COUNT", &count_of];
    let words = words.map(|word| Bytes::copy_from_slice(word.as_bytes()));
    let reply = api
        .call(BANS, "XRANGE", words.into(), api.deadline())
        .await?;
    let entries = reply.as_array().map_or(&[][..], Vec::as_slice);
    let full = entries.len() as u64 == count;
    let last = entries.last().filter(|_| full).map(|entry| item(entry, 0));
    Ok(object([
        ("bans", entries.iter().map(shown).collect()),
        ("cursor", last.unwrap_or_default()),
    ]))
}

/// `<ms>-<n>`.
fn is_entry_id(text: &str) -> bool {
    let parts = text.split_once('-');
    let is_number = |text: &str| text.len() <= 18 && digits(text).is_some();
    parts.is_some_and(|(ms, n)| is_number(ms) && is_number(n))
}

/// An entry's own id, and those of its fields that count.
fn shown(entry: &Value) -> Value {
    let mut of = Map::new();
    of.insert("id".to_owned(), item(entry, 0));
    let fields = item(entry, 1);
    for pair in fields.as_array().map_or(&[][..], Vec::as_slice).chunks(2) {
        let [Value::String(name), value] = pair else {
            continue;
        };
        let number = || value.as_str().and_then(digits).map(Value::from);
        match name.as_str() {
            "uid" | "room" | "reason" => of.insert(name.clone(), value.clone()),
            "until" => of.insert(name.clone(), number().unwrap_or_else(|| value.clone())),
            _ => None,
        };
    }
    Value::Object(of)
}
