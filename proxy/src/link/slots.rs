//! What a cluster's node says of who owns which slots: `CLUSTER SLOTS`, and the errors that send one elsewhere. Pure.
//!
//! `CLUSTER SLOTS` and not `CLUSTER SHARDS`, as every version answers it, in one form, and with the port of the kind of
//! connection that asks (TLS or plain).

use super::value::{list, number, text};
use hub_core::routes::Range;
use redis::Value;
use room_core::slots::SLOTS;
use std::fmt;

/// Where a node is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// What one node knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// Who owns what.
    pub(super) owners: Vec<(Range, Place)>,
    /// Everybody who is named, replicas too.
    pub(super) all: Vec<Place>,
}

impl View {
    /// Reads the reply to `CLUSTER SLOTS`; `asked` is where a node is that does not know its own host.
    pub(super) fn read(reply: &Value, asked: &Place) -> Option<Self> {
        let mut view = Self::default();
        for row in list(reply)? {
            let [first, last, primary, replicas @ ..] = list(row)? else {
                return None;
            };
            let slots = slot(first)?..=slot(last)?;
            for (at, node) in std::iter::once(primary).chain(replicas).enumerate() {
                // One without an address nobody can go to.
                let Some(place) = place(node, asked) else {
                    continue;
                };
                if !view.all.contains(&place) {
                    view.all.push(place.clone());
                }
                if at == 0 {
                    view.owners.push((slots.clone(), place));
                }
            }
        }
        Some(view)
    }
}

fn slot(value: &Value) -> Option<u16> {
    let slot = number(value)?;
    (slot < SLOTS as u64).then_some(slot as u16)
}

fn place(node: &Value, asked: &Place) -> Option<Place> {
    let [host, port, ..] = list(node)? else {
        return None;
    };
    let host = match host {
        // Redis says nothing where it knows no better than whoever asks.
        Value::Nil => String::new(),
        host => text(host)?,
    };
    named(&host, u16::try_from(number(port)?).ok()?, asked)
}

fn named(host: &str, port: u16, asked: &Place) -> Option<Place> {
    match host {
        "?" => None,
        _ if port == 0 => None,
        "" => Some(Place {
            host: asked.host.clone(),
            port,
        }),
        host => Some(Place {
            host: host.to_owned(),
            port,
        }),
    }
}

/// Where one is sent: `<slot> <host>:<port>`, with a host that may have colons, or be missing.
pub(super) fn sent_to(said: &str, asked: &Place) -> Option<(u16, Place)> {
    let mut words = said.split(' ');
    let slot: u16 = words.next()?.parse().ok()?;
    let (host, port) = words.next()?.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let place = named(host, port.parse().ok()?, asked)?;
    (usize::from(slot) < SLOTS).then_some((slot, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, port: u16) -> Place {
        Place {
            host: host.into(),
            port,
        }
    }

    fn node(host: Value, port: i64) -> Value {
        let id = Value::BulkString(b"id".to_vec());
        Value::Array(vec![host, Value::Int(port), id, Value::Array(Vec::new())])
    }

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn a_view_is_who_owns_what_and_who_is_there() {
        let rows = vec![
            Value::Array(vec![
                Value::Int(0),
                Value::Int(99),
                node(bulk("10.0.0.1"), 7000),
                node(bulk("10.0.0.2"), 7001),
            ]),
            Value::Array(vec![
                Value::Int(100),
                Value::Int(100),
                node(Value::Nil, 7002),
            ]),
            Value::Array(vec![
                Value::Int(101),
                Value::Int(16_383),
                node(bulk("?"), 7003),
                node(bulk(""), 7004),
            ]),
        ];
        let view = View::read(&Value::Array(rows), &at("seed", 1)).unwrap();
        assert_eq!(
            view.owners,
            [
                (0..=99, at("10.0.0.1", 7000)),
                (100..=100, at("seed", 7002)),
            ]
        );
        let all = [
            at("10.0.0.1", 7000),
            at("10.0.0.2", 7001),
            at("seed", 7002),
            at("seed", 7004),
        ];
        assert_eq!(view.all, all);
    }

    #[test]
    fn what_is_no_view_is_none() {
        let row = |from, to| {
            Value::Array(vec![Value::Array(vec![
                Value::Int(from),
                Value::Int(to),
                node(bulk("h"), 1),
            ])])
        };
        let asked = at("seed", 1);
        assert!(View::read(&row(0, 16_383), &asked).is_some());
        for reply in [row(0, 16_384), row(-1, 5), Value::Nil, bulk("x")] {
            assert_eq!(View::read(&reply, &asked), None);
        }
        let none = View::read(&Value::Array(Vec::new()), &asked);
        assert_eq!(none, Some(View::default()));
    }

    #[test]
    fn one_is_sent_to_a_slot_and_a_place() {
        let asked = at("seed", 1);
        for (said, slot, place) in [
            ("3999 127.0.0.1:6381", 3999, at("127.0.0.1", 6381)),
            ("0 redis.example.com:6379", 0, at("redis.example.com", 6379)),
            ("5 :6381", 5, at("seed", 6381)),
            ("5 2001:db8::1:6381", 5, at("2001:db8::1", 6381)),
            ("5 [2001:db8::1]:6381", 5, at("2001:db8::1", 6381)),
        ] {
            assert_eq!(sent_to(said, &asked), Some((slot, place)), "{said}");
        }
        for said in [
            "",
            "x h:1",
            "5",
            "5 h",
            "5 h:x",
            "5 ?:6381",
            "16384 h:1",
            "5 h:0",
        ] {
            assert_eq!(sent_to(said, &asked), None, "{said}");
        }
        assert_eq!(at("::1", 5).to_string(), "[::1]:5");
    }
}
