//! Every event that the server sends, one function each: they return a whole text frame, or (`put_…`) append one.
//!
//! `ms` is Unix time in milliseconds, `total` counts the room's members, `num` those of them who are online.

use crate::ask::{Joined, Lost, Member, Published, Row};
use crate::event::{Login, Told};
use crate::frame;
use crate::history::Page;
use crate::json::{Object, put_number, put_string};
use crate::wire::About;
use crate::wire::names::is_reserved;
use crate::wire::pieces::published;
use crate::wire::scan::scan;
use bytes::{Bytes, BytesMut};
use room_core::announce::{Header, Kind};
use room_core::position::Position;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Brackets within one another in what a client is sent: of the common readers, .NET's takes no more.
const READABLE_DEPTH: usize = 64;

/// `{"event":"heartbeat","message":"ping"}` as a text frame.
static HEARTBEAT: Bytes =
    Bytes::from_static(b"\x81\x26{\"event\":\"heartbeat\",\"message\":\"ping\"}");

fn event(name: &str, fields: impl FnOnce(Object<'_>) -> Object<'_>) -> Bytes {
    let mut out = BytesMut::new();
    put_event(&mut out, name, fields);
    out.freeze()
}

fn put_event(out: &mut BytesMut, name: &str, fields: impl FnOnce(Object<'_>) -> Object<'_>) {
    frame::put_text(out, |out| fields(Object::event(out, name)).end());
}

/// The client is in.
pub fn login(roomid: &str, login: &Login, joined: &Joined) -> Bytes {
    let name = login.name.as_deref();
    event("login", |object| {
        let object = object
            .string("roomid", roomid)
            .string("uid", &login.uid)
            .position("position", joined.position)
            .number("pending", joined.pending)
            .truth("resumed", joined.resumed)
            .truth("new", joined.new)
            .number("total", joined.members)
            .number("num", joined.online)
            .json("name", name.map_or("null", RawValue::get));
        let object = match login.guest {
            true => object.string("as", "guest"),
            false => object,
        };
        // The clock that ids are remembered by goes before the proxy's own.
        let now = joined.dedupe.map(|dedupe| dedupe.now);
        let object = match now.or(login.told.map(|told| told.ts)) {
            Some(ts) => object.number("ts", ts),
            None => object,
        };
        let object = match joined.dedupe {
            Some(dedupe) => object
                .number("dedupe-count", dedupe.count)
                .number("dedupe-age", dedupe.age),
            None => object,
        };
        match login.told {
            Some(told) => object.number("expires", told.expires),
            None => object,
        }
    })
}

/// The client goes on with another token.
pub fn refreshed(told: Told) -> Bytes {
    event("refresh", |object| {
        object.number("ts", told.ts).number("expires", told.expires)
    })
}

/// What the client saw up to `since` may not be the room's history; what follows continues `at`.
pub fn reset(roomid: &str, since: Position, at: Position) -> Bytes {
    event("reset", |object| {
        object
            .string("roomid", roomid)
            .position("since", since)
            .position("position", at)
    })
}

/// Messages are gone; what follows continues `at`.
pub fn lost(roomid: &str, lost: &Lost, at: Position) -> Bytes {
    event("lost", |object| {
        object
            .string("roomid", roomid)
            .number("from", lost.from)
            .number("to", lost.to)
            .string("reason", &lost.reason)
            .position("position", at)
    })
}

/// The missed messages end here.
pub fn synced(roomid: &str, at: Position, total: u64, num: u64) -> Bytes {
    event("synced", |object| {
        object
            .string("roomid", roomid)
            .position("position", at)
            .number("total", total)
            .number("num", num)
    })
}

/// The client's message is in the log; its position is `null` if it was freed already.
pub fn sent(roomid: &str, id: &str, published: &Published) -> Bytes {
    event("sent", |object| {
        let object = object
            .string("roomid", roomid)
            .string("id", id)
            .number("seq", published.seq);
        let object = match published.position {
            Some(position) => object.position("position", position),
            None => object.json("position", "null"),
        };
        object.truth("duplicate", published.duplicate)
    })
}

/// What was wrong. The name of the event that is answered stands under `of`, as `event` says "error".
pub fn error(code: &str, message: &str, about: &About) -> Bytes {
    event("error", |object| {
        let mut object = object.string("code", code).string("message", message);
        for (name, value) in [
            ("of", &about.event),
            ("roomid", &about.roomid),
            ("id", &about.id),
        ] {
            if let Some(value) = value {
                object = object.string(name, value);
            }
        }
        object
    })
}

/// The connection is about to be closed; a client may come back after so many milliseconds.
pub fn closing(after: u64) -> Bytes {
    event("closing", |object| object.number("after", after))
}

/// The answer to the ping of a client that confirms by `ack` events; `ms` is now.
pub fn pong(ms: u64) -> Bytes {
    event("pong", |object| object.number("ts", ms))
}

/// The client's session ended, as it asked for or because its membership did.
pub fn logout(roomid: &str, uid: &str, reason: Option<&str>) -> Bytes {
    event("logout", |object| {
        let object = object.string("roomid", roomid).string("uid", uid);
        match reason {
            Some(reason) => object.string("reason", reason),
            None => object,
        }
    })
}

/// The client's session was ended by somebody else; by a ban that is over at `until`, if it ends.
pub fn kicked(roomid: &str, uid: &str, reason: &str, until: Option<u64>) -> Bytes {
    event("kicked", |object| {
        let object = object.string("roomid", roomid).string("uid", uid);
        let object = object.string("reason", reason);
        match until {
            Some(until) => object.number("until", until),
            None => object,
        }
    })
}

/// A page of the members; `next` is the cursor of the one behind it, "0" if there is none.
pub fn members(roomid: &str, next: &str, members: &[Member], total: u64, num: u64) -> Bytes {
    let member = |out: &mut BytesMut, member: &Member| {
        out.extend_from_slice(b"{\"uid\":");
        put_string(out, &member.uid);
        let online = if member.online { "true" } else { "false" };
        out.extend_from_slice(b",\"online\":");
        out.extend_from_slice(online.as_bytes());
        out.extend_from_slice(b",\"pending\":");
        put_number(out, member.pending);
        out.extend_from_slice(b"}");
    };
    event("members", |object| {
        object
            .string("roomid", roomid)
            .list("members", members, member)
            .string("cursor", next)
            .number("total", total)
            .number("num", num)
    })
}

/// Somebody else came online.
pub fn put_came(out: &mut BytesMut, roomid: &str, uid: &str, ms: u64, total: u64, num: u64) {
    put_somebody(out, "login", roomid, uid, (ms, total, num));
}

/// Somebody else went offline.
pub fn put_went(out: &mut BytesMut, roomid: &str, uid: &str, ms: u64, total: u64, num: u64) {
    put_somebody(out, "logout", roomid, uid, (ms, total, num));
}

fn put_somebody(out: &mut BytesMut, event: &str, roomid: &str, uid: &str, counts: Counts) {
    put_event(out, event, |object| {
        counted(object.string("roomid", roomid).string("uid", uid), counts)
    });
}

/// Only the counters changed.
pub fn put_counters(out: &mut BytesMut, roomid: &str, ms: u64, total: u64, num: u64) {
    put_event(out, "presence", |object| {
        counted(object.string("roomid", roomid), (ms, total, num))
    });
}

/// How the room stands after a time in which changes could not be heard; `online` are all who are, if they are few.
pub fn presence(roomid: &str, total: u64, num: u64, online: Option<&[String]>) -> Bytes {
    event("presence", |object| {
        let object = object.string("roomid", roomid);
        let object = object.number("total", total).number("num", num);
        match online {
            Some(uids) => object.list("online", uids, |out, uid| put_string(out, uid)),
            None => object,
        }
    })
}

/// Time, members, and how many are online.
type Counts = (u64, u64, u64);

fn counted(object: Object<'_>, (ms, total, num): Counts) -> Object<'_> {
    object
        .number("ts", ms)
        .number("total", total)
        .number("num", num)
}

/// A stored message of the log.
pub fn put_stored(out: &mut BytesMut, roomid: &str, at: Position, row: &Row, total: u64, num: u64) {
    let said = Said {
        roomid,
        uid: &row.uid,
        stored: Some(at),
        counts: (row.ms, total, num),
    };
    put_said(out, &said, &row.payload);
}

/// The same as the event alone, which is no frame yet.
pub(crate) fn put_stored_event(
    out: &mut BytesMut,
    roomid: &str,
    at: Position,
    row: &Row,
    (total, num): (u64, u64),
) {
    let said = Said {
        roomid,
        uid: &row.uid,
        stored: Some(at),
        counts: (row.ms, total, num),
    };
    put_said_event(out, &said, &row.payload);
}

/// A page of what was said before; its messages are events.
pub(crate) fn history(roomid: &str, page: &Page) -> Bytes {
    event("history", |object| put_page(object, roomid, page))
}

/// The same as the object alone, which is no frame.
pub(crate) fn history_object(roomid: &str, page: &Page) -> Bytes {
    let mut out = BytesMut::new();
    put_page(Object::event(&mut out, "history"), roomid, page).end();
    out.freeze()
}

fn put_page<'a>(object: Object<'a>, roomid: &str, page: &Page) -> Object<'a> {
    object
        .string("roomid", roomid)
        .list("messages", &page.messages, |out, message| {
            out.extend_from_slice(message);
        })
        .position("after", page.after)
        .truth("more", page.more)
        .number("gone", page.gone)
}

/// A live message, or an event that is not stored.
pub fn put_live(out: &mut BytesMut, roomid: &str, header: &Header<'_>, payload: &[u8]) {
    let said = Said {
        roomid,
        uid: header.uid,
        stored: (header.kind == Kind::Message).then(|| header.position()),
        counts: (header.ms, header.members, header.online),
    };
    put_said(out, &said, payload);
}

/// What the server says about something that somebody said.
struct Said<'a> {
    roomid: &'a str,
    uid: &'a str,
    stored: Option<Position>,
    counts: Counts,
}

/// The payload's fields, then the server's. Whatever a backend writes into `event`, it cannot forge what the server says.
fn put_said(out: &mut BytesMut, said: &Said<'_>, payload: &[u8]) {
    frame::put_text(out, |out| put_said_event(out, said, payload));
}

fn put_said_event(out: &mut BytesMut, said: &Said<'_>, payload: &[u8]) {
    let text = str::from_utf8(payload).ok();
    let object = text.and_then(|text| published(text).map(|object| (text, object)));
    match object {
        Some((text, object)) if object.shape.is_readable(READABLE_DEPTH) => {
            let event = Object::event(out, &said.event(object.event));
            let event = object.pieces.of(text).fold(event, Object::fields);
            said.fields(event).end();
        }
        _ => put_wrapped(out, said, payload),
    }
}

/// A payload that is no JSON object (from `redis-cli`, say) or that common readers cannot read becomes a message: as the
/// value that it is, or as a text.
fn put_wrapped(out: &mut BytesMut, said: &Said<'_>, payload: &[u8]) {
    let text = String::from_utf8_lossy(payload);
    let shape = scan(&text, |_| ());
    let is_value = shape.is_some_and(|shape| shape.is_readable(READABLE_DEPTH - 1));
    let event = Object::event(out, &said.event(None));
    let event = match is_value && matches!(text, Cow::Borrowed(_)) {
        true => event.json("message", text.trim()),
        false => event.string("message", &text),
    };
    said.fields(event).end();
}

impl Said<'_> {
    /// The event's name; `given` is the one in the payload, as it is written. Without a position it must not look like a
    /// stored message.
    fn event(&self, given: Option<&str>) -> Cow<'static, str> {
        if self.stored.is_some() {
            return "message".into();
        }
        given
            .and_then(|raw| serde_json::from_str::<String>(raw).ok())
            .filter(|event| !is_reserved(event))
            .map_or("event".into(), Cow::Owned)
    }

    fn fields<'a>(&self, object: Object<'a>) -> Object<'a> {
        let mut object = object.string("uid", self.uid).string("roomid", self.roomid);
        if let Some(position) = self.stored {
            object = object
                .number("seq", position.seq)
                .position("position", position);
        }
        counted(object, self.counts)
    }
}

/// The server's heartbeat.
pub fn heartbeat() -> &'static Bytes {
    &HEARTBEAT
}

/// A ping (a control frame) whose number comes back in the pong.
pub fn ping(number: u64) -> Bytes {
    frame::ping(&number.to_be_bytes())
}

#[cfg(test)]
mod tests;
