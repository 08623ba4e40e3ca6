//! Publishing for uids, and reading back.

use super::Api;
use super::answer::answer;
use super::problem::Problem;
use super::redis::{item, unreadable};
use super::request::{Params, Room, header_of};
use crate::clock;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use hub_core::ask::{Answer, Ask};
use hub_core::backend::{self, MOST};
use hub_core::wire::spoken;
use room_core::dedupe::MAX_ID;
use room_core::log::MAX_SEQ;
use room_core::position::Position;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::Instant;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A message that may be stored.
struct Item {
    uid: String,
    payload: String,
    id: Option<String>,
}

/// `POST /api/rooms/{roomid}/messages`: one message, or a list of them.
pub(super) async fn publish(
    State(api): State<Arc<Api>>,
    Room(room): Room,
    request: Request,
) -> Result<Response, Problem> {
    let key = header_of(request.headers(), IDEMPOTENCY_KEY)?;
    let key = key.map(id_of).transpose()?;
    Params::of(&request, &[])?;
    let text = api.text(request).await?;
    if text.trim_start().starts_with('[') {
        // Each has an id of its own, so that a repeat is known whatever the key is.
        return api.publish_all(&room, &text).await;
    }
    let one = api.item(&room, &text, key)?;
    let mut stored = api.store(&room, &one, api.deadline()).await?;
    if let Some((remembered, message)) = stored.remembered.zip(stored.message.as_object_mut()) {
        message.insert("remembered".to_owned(), remembered);
    }
    Ok(answer(stored.message.to_string()))
}

/// The value of `Idempotency-Key`, in quotation marks or without.
fn id_of(text: &str) -> Result<String, Problem> {
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let id = quoted.unwrap_or(text);
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(is_plain) {
        let what = format!(
            "Idempotency-Key must have 1 to {MAX_ID} bytes, none of them a blank, quotation mark or backslash"
        );
        return Err(Problem::new("BADID", what));
    }
    Ok(id.to_owned())
}

/// What became of a message, and what is said of ids.
struct Stored {
    message: Value,
    remembered: Option<Value>,
}

impl Api {
    /// Reads a message; `key` is the request's id for it.
    fn item(&self, room: &str, text: &str, key: Option<String>) -> Result<Item, Problem> {
        let (size, most) = (text.len(), self.max_event);
        if size > most {
            let what = format!("a message may have {most} bytes (--max-event), not {size}");
            return Err(Problem::new("TOOBIG", what));
        }
        let said = spoken(text, room)?;
        {
            let bans = self.banned.read();
            let sight = bans.at(clock::unix_ms());
            if let Some(denied) = sight.silences(&said.uid, room) {
                return Err(denied.into());
            }
        }
        let id = match (said.message.id.clone(), key) {
            (Some(id), Some(key)) if id != key => {
                let what = format!(
                    "the message's id is '{id}', its Idempotency-Key '{key}': give one of them"
                );
                return Err(Problem::new("CONFLICT", what));
            }
            (id, key) => id.or(key),
        };
        Ok(Item {
            uid: said.uid,
            payload: said.message.payload(None),
            id,
        })
    }

    async fn store(&self, room: &str, one: &Item, until: Instant) -> Result<Stored, Problem> {
        let mut words = vec![one.uid.clone().into(), one.payload.clone().into()];
        if let Some(id) = &one.id {
            words.extend([Bytes::from_static(b"ROOMID"), id.clone().into()]);
        }
        let key = self.key(room);
        let reply = self.call(&key, "ROOM.PUBLISH", words, until).await?;
        let again = item(&reply, 3) == 1;
        if !again {
            self.figures.messages.inc();
        }
        let message = json!({
            "seq": item(&reply, 0),
            "position": item(&reply, 4),
            "duplicate": again,
            "online": item(&reply, 1),
            "offline": item(&reply, 2),
        });
        let told = (item(&reply, 5), item(&reply, 6));
        let remembered = (one.id.is_some() && told.1 != Value::Null)
            .then(|| json!({"ms": told.0, "ids": told.1}));
        Ok(Stored {
            message,
            remembered,
        })
    }

    /// All of them are read before the first one is tried; behind one that fails none is.
    async fn publish_all(&self, room: &str, text: &str) -> Result<Response, Problem> {
        let list = self.items(room, text)?;
        let until = self.deadline();
        let (mut messages, mut remembered) = (Vec::new(), Value::Null);
        for (at, one) in list.iter().enumerate() {
            match self.store(room, one, until).await {
                Ok(stored) => {
                    messages.push(stored.message);
                    remembered = stored.remembered.unwrap_or_default();
                }
                Err(problem) => {
                    return Err(problem.with("index", at).with("messages", messages));
                }
            }
        }
        let all = json!({"messages": messages, "remembered": remembered});
        Ok(answer(all.to_string()))
    }

    fn items(&self, room: &str, text: &str) -> Result<Vec<Item>, Problem> {
        let list: Vec<&RawValue> = serde_json::from_str(text)
            .map_err(|error| Problem::new("BADJSON", format!("the body: {error}")))?;
        if list.is_empty() || list.len() as u64 > MOST {
            let what = format!("a list may have 1 to {MOST} messages, not {}", list.len());
            return Err(Problem::new("TOOMANY", what));
        }
        let mut items = Vec::with_capacity(list.len());
        for (at, raw) in list.iter().enumerate() {
            let read = self.item(room, raw.get(), None).and_then(|one| {
                let what = "a message in a list needs the field 'id'";
                let none = || Problem::new("BADFIELD", what);
                one.id.is_some().then_some(one).ok_or_else(none)
            });
            items.push(read.map_err(|problem| problem.with("index", at))?);
        }
        Ok(items)
    }
}

/// `GET /api/rooms/{roomid}/messages`: a page of what was said up to a position, or to now.
pub(super) async fn page(
    State(api): State<Arc<Api>>,
    Room(room): Room,
    request: Request,
) -> Result<Response, Problem> {
    let params = Params::of(&request, &["until", "limit"])?;
    let count = params.limit(MOST)?;
    let until = params.get("until").map(position).transpose()?;
    if let Some(until) = until.filter(|until| until.seq == 0) {
        return Ok(answer(backend::nothing(&room, until)));
    }
    let (key, by) = (api.key(&room), api.deadline());
    let counts = api.call(&key, "ROOM.ATTACH", Vec::new(), by);
    let ask = Ask::Back {
        from: 1,
        to: until.map_or(MAX_SEQ, |until| until.seq),
        count,
        bytes: api.page,
        own: None,
    };
    let (counts, back) = tokio::join!(counts, api.ask(&key, ask, by));
    let Answer::Back(back) = back? else {
        return Err(unreadable());
    };
    let counts = counts?;
    let count = |name: &str| counts.get(name).and_then(Value::as_u64).unwrap_or(0);
    let counts = (count("members"), count("online"));
    let page = backend::history(&room, &back, until, api.page, counts);
    page.map(answer).ok_or_else(|| {
        let what = "'until' is not of this room's history: begin again without it";
        Problem::new("BADPOS", what)
    })
}

fn position(text: &str) -> Result<Position, Problem> {
    let position = text.parse();
    position.map_err(|error| Problem::new("BADFIELD", format!("'until': {error}")))
}
