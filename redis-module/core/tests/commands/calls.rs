//! The commands as tests call them.

use crate::server::{Server, saved};
use crate::value::Value;
use room_core::commands::effect::Given;
use room_core::commands::{self, Join, Publish, Trim, apply};
use room_core::limits::parse_limit;
use room_core::position::Position;
use room_core::sessions::{Hello, RoomName};

pub(crate) type Reply = Result<Value, String>;

pub(crate) fn uids<'a>(list: &'a [&str]) -> Vec<&'a [u8]> {
    list.iter().map(|uid| uid.as_bytes()).collect()
}

const fn given(at: usize, bytes: &[u8]) -> Given<'_> {
    Given { at, bytes }
}

pub(crate) fn publish<'a>(uid: &'a str, payload: &'a str) -> Publish<'a> {
    Publish {
        uid: given(2, uid.as_bytes()),
        payload: given(3, payload.as_bytes()),
        id: None,
        room_id: None,
        ephemeral: false,
        only_existing: false,
    }
}

pub(crate) fn with_id<'a>(publish: Publish<'a>, id: &'a str) -> Publish<'a> {
    Publish {
        id: Some(given(5, id.as_bytes())),
        ..publish
    }
}

/// The same whoever publishes.
pub(crate) fn with_room_id<'a>(publish: Publish<'a>, id: &'a str) -> Publish<'a> {
    Publish {
        room_id: Some(given(5, id.as_bytes())),
        ..publish
    }
}

pub(crate) fn join(uid: &str) -> Join<'_> {
    Join {
        uid: uid.as_bytes(),
        since: None,
        history: 0,
        own: false,
        only_member: false,
    }
}

impl Server {
    pub(crate) fn publish(&mut self, client: u64, key: &str, publish: Publish<'_>) -> Reply {
        self.run(client, key, |place, env| publish.run(place, env))
    }

    /// Somebody says so many things.
    pub(crate) fn say(&mut self, key: &str, uid: &str, many: usize) {
        for i in 0..many {
            self.publish(0, key, publish(uid, &format!("message {i}")))
                .unwrap();
        }
    }

    pub(crate) fn join(&mut self, client: u64, key: &str, join: Join<'_>) -> Reply {
        self.run(client, key, |place, env| join.run(place, env))
    }

    pub(crate) fn at(&self, key: &str, seq: u64) -> Position {
        self.room(key).log().position_at(seq).unwrap()
    }

    pub(crate) fn join_since(&mut self, client: u64, key: &str, uid: &str, seq: u64) -> Reply {
        let since = Some(self.at(key, seq));
        self.join(client, key, Join { since, ..join(uid) })
    }

    pub(crate) fn ack_at(&mut self, client: u64, key: &str, at: Position, list: &[&str]) -> Reply {
        let list = uids(list);
        self.run(client, key, |place, env| {
            commands::ack(place, at, &list, env)
        })
    }

    /// How many cursors moved.
    pub(crate) fn ack(&mut self, client: u64, key: &str, seq: u64, list: &[&str]) -> u64 {
        let at = self.at(key, seq);
        self.ack_at(client, key, at, list).unwrap().int()
    }

    pub(crate) fn attach(&mut self, client: u64, key: &str, list: &[&str]) -> Reply {
        let list = uids(list);
        self.run(client, key, |place, env| {
            commands::attach(place, &list, env)
        })
    }

    pub(crate) fn away(&mut self, client: u64, key: &str, at: Position, list: &[&str]) -> Reply {
        let list = uids(list);
        self.run(client, key, |place, env| {
            commands::away(place, at, &list, env)
        })
    }

    pub(crate) fn detach(&mut self, client: u64, key: &str, list: &[&str]) -> Reply {
        let list = uids(list);
        self.run(client, key, |place, env| {
            commands::detach(place, &list, env)
        })
    }

    pub(crate) fn told_of(&mut self, key: &str, seq: u64, list: &[&str]) -> u64 {
        let (at, list) = (self.at(key, seq), uids(list));
        let (db, name) = (self.db, key.as_bytes());
        let room = RoomName { db, name };
        let leases = self.agenda.leases(room).cloned();
        let told = self.run(0, key, |place, env| {
            commands::told(place, leases.as_ref(), at, &list, env)
        });
        list.iter().for_each(|uid| self.agenda.told(room, uid));
        told.unwrap().int()
    }

    pub(crate) fn leave(&mut self, key: &str, list: &[&str]) -> Reply {
        let list = uids(list);
        self.run(0, key, |place, env| commands::leave(place, &list, env))
    }

    pub(crate) fn invite(&mut self, key: &str, list: &[&str]) -> Reply {
        let list = uids(list);
        self.run(0, key, |place, env| commands::invite(place, &list, env))
    }

    pub(crate) fn kick(&mut self, key: &str, uid: &str, reason: &str) -> Reply {
        self.run(0, key, |place, env| {
            commands::kick(place, uid.as_bytes(), reason.as_bytes(), env)
        })
    }

    /// Pairs of name and value, as people write them.
    pub(crate) fn limits(&mut self, key: &str, pairs: &[(&str, &str)]) -> Reply {
        let parse = |(name, value): &(&str, &str)| parse_limit(name.as_bytes(), value.as_bytes());
        let changes: Result<Vec<_>, _> = pairs.iter().map(parse).collect();
        let changes = changes.map_err(|error| error.code().to_string())?;
        self.run(0, key, |place, env| {
            commands::set_limits(place, &changes, env)
        })
    }

    pub(crate) fn trim(&mut self, key: &str, what: Trim) -> Reply {
        self.run(0, key, |place, env| commands::trim(place, what, env))
    }

    pub(crate) fn hello(&mut self, client: u64, name: &str, lease_ms: u64) -> Reply {
        self.hello_as(client, (name, "default", None), lease_ms)
    }

    /// `who`: name, user, ID.
    pub(crate) fn hello_as(
        &mut self,
        client: u64,
        who: (&str, &str, Option<&str>),
        lease_ms: u64,
    ) -> Reply {
        let hello = Hello {
            client,
            name: who.0.as_bytes(),
            user: who.1.as_bytes(),
            id: who.2.map(str::as_bytes),
            lease_ms,
        };
        self.run(client, "", |place, env| {
            commands::hello(place.sessions, &hello, env)
        })
    }

    /// An effect as a primary sends it: the first word, then the rest.
    pub(crate) fn apply(&mut self, key: &str, words: &[&str]) -> Reply {
        let rest = uids(&words[1..]);
        self.run(0, key, |place, env| {
            apply(place, words[0].as_bytes(), &rest, env)
        })
    }

    pub(crate) fn name<'a>(&self, key: &'a str) -> RoomName<'a> {
        RoomName {
            db: self.db,
            name: key.as_bytes(),
        }
    }

    pub(crate) fn bytes(&self, key: &str) -> Vec<Vec<u8>> {
        saved(self.room(key))
    }
}
