//! The JSON events of both directions. Pure: text in, text out.
//!
//! A client's fields are carried as the text they came in (`RawValue`), so that numbers and strings stay as written.

use room_core::announce::Header;
use room_core::position::Position;
use room_core::uid::valid_uid;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;
use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;

/// The fields of a client's event.
pub type Fields = BTreeMap<String, Box<RawValue>>;

/// Names that only the server uses; from a client they are `BADEVENT`.
pub const SERVER_EVENTS: [&str; 9] = [
    "synced",
    "sent",
    "lost",
    "reset",
    "kicked",
    "error",
    "presence",
    "position",
    "heartbeat-timeout",
];
/// Fields that only the server sets.
const SERVER_FIELDS: [&str; 9] = [
    "seq",
    "position",
    "ts",
    "uid",
    "roomid",
    "total",
    "num",
    "event",
    "duplicate",
];

/// What a client wants.
#[derive(Debug)]
pub enum ClientEvent {
    /// Join a room.
    Login(Login),
    /// Store a message and send it to everybody.
    Message(Outgoing),
    /// Send an event to those online, without storing it.
    Other(Outgoing),
    /// A heartbeat.
    Heartbeat {
        /// It is the answer to the server's; a client's own is no more than a sign of life.
        answers: bool,
    },
    /// Everything up to the position was processed.
    Ack {
        /// The room; the first one if not given.
        roomid: Option<String>,
        /// Up to here.
        position: Position,
    },
    /// End the session.
    Logout(Option<String>),
    /// End the membership.
    Leave(Option<String>),
    /// List the members.
    Members {
        /// The room; the first one if not given.
        roomid: Option<String>,
        /// Where the last page ended.
        cursor: u64,
    },
}

/// A `login` event.
#[derive(Debug)]
pub struct Login {
    /// The room.
    pub roomid: String,
    /// Who.
    pub uid: String,
    /// The name to show, as JSON.
    pub name: Option<Box<RawValue>>,
    /// Where the client left off.
    pub since: Option<Position>,
    /// How many old messages a newcomer wants.
    pub history: u64,
    /// Whether the client confirms what it processed by `ack` events.
    pub acks: bool,
}

/// An event for others.
#[derive(Debug)]
pub struct Outgoing {
    /// The room; the first one if not given.
    pub roomid: Option<String>,
    /// The client's own name for it.
    pub id: Option<String>,
    /// Its event name.
    pub event: String,
    /// What else it carries, without the server's fields.
    pub fields: Fields,
}

/// An answer to bad input: a stable code and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct Bad {
    /// Stable, upper case.
    pub code: &'static str,
    /// What was wrong, and what to do.
    pub message: String,
    /// The event, room and id it answers, where they could be read.
    pub about: About,
}

/// What an error answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The event's name.
    pub event: Option<String>,
    /// The room.
    pub roomid: Option<String>,
    /// The message's id.
    pub id: Option<String>,
}

/// Reads one event.
pub fn parse(text: &str) -> Result<ClientEvent, Bad> {
    let mut about = About::default();
    let bad = |code, message: String, about: &About| Bad {
        code,
        message,
        about: about.clone(),
    };
    let fields: Fields = serde_json::from_str(text).map_err(|error| {
        let what = if error.is_data() {
            "an event must be a JSON object".to_owned()
        } else {
            format!("this is not JSON: {error}")
        };
        bad("BADJSON", what, &about)
    })?;
    about.roomid = field::<String>(&fields, "roomid").ok().flatten();
    about.id = field::<String>(&fields, "id").ok().flatten();
    let event = match field::<String>(&fields, "event") {
        Ok(Some(event)) if !event.is_empty() => event,
        _ => {
            return Err(bad(
                "BADEVENT",
                "the field 'event' must be a name".into(),
                &about,
            ));
        }
    };
    about.event = Some(event.clone());
    read(event, fields).map_err(|(code, message)| bad(code, message, &about))
}

type Wrong = (&'static str, String);

fn read(event: String, fields: Fields) -> Result<ClientEvent, Wrong> {
    let roomid = roomid(&fields)?;
    match event.as_str() {
        "login" => login(roomid, &fields).map(ClientEvent::Login),
        "heartbeat" => {
            let answers = fields
                .get("message")
                .is_some_and(|raw| raw.get() == "\"pong\"");
            Ok(ClientEvent::Heartbeat { answers })
        }
        "logout" => Ok(ClientEvent::Logout(roomid)),
        "leave" => Ok(ClientEvent::Leave(roomid)),
        "ack" => match position(&fields, "position")? {
            Some(position) => Ok(ClientEvent::Ack { roomid, position }),
            None => Err(("BADFIELD", "an 'ack' needs the field 'position'".into())),
        },
        "members" => {
            let cursor = need::<Option<String>>(&fields, "cursor")?.flatten();
            let cursor = cursor.map_or(Ok(0), |text| text.parse());
            let cursor = cursor.map_err(|_| {
                (
                    "BADFIELD",
                    "'cursor' must be what the last page gave".to_owned(),
                )
            })?;
            Ok(ClientEvent::Members { roomid, cursor })
        }
        name if SERVER_EVENTS.contains(&name) => {
            Err(("BADEVENT", format!("only the server sends '{name}'")))
        }
        "message" => {
            if !fields.contains_key("message") {
                return Err(("BADFIELD", "a 'message' needs the field 'message'".into()));
            }
            outgoing(roomid, event, fields).map(ClientEvent::Message)
        }
        _ => outgoing(roomid, event, fields).map(ClientEvent::Other),
    }
}

fn login(roomid: Option<String>, fields: &Fields) -> Result<Login, Wrong> {
    let roomid = roomid.ok_or(("BADFIELD", "a 'login' needs the field 'roomid'".to_owned()))?;
    let uid = match fields.get("uid").map(|raw| raw.get()) {
        // A number is a fine uid too: many user tables have nothing else.
        Some(raw) if raw.bytes().all(|b| b.is_ascii_digit()) => raw.to_owned(),
        _ => need::<String>(fields, "uid")?
            .ok_or(("BADFIELD", "a 'login' needs the field 'uid'".to_owned()))?,
    };
    if !valid_uid(uid.as_bytes()) {
        let what = "'uid' must be 1 to 128 bytes without spaces or control characters";
        return Err(("BADUID", what.to_owned()));
    }
    let ack = need::<Option<String>>(fields, "ack")?.flatten();
    if ack.as_deref().is_some_and(|ack| ack != "client") {
        return Err(("BADFIELD", "'ack' can only be \"client\"".into()));
    }
    if need::<Option<u64>>(fields, "v")?
        .flatten()
        .is_some_and(|version| version != 1)
    {
        return Err(("BADFIELD", "'v' can only be 1".into()));
    }
    Ok(Login {
        roomid,
        uid,
        name: fields.get("name").cloned(),
        since: position(fields, "since")?,
        history: need::<Option<u64>>(fields, "history")?
            .flatten()
            .unwrap_or(0),
        acks: ack.is_some(),
    })
}

fn outgoing(roomid: Option<String>, event: String, mut fields: Fields) -> Result<Outgoing, Wrong> {
    let id = need::<Option<String>>(&fields, "id")?.flatten();
    if id
        .as_ref()
        .is_some_and(|id| id.is_empty() || id.len() > room_core::dedupe::MAX_ID)
    {
        return Err((
            "BADID",
            format!("'id' must have 1 to {} bytes", room_core::dedupe::MAX_ID),
        ));
    }
    for name in SERVER_FIELDS {
        fields.remove(name);
    }
    Ok(Outgoing {
        roomid,
        id,
        event,
        fields,
    })
}

fn roomid(fields: &Fields) -> Result<Option<String>, Wrong> {
    let roomid = match fields.get("roomid").map(|raw| raw.get()) {
        Some(raw) if raw.bytes().all(|b| b.is_ascii_digit()) => Some(raw.to_owned()),
        _ => need::<Option<String>>(fields, "roomid")?.flatten(),
    };
    if roomid
        .as_ref()
        .is_some_and(|roomid| !valid_uid(roomid.as_bytes()))
    {
        let what = "'roomid' must be 1 to 128 bytes without spaces or control characters";
        return Err(("BADFIELD", what.to_owned()));
    }
    Ok(roomid)
}

fn position(fields: &Fields, name: &'static str) -> Result<Option<Position>, Wrong> {
    let text = need::<Option<String>>(fields, name)?.flatten();
    match text.map(|text| text.parse()) {
        None => Ok(None),
        Some(Ok(position)) => Ok(Some(position)),
        Some(Err(error)) => Err(("BADPOS", format!("'{name}': {error}"))),
    }
}

fn field<'a, T: Deserialize<'a>>(
    fields: &'a Fields,
    name: &str,
) -> Result<Option<T>, serde_json::Error> {
    fields
        .get(name)
        .map(|raw| serde_json::from_str(raw.get()))
        .transpose()
}

fn need<'a, T: Deserialize<'a>>(
    fields: &'a Fields,
    name: &'static str,
) -> Result<Option<T>, Wrong> {
    field(fields, name).map_err(|error| {
        (
            "BADFIELD",
            format!("'{name}' is of the wrong kind: {error}"),
        )
    })
}

impl Outgoing {
    /// What is stored and announced: the client's object, with its name from the login where it gives none.
    pub fn payload(mut self, name: Option<&RawValue>) -> String {
        if let Some(name) = name
            && !self.fields.contains_key("name")
        {
            self.fields.insert("name".into(), name.to_owned());
        }
        let mut out = String::from("{\"event\":");
        push_json(&mut out, &self.event);
        for (name, value) in &self.fields {
            push_field(&mut out, name, value.get());
        }
        out.push('}');
        out
    }
}

fn push_json(out: &mut String, text: &str) {
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&json!(text).to_string());
    }
}

fn push_number(out: &mut String, number: u64) {
    out.push_str(itoa::Buffer::new().format(number));
}

fn push_field(out: &mut String, name: &str, value: &str) {
    out.push(',');
    push_json(out, name);
    out.push(':');
    out.push_str(value);
}

/// What a client gets for a message or event of somebody: the payload's fields, then the server's.
///
/// A payload that is no JSON object (from `redis-cli`, say) becomes a message of its own; and whatever a backend writes
/// into `event`, it cannot forge what the server says.
pub fn delivery(
    roomid: &str,
    header: &Header<'_>,
    payload: &[u8],
    stored: Option<Position>,
) -> String {
    let Ok(fields) = serde_json::from_slice::<BTreeMap<Name<'_>, &RawValue>>(payload) else {
        return wrapped(roomid, header, payload, stored);
    };
    let mut out = String::with_capacity(payload.len() + SERVER_FIELDS_LEN);
    out.push_str("{\"event\":");
    if stored.is_some() {
        out.push_str("\"message\"");
    } else {
        let event = fields
            .get("event")
            .and_then(|raw| serde_json::from_str::<String>(raw.get()).ok())
            .filter(|event| !is_reserved(event));
        push_json(&mut out, event.as_deref().unwrap_or("event"));
    }
    for (name, value) in &fields {
        if !SERVER_FIELDS.contains(&&*name.0) {
            push_field(&mut out, &name.0, value.get());
        }
    }
    push_server_fields(&mut out, roomid, header, stored);
    out
}

/// About what the server's fields take: two names of everyday length and five numbers.
const SERVER_FIELDS_LEN: usize = 192;

/// A field's name: borrowed, unless it is written with escapes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a>(Cow<'a, str>);

impl Borrow<str> for Name<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Text)
    }
}

fn is_reserved(event: &str) -> bool {
    SERVER_EVENTS.contains(&event)
        || matches!(
            event,
            "message" | "login" | "logout" | "leave" | "heartbeat" | "ack" | "members" | ""
        )
}

fn wrapped(roomid: &str, header: &Header<'_>, payload: &[u8], stored: Option<Position>) -> String {
    let message = match serde_json::from_slice::<&RawValue>(payload) {
        Ok(value) => value.get().to_owned(),
        Err(_) => json!(String::from_utf8_lossy(payload)).to_string(),
    };
    // Without a position it must not look like a stored message.
    let event = if stored.is_some() { "message" } else { "event" };
    let mut out = String::from("{\"event\":");
    push_json(&mut out, event);
    push_field(&mut out, "message", &message);
    push_server_fields(&mut out, roomid, header, stored);
    out
}

fn push_server_fields(
    out: &mut String,
    roomid: &str,
    header: &Header<'_>,
    stored: Option<Position>,
) {
    out.push_str(",\"uid\":");
    push_json(out, header.uid);
    out.push_str(",\"roomid\":");
    push_json(out, roomid);
    if let Some(position) = stored {
        out.push_str(",\"seq\":");
        push_number(out, position.seq);
        out.push_str(",\"position\":\"");
        push_number(out, position.seq);
        out.push('-');
        out.extend(position.tag.hex().map(char::from));
        out.push('"');
    }
    out.push_str(",\"ts\":");
    push_number(out, header.ms);
    out.push_str(",\"total\":");
    push_number(out, header.members);
    out.push_str(",\"num\":");
    push_number(out, header.online);
    out.push('}');
}

/// An object with the field `name` behind its others. The name is carried as the text it came in: not all that is JSON
/// can be read as a value (a number that is too large, half a character).
pub fn with_name(mut object: String, name: Option<&RawValue>) -> String {
    object.pop();
    push_field(&mut object, "name", name.map_or("null", RawValue::get));
    object.push('}');
    object
}

/// An `error` event.
pub fn error(code: &str, message: &str, about: &About) -> String {
    let mut object = json!({"event": "error", "code": code, "message": message});
    // The name of the event that is answered cannot stand under `event`, which says "error".
    for (name, value) in [
        ("of", &about.event),
        ("roomid", &about.roomid),
        ("id", &about.id),
    ] {
        if let (Some(value), Some(object)) = (value, object.as_object_mut()) {
            object.insert(name.into(), json!(value));
        }
    }
    object.to_string()
}

/// The server's heartbeat.
pub const HEARTBEAT: &str = r#"{"event":"heartbeat","message":"ping"}"#;

#[cfg(test)]
mod tests;
