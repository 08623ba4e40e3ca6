//! Lines of text as the events of one connection: how they are read, and what the connection makes of them.

use crate::frames;
use hub_core::bans::{Bans, Entry, Sight};
use hub_core::client::{Act, Client, ClientLimits};
use hub_core::event::Event;
use hub_core::events;
use hub_core::pass::{Pass, Refused};
use hub_core::rights::Grants;
use hub_core::wire::names::is_server_field;
use hub_core::wire::{self, Bad, ClientEvent, Outgoing};
use room_core::uid::valid_uid;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, VecDeque};

/// The target.
///
/// # Panics
/// If something is wrong.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    text.split('\n').for_each(read);
    let bans = banned();
    for (tokens, sight) in [
        (false, Sight::default()),
        (true, Sight::default()),
        (false, bans.at(NOW)),
        (true, bans.at(NOW)),
    ] {
        Connection::new(tokens, sight).hear(&text);
    }
}

/// The parser takes what any reader of JSON takes, and no more.
fn read(text: &str) {
    let json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    let object = json && text.trim_start().starts_with('{');
    match wire::parse(text) {
        Ok(event) => {
            assert!(object, "an event that is no JSON object: {text}");
            if let ClientEvent::Message(out) | ClientEvent::Other(out) = event {
                passed_on(out);
            }
        }
        Err(Bad {
            code,
            message,
            about,
        }) => {
            assert!(code != "BADJSON" || !object, "this is JSON: {text}");
            frames::check(&events::error(code, &message, &about));
        }
    }
}

/// What is stored of an event has no field that is the server's to set, with a name and without.
fn passed_on(mut out: Outgoing) {
    let name = RawValue::from_string(r#"{"first":"Ann"}"#.to_owned()).expect("JSON");
    for name in [None, Some(&*name)] {
        stored(&out, name);
    }
    out.drop_name();
    let fields = stored(&out, None);
    assert!(!fields.contains_key("name"), "{out:?}");
}

fn stored(out: &Outgoing, name: Option<&RawValue>) -> BTreeMap<String, Box<RawValue>> {
    let payload = out.clone().payload(name);
    let fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(&payload).unwrap_or_else(|error| panic!("{error}: {payload}"));
    let event: String = serde_json::from_str(fields["event"].get()).expect("a text");
    assert_eq!(event, out.event, "{payload}");
    let others = out.fields.strip_prefix(',').unwrap_or_default();
    let others: BTreeMap<String, IgnoredAny> =
        serde_json::from_str(&format!("{{{others}}}")).expect("fields");
    let server = others.keys().find(|name| is_server_field(name.as_bytes()));
    assert_eq!(server, None, "{payload}");
    fields
}

/// Unix time, in milliseconds.
const NOW: u64 = 1_800_000_000_000;

/// `bob` is banned from everywhere, `ann` from room `c`.
fn banned() -> Bans {
    let mut bans = Bans::new(10);
    for fields in [
        &[(&b"uid"[..], &b"bob"[..]), (b"reason", b"spam")][..],
        &[(b"uid", b"ann"), (b"room", b"c")],
    ] {
        let entry = Entry::read(fields.iter().copied()).expect("a ban");
        bans.take(entry, NOW);
    }
    bans
}

/// Rooms that it may be in.
const MAX_ROOMS: usize = 3;
/// Events that it may have under way before it stops reading.
const UNANSWERED: usize = 4;

struct Connection<'a> {
    client: Client,
    bans: Sight<'a>,
    now: u64,
    /// Bytes of events that have had no effect yet.
    open: VecDeque<usize>,
    closed: bool,
}

impl<'a> Connection<'a> {
    fn new(tokens: bool, bans: Sight<'a>) -> Self {
        let limits = ClientLimits {
            max_rooms: MAX_ROOMS,
            unanswered: UNANSWERED,
            held_bytes: 4096,
            tokens,
        };
        Self {
            client: Client::new(limits),
            bans,
            now: 0,
            open: VecDeque::new(),
            closed: false,
        }
    }

    fn hear(&mut self, text: &str) {
        for line in text.split('\n') {
            self.now += line.len() as u64 % 100;
            while self.client.is_full() {
                self.had_effect();
            }
            let acts = self.client.text(self.now, line, self.bans);
            self.take(acts);
            assert!(self.client.rooms().len() <= 2 * MAX_ROOMS);
            assert!(self.open.len() <= UNANSWERED + 2 * MAX_ROOMS);
            if self.closed {
                return;
            }
        }
        while !self.open.is_empty() {
            self.had_effect();
        }
        assert!(!self.client.is_full(), "nothing is under way");
    }

    fn had_effect(&mut self) {
        let bytes = self.open.pop_front().expect("it is full of something");
        self.client.done(bytes);
    }

    fn take(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Room(roomid, event, bytes) => {
                    assert!(valid_uid(roomid.as_bytes()), "{roomid:?}");
                    if let Event::Login(login) = &event {
                        assert!(valid_uid(login.uid.as_bytes()), "{:?}", login.uid);
                        if login.uid.starts_with('x') {
                            self.client.ended(&roomid, login.number);
                        }
                    }
                    if bytes > 0 {
                        self.open.push_back(bytes);
                    }
                }
                Act::Say(bytes) | Act::Tell(bytes) => assert_eq!(frames::check(&bytes), 1),
                Act::Answered => {}
                Act::Look(look) => {
                    let found = look_at(&look.token.0, self.now);
                    let acts = self.client.looked(self.now, look, found, self.bans);
                    self.take(acts);
                }
                Act::Close(_) => self.closed = true,
            }
        }
    }
}

/// A token is a letter: what its owner may do.
fn look_at(token: &str, now: u64) -> Result<Pass, Refused> {
    let table = match token {
        "a" => r#"{"*":["member","read","publish","signal","history","members","leave"]}"#,
        "b" => r#"{"a":["member","read"],"b*":["guest"]}"#,
        "c" => "{}",
        "d" => return Err(Refused::Expired),
        "e" => return Err(Refused::NoKey),
        _ => return Err(Refused::Bad("it is no token".into())),
    };
    Ok(Pass {
        uid: "ann".into(),
        name: None,
        grants: Grants::read(table).expect("a table"),
        ts: now,
        expires: now + 500,
        lives: 500,
    })
}
