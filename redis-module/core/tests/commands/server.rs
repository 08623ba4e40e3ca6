//! A server in plain memory: rooms, sessions, clocks, and a replica that only applies effects. It does what came of a
//! command in the order in which the module does it, and checks what must hold after each: a refused command changes
//! nothing, only a change is signalled, the replica is equal.

use crate::value::Value;
use room_core::Came;
use room_core::clock::{Clock, Times};
use room_core::commands::effect::{Effect, Piece};
use room_core::commands::outcome::{KeyFate, Replicate};
use room_core::commands::reply::Answer;
use room_core::commands::waiting::Agenda;
use room_core::commands::{Env, Outcome, Place, apply};
use room_core::error::RoomError;
use room_core::limits::{Limit, Limits};
use room_core::position::Tag;
use room_core::room::Room;
use room_core::sessions::{RoomName, Sessions};
use room_core::settings::Settings;
use room_core::snapshot::{self, Loader};
use std::collections::BTreeMap;

pub(crate) type Key = (i32, Vec<u8>);
pub(crate) type Rooms = BTreeMap<Key, Box<Room>>;

/// An announcement: kind, uid, payload, and the numbers of online uids and members.
pub(crate) type Told = (String, String, String, (u64, u64));

pub(crate) struct Server {
    pub(crate) rooms: Rooms,
    pub(crate) replica: Rooms,
    pub(crate) sessions: Sessions,
    pub(crate) agenda: Agenda,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    replica_clock: Clock,
    /// The two clocks of the machine, in milliseconds.
    pub(crate) wall: u64,
    pub(crate) mono: u64,
    pub(crate) role_since: u64,
    /// The selected database.
    pub(crate) db: i32,
    /// Redis is full.
    pub(crate) full: bool,
    /// False: as in a script.
    pub(crate) counts: bool,
    births: u32,
    /// What was announced, sent, signalled and counted since it was last looked at.
    pub(crate) told: Vec<Told>,
    pub(crate) effects: Vec<String>,
    pub(crate) events: Vec<String>,
    pub(crate) counted: BTreeMap<String, u64>,
}

/// A moment at which a server starts.
pub(crate) const START: u64 = 1_700_000_000_000;

impl Default for Server {
    fn default() -> Self {
        let clock = Clock::start(START, 50);
        Self {
            rooms: Rooms::new(),
            replica: Rooms::new(),
            sessions: Sessions::default(),
            agenda: Agenda::default(),
            settings: Settings::default(),
            clock,
            replica_clock: clock,
            wall: START,
            mono: 50,
            role_since: 1,
            db: 0,
            full: false,
            counts: true,
            births: 100,
            told: Vec::new(),
            effects: Vec::new(),
            events: Vec::new(),
            counted: BTreeMap::new(),
        }
    }
}

/// What makes two rooms equal.
pub(crate) fn saved(room: &Room) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    snapshot::save(room, |part| parts.push(part.to_vec()));
    parts
}

pub(crate) fn loaded(room: &Room) -> Box<Room> {
    let mut loader = Loader::default();
    for part in saved(room) {
        loader.feed(&part).unwrap();
    }
    Box::new(loader.finish().unwrap())
}

/// An effect's arguments.
fn args(effect: &Effect<'_>) -> Vec<Vec<u8>> {
    let mut args = vec![effect.head().as_bytes().to_vec()];
    args.extend(effect.rest.iter().map(|piece| match piece {
        Piece::Given(given) => given.bytes.to_vec(),
        Piece::Bytes(bytes) => bytes.to_vec(),
        Piece::Number(n) => n.to_string().into_bytes(),
    }));
    args
}

impl Server {
    /// A server that started so long ago that nothing of its start matters.
    pub(crate) fn settled() -> Self {
        let mut server = Self::default();
        server.pass(1_000_000);
        server
    }

    pub(crate) fn key(&self, name: &str) -> Key {
        (self.db, name.as_bytes().to_vec())
    }

    pub(crate) fn room(&self, name: &str) -> &Room {
        &self.rooms[&self.key(name)]
    }

    pub(crate) fn cursor(&self, name: &str, uid: &str) -> u64 {
        self.room(name).member(uid.as_bytes()).unwrap().cursor
    }

    /// Time goes on.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.wall += ms;
        self.mono += ms;
        self.times();
    }

    pub(crate) fn times(&mut self) -> Times {
        self.clock.read(self.wall, self.mono)
    }

    pub(crate) fn env<'a>(&self, client: u64, clock: &'a Clock, settings: &'a Settings) -> Env<'a> {
        Env {
            times: clock.times(),
            clock,
            birth: Tag(self.births),
            full: self.full,
            client,
            counts: self.counts,
            role_since: self.role_since,
            settings,
        }
    }

    /// Runs something that may change the room `name`: the reply, or the code of the error.
    pub(crate) fn run<'o, R: Answer>(
        &mut self,
        client: u64,
        name: &str,
        run: impl FnOnce(Place<'_>, &Env<'_>) -> Result<Outcome<'o, R>, RoomError>,
    ) -> Result<Value, String> {
        self.times();
        self.births += 1;
        let (clock, settings, key) = (self.clock, self.settings, self.key(name));
        let env = self.env(client, &clock, &settings);
        let mut room = self.rooms.remove(&key);
        let looks = |room: &Room| (saved(room), room.is_whole());
        let before = room.as_deref().map(looks);
        let totals = self.sessions.totals();
        let place = Place {
            key: RoomName {
                db: key.0,
                name: &key.1,
            },
            room: room.as_deref_mut(),
            sessions: &mut self.sessions,
        };
        let outcome = run(place, &env);
        let after = room.as_deref().map(looks);
        if let Some(room) = room {
            self.rooms.insert(key.clone(), room);
        }
        match outcome {
            Err(error) => {
                assert_eq!(before, after, "{error}: but the room changed");
                assert_eq!(totals, self.sessions.totals(), "{error}: but sessions did");
                Err(error.code().into())
            }
            Ok(outcome) => {
                match &outcome.key {
                    KeyFate::Same => assert!(before == after, "a change that is not signalled"),
                    KeyFate::Changed => assert!(before != after, "signalled, but no change"),
                    _ => {}
                }
                Ok(self.finish(&key, outcome))
            }
        }
    }

    fn finish<R: Answer>(&mut self, key: &Key, outcome: Outcome<'_, R>) -> Value {
        let gone = matches!(outcome.key, KeyFate::Gone);
        if let KeyFate::Born(room) = outcome.key {
            assert!(self.rooms.insert(key.clone(), room).is_none());
        }
        for told in &outcome.tell {
            assert!(!told.uid.is_empty());
            self.told.push((
                format!("{:?}", told.kind),
                String::from_utf8_lossy(&told.uid).into(),
                String::from_utf8_lossy(&told.payload).into(),
                (told.online, told.members),
            ));
        }
        match outcome.replicate {
            Replicate::Effects => outcome
                .effects
                .iter()
                .for_each(|effect| self.replicate(key, args(effect))),
            Replicate::Unlink => drop(self.replica.remove(key)),
            Replicate::Verbatim => {}
        }
        if gone {
            self.unlink(key);
        }
        if let Replicate::Verbatim = outcome.replicate {
            let whole = self.rooms.get(key).filter(|room| room.is_whole());
            match whole.map(|room| loaded(room)) {
                Some(room) => drop(self.replica.insert(key.clone(), room)),
                None => drop(self.replica.remove(key)),
            }
        }
        let event = outcome.event.map(|event| event.to_str().unwrap().into());
        self.events.extend(event);
        if let Some(at) = outcome.wake {
            let (db, name) = (key.0, &*key.1);
            self.agenda.put(RoomName { db, name }, at);
        }
        for (counter, more) in &outcome.counts {
            *self.counted.entry(format!("{counter:?}")).or_default() += more;
        }
        self.check_replica(key);
        Value::of(&outcome.reply)
    }

    /// A key goes; the module is told of that by Redis.
    pub(crate) fn unlink(&mut self, key: &Key) {
        self.rooms.remove(key);
        let name = RoomName {
            db: key.0,
            name: &key.1,
        };
        self.agenda.forget(name);
        if self.sessions.remove_room(name) {
            let told = ("Control", "-", "gone");
            self.told
                .push((told.0.into(), told.1.into(), told.2.into(), (0, 0)));
        }
    }

    pub(crate) fn check_replica(&self, key: &Key) {
        let whole = self.rooms.get(key).filter(|room| room.is_whole());
        let primary = whole.map(|room| saved(room));
        let replica = self.replica.get(key).map(|room| saved(room));
        assert!(
            primary == replica,
            "the replica differs after {:?}",
            self.effects.last()
        );
    }

    /// The replica does an effect. It has other settings, and no free memory.
    fn replicate(&mut self, key: &Key, args: Vec<Vec<u8>>) {
        let shown: Vec<_> = args
            .iter()
            .map(|arg| String::from_utf8_lossy(arg))
            .collect();
        self.effects.push(shown.join(" "));
        let mut limits = Limits::default();
        limits.set(Limit::MaxLen, 1);
        let settings = Settings {
            limits,
            max_members: 0,
            max_payload: 0,
            max_uids: 0,
            ..Settings::default()
        };
        self.replica_clock.read(self.wall, self.mono);
        let clock = self.replica_clock;
        let env = Env {
            counts: false,
            full: true,
            ..self.env(0, &clock, &settings)
        };
        let rest: Vec<&[u8]> = args[1..].iter().map(|arg| &arg[..]).collect();
        let place = Place {
            key: RoomName {
                db: key.0,
                name: &key.1,
            },
            room: self.replica.get_mut(key).map(|room| &mut **room),
            sessions: &mut Sessions::default(),
        };
        let outcome = apply(place, &args[0], &rest, &env);
        let outcome = outcome.unwrap_or_else(|error| panic!("{shown:?}: {error}"));
        match outcome.key {
            KeyFate::Born(room) => drop(self.replica.insert(key.clone(), room)),
            KeyFate::Gone => drop(self.replica.remove(key)),
            KeyFate::Same | KeyFate::Changed => {}
        }
    }

    /// The server dies and starts anew with what it had.
    pub(crate) fn restart(&mut self) {
        let reload = |room: &Room| {
            let room = loaded(room);
            room.set_came(Came {
                at: 0,
                arrived: true,
            });
            room
        };
        let rooms = self.rooms.iter();
        self.rooms = rooms
            .map(|(key, room)| (key.clone(), reload(room)))
            .collect();
        self.sessions = Sessions::default();
        self.agenda.forget_all(None);
        self.clock = Clock::start(self.wall, self.mono);
        self.role_since = self.times().mono;
    }

    /// The replica becomes the primary, and has a new replica.
    pub(crate) fn promote(&mut self) {
        self.rooms = std::mem::take(&mut self.replica);
        let rooms = self.rooms.iter();
        self.replica = rooms
            .map(|(key, room)| (key.clone(), loaded(room)))
            .collect();
        self.sessions = Sessions::default();
        self.agenda.forget_all(None);
        self.clock = self.replica_clock;
        self.replica_clock = Clock::start(self.wall, self.mono);
        self.role_since = self.times().mono;
    }
}
