//! Reads a client's event.

use super::fields::{Fields, Wrong, position, roomid, uid};
use super::names::SERVER_EVENTS;
use super::pieces::Pieces;
use super::scan::scan;
use super::types::{About, Bad, ClientEvent, Entry, Login, Outgoing, Role, Spoken};
use crate::history::MOST;
use crate::pass::Token;
use room_core::dedupe::MAX_ID;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Objects and arrays within one another in a client's event. Common readers give up between 64 and 1,000.
pub const MAX_DEPTH: usize = 32;
/// Fields of a client's event, not counting those within others.
pub const MAX_FIELDS: usize = 64;
/// Bytes of a name to show: of its text, or as JSON if it is not one.
pub const MAX_NAME: usize = 256;
/// Rooms that one login may name.
pub const MAX_ROOMS: usize = 100;

/// Reads one event.
pub fn parse(text: &str) -> Result<ClientEvent, Bad> {
    with_fields(text, |fields| read(text, fields))
}

/// Reads what a backend says for a uid in this room: the fields of a `message`, and `uid`.
pub fn spoken(text: &str, room: &str) -> Result<Spoken, Bad> {
    with_fields(text, |fields| for_uid(text, room, fields))
}

fn with_fields<'a, T>(
    text: &'a str,
    read: impl FnOnce(&Fields<'a>) -> Result<T, Wrong>,
) -> Result<T, Bad> {
    let mut fields = Fields::default();
    let mut many = 0;
    let shape = scan(text, |member| {
        many += 1;
        if many <= MAX_FIELDS {
            fields.push(member);
        }
    });
    let object = text.trim_start().starts_with('{');
    let Some(shape) = shape.filter(|_| object) else {
        return Err(Bad {
            code: "BADJSON",
            message: not_json(text),
            about: About::default(),
        });
    };
    let about = About {
        event: fields.text("event"),
        roomid: fields.text("roomid"),
        id: fields.text("id"),
    };
    let refuse = |(code, message)| Bad {
        code,
        message,
        about,
    };
    let wrong = if shape.depth > MAX_DEPTH {
        Some(format!("an event may be {MAX_DEPTH} brackets deep"))
    } else if !shape.unicode {
        Some("a string has half a surrogate pair, which is no character".into())
    } else if many > MAX_FIELDS {
        Some(format!("an event may have {MAX_FIELDS} fields"))
    } else {
        None
    };
    match wrong {
        Some(message) => Err(refuse(("BADFIELD", message))),
        None => read(&fields).map_err(refuse),
    }
}

/// Why a text is no event, in the words of a parser that counts lines and columns.
fn not_json(text: &str) -> String {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => "an event must be a JSON object".to_owned(),
        Err(error) => format!("this is not JSON: {error}"),
    }
}

fn read(text: &str, fields: &Fields<'_>) -> Result<ClientEvent, Wrong> {
    let event = fields.text("event").filter(|event| !event.is_empty());
    let event = event.ok_or(("BADEVENT", "the field 'event' must be a name".to_owned()))?;
    check_name(fields)?;
    let roomid = fields.roomid()?;
    match event.as_str() {
        "login" => login(roomid, fields).map(ClientEvent::Login),
        "heartbeat" => Ok(match fields.raw("message") {
            Some("\"pong\"") => ClientEvent::Pong,
            message => ClientEvent::Heartbeat {
                asks: message == Some("\"ping\""),
            },
        }),
        "logout" => Ok(ClientEvent::Logout(roomid)),
        "leave" => Ok(ClientEvent::Leave(roomid)),
        "ack" => match fields.position("position")? {
            Some(position) => Ok(ClientEvent::Ack { roomid, position }),
            None => Err(("BADFIELD", "an 'ack' needs the field 'position'".into())),
        },
        "members" => {
            let cursor = fields.get::<String>("cursor")?;
            let cursor = cursor.map_or(Ok(0), |text| text.parse());
            let what = "'cursor' must be what the last page gave";
            let cursor = cursor.map_err(|_| ("BADFIELD", what.to_owned()))?;
            Ok(ClientEvent::Members { roomid, cursor })
        }
        "history" => {
            let limit = fields.get::<u64>("limit")?.unwrap_or(MOST);
            if !(1..=MOST).contains(&limit) {
                return Err(("BADFIELD", format!("'limit' may be 1 to {MOST}")));
            }
            let until = fields.position("until")?;
            Ok(ClientEvent::History {
                roomid,
                until,
                limit,
            })
        }
        "refresh" => {
            let token = token(fields).ok_or_else(|| {
                let what = "a 'refresh' needs the field 'token', a text".to_owned();
                ("BADFIELD", what)
            })?;
            Ok(ClientEvent::Refresh(token))
        }
        name if SERVER_EVENTS.contains(&name) => {
            Err(("BADEVENT", format!("only the server sends '{name}'")))
        }
        "message" => message(text, roomid, fields).map(ClientEvent::Message),
        _ => outgoing(text, roomid, event, fields).map(ClientEvent::Other),
    }
}

/// A `message`, whoever says it.
fn message(text: &str, roomid: Option<String>, fields: &Fields<'_>) -> Result<Outgoing, Wrong> {
    if fields.raw("message").is_none() {
        return Err(("BADFIELD", "a 'message' needs the field 'message'".into()));
    }
    outgoing(text, roomid, "message".to_owned(), fields)
}

fn for_uid(text: &str, room: &str, fields: &Fields<'_>) -> Result<Spoken, Wrong> {
    check_name(fields)?;
    let given = fields.raw("event").is_some();
    if given && fields.text("event").as_deref() != Some("message") {
        let what = "'event' can only be \"message\" here".to_owned();
        return Err(("BADFIELD", what));
    }
    let roomid = fields.roomid()?;
    if roomid.as_deref().is_some_and(|roomid| roomid != room) {
        let what = format!("'roomid' is not the room of the address, '{room}'");
        return Err(("BADFIELD", what));
    }
    let given = fields.raw("uid").ok_or(missing("a message", "uid"))?;
    Ok(Spoken {
        uid: uid(given)?,
        message: message(text, roomid, fields)?,
    })
}

fn check_name(fields: &Fields<'_>) -> Result<(), Wrong> {
    if fields.raw("name").map_or(0, name_size) > MAX_NAME {
        let what = format!("'name' may have {MAX_NAME} bytes");
        return Err(("BADFIELD", what));
    }
    Ok(())
}

/// How long a name is; escapes count as what they stand for.
fn name_size(raw: &str) -> usize {
    if raw.len() <= MAX_NAME {
        return raw.len();
    }
    serde_json::from_str::<String>(raw).map_or(raw.len(), |name| name.len())
}

fn login(roomid: Option<String>, fields: &Fields<'_>) -> Result<Login, Wrong> {
    let role = role(fields.get::<String>("as")?.as_deref())?;
    let rooms = match fields.raw("rooms").filter(|raw| *raw != "null") {
        Some(list) => entries(list, role, fields)?,
        None => vec![Entry {
            roomid: roomid.ok_or(missing("a 'login'", "roomid"))?,
            since: fields.position("since")?,
            history: fields.get("history")?.unwrap_or(0),
            role,
        }],
    };
    let uid = fields.raw("uid").map(uid).transpose()?;
    let ack = fields.get::<String>("ack")?;
    if ack.as_deref().is_some_and(|ack| ack != "client") {
        return Err(("BADFIELD", "'ack' can only be \"client\"".into()));
    }
    if fields.get::<u64>("v")?.is_some_and(|version| version != 1) {
        return Err(("BADFIELD", "'v' can only be 1".into()));
    }
    let name = fields.raw("name").map(str::to_owned);
    Ok(Login {
        uid,
        token: token(fields),
        // What was scanned is JSON.
        name: name.and_then(|name| RawValue::from_string(name).ok()),
        acks: ack.is_some(),
        rooms,
    })
}

fn role(given: Option<&str>) -> Result<Option<Role>, Wrong> {
    match given {
        None => Ok(None),
        Some("member") => Ok(Some(Role::Member)),
        Some("guest") => Ok(Some(Role::Guest)),
        Some(_) => {
            let what = "'as' can only be \"guest\" or \"member\"";
            Err(("BADFIELD", what.to_owned()))
        }
    }
}

/// A token that is no text is none: where the proxy asks for no token a client may say there what it likes.
fn token(fields: &Fields<'_>) -> Option<Token> {
    fields.text("token").map(|token| Token(token.into()))
}

fn missing(event: &str, field: &str) -> Wrong {
    ("BADFIELD", format!("{event} needs the field '{field}'"))
}

/// An entry of `rooms`.
#[derive(Deserialize)]
struct RoomOf<'a> {
    #[serde(borrow)]
    roomid: Option<&'a RawValue>,
    since: Option<String>,
    history: Option<u64>,
    #[serde(rename = "as")]
    role: Option<String>,
}

/// `all`: as what, where an entry says nothing of it.
fn entries(list: &str, all: Option<Role>, fields: &Fields<'_>) -> Result<Vec<Entry>, Wrong> {
    let beside = ["roomid", "since", "history"]
        .into_iter()
        .find(|name| fields.raw(name).is_some());
    if let Some(name) = beside {
        let what = format!("'{name}' belongs into the entries of 'rooms'");
        return Err(("BADFIELD", what));
    }
    let list: Vec<RoomOf<'_>> = serde_json::from_str(list)
        .map_err(|error| ("BADFIELD", format!("'rooms' is of the wrong kind: {error}")))?;
    if list.is_empty() || list.len() > MAX_ROOMS {
        let what = format!("'rooms' may have 1 to {MAX_ROOMS} entries");
        return Err(("BADFIELD", what));
    }
    let mut entries: Vec<Entry> = Vec::with_capacity(list.len());
    for of in list {
        let given = of.roomid.map_or(Ok(None), |raw| roomid(raw.get()))?;
        let roomid = given.ok_or(missing("an entry of 'rooms'", "roomid"))?;
        if entries.iter().any(|entry| entry.roomid == roomid) {
            return Err(("BADFIELD", format!("'rooms' has '{roomid}' twice")));
        }
        let since = of.since.map(|since| position("since", &since));
        entries.push(Entry {
            roomid,
            since: since.transpose()?,
            history: of.history.unwrap_or(0),
            role: role(of.role.as_deref())?.or(all),
        });
    }
    Ok(entries)
}

fn outgoing(
    text: &str,
    roomid: Option<String>,
    event: String,
    fields: &Fields<'_>,
) -> Result<Outgoing, Wrong> {
    let id = fields.get::<String>("id")?;
    if id
        .as_ref()
        .is_some_and(|id| id.is_empty() || id.len() > MAX_ID)
    {
        return Err(("BADID", format!("'id' must have 1 to {MAX_ID} bytes")));
    }
    let mut pieces = Pieces::default();
    for member in fields.members() {
        pieces.add(member);
    }
    let mut kept = String::with_capacity(pieces.size());
    for piece in pieces.of(text) {
        kept.push(',');
        kept.push_str(piece);
    }
    Ok(Outgoing {
        roomid,
        id,
        event,
        fields: kept,
        has_name: fields.raw("name").is_some(),
    })
}
