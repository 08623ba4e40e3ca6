//! The server: real rooms, sessions and commands in plain memory. It does what came of a command in the order in which the
//! module does it. What is stored is told to the [`Truth`].

use crate::read_rows;
use crate::truth::{Holds, Truth};
use bytes::Bytes;
use hub_core::ask::{Answer, Ask, Attached, Fault, Joined, Lost, Member, Published};
use room_core::Came;
use room_core::announce::{self, Kind, control};
use room_core::clock::{Clock, Times};
use room_core::commands::effect::Given;
use room_core::commands::outcome::{Announcement, KeyFate};
use room_core::commands::{self, Env, Outcome, Page, Place};
use room_core::error::RoomError;
use room_core::limits::Limit;
use room_core::log::MAX_SEQ;
use room_core::position::Tag;
use room_core::room::Room;
use room_core::sessions::{Greeting, Hello, RoomKey, RoomName, Sessions};
use room_core::settings::Settings;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A connection's number at the server.
pub(crate) type ClientId = u64;
type Rooms = BTreeMap<Arc<str>, Box<Room>>;

/// When the machine's wall clock says 0 ms of the run.
const START: u64 = 1_700_000_000_000;
pub(crate) const TICK_MS: u64 = 100;
pub(crate) const DEVICE_GRACE: u64 = 8_000;
/// Leases of proxies' connections.
pub(crate) const LEASE: u64 = 3_000;
/// A wall clock that is further away from steady time was set.
const DRIFT: u64 = 1_000;
/// Looks for what limits drop happen this often.
const SWEEP_MS: u64 = 1_000;

pub(crate) struct Server {
    pub(crate) rooms: Rooms,
    pub(crate) sessions: Sessions,
    settings: Settings,
    clock: Clock,
    now: u64,
    pub(crate) wall_ahead: i64,
    role_since: u64,
    births: u32,
    /// What it refuses with, and until when.
    pub(crate) refuses: (&'static str, u64),
    last_tick: u64,
    last_sweep: u64,
    /// A copy that lags behind, for a failover.
    replica: Option<(Rooms, Holds)>,
    pub(crate) truth: Truth,
    /// Announcements that are to be sent: channel, frame.
    pub(crate) told: Vec<(Arc<str>, Bytes)>,
}

const fn given(bytes: &[u8]) -> Given<'_> {
    Given { at: 0, bytes }
}

fn bytes_of(uids: &[Arc<str>]) -> Vec<&[u8]> {
    uids.iter().map(|uid| uid.as_bytes()).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into()
}

pub(crate) fn refused(code: &str) -> Fault {
    Fault::Refused {
        code: code.into(),
        message: "as the run wants it".into(),
    }
}

impl Server {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rooms: Rooms::new(),
            sessions: Sessions::default(),
            settings: Settings {
                grace: 1_000,
                start_grace: 2_000,
                device_grace: DEVICE_GRACE,
                presence_names: 4,
                ..Settings::default()
            },
            // It started long ago.
            clock: Clock::start(START - 1_000_000, 0),
            now: 0,
            wall_ahead: 0,
            role_since: 1,
            births: (seed as u32).wrapping_mul(2_654_435_761),
            refuses: ("", 0),
            last_tick: 0,
            last_sweep: 0,
            replica: None,
            truth: Truth::default(),
            told: Vec::new(),
        }
    }

    fn times(&mut self) -> Times {
        let wall = (START + self.now).saturating_add_signed(self.wall_ahead);
        self.clock.read(wall, 1_000_000 + self.now)
    }

    fn env<'a>(&self, client: ClientId, clock: &'a Clock, settings: &'a Settings) -> Env<'a> {
        Env {
            times: clock.times(),
            clock,
            birth: Tag(self.births),
            full: self.refuses.0 == "OOM" && self.now < self.refuses.1,
            client,
            counts: true,
            role_since: self.role_since,
            settings,
        }
    }

    /// Runs something that may change a room.
    fn run<R>(
        &mut self,
        client: ClientId,
        key: &Arc<str>,
        run: impl FnOnce(Place<'_>, &Env<'_>, &mut Finish) -> Result<R, RoomError>,
    ) -> Result<R, Fault> {
        self.times();
        self.births = self
            .births
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let (clock, settings) = (self.clock, self.settings);
        let env = self.env(client, &clock, &settings);
        let mut room = self.rooms.remove(key);
        let place = Place {
            key: RoomName {
                db: 0,
                name: key.as_bytes(),
            },
            room: room.as_deref_mut(),
            sessions: &mut self.sessions,
        };
        let mut finish = Finish::default();
        let done = run(place, &env, &mut finish);
        if let Some(room) = room {
            self.rooms.insert(key.clone(), room);
        }
        match done {
            Ok(reply) => {
                self.finish(key, finish);
                Ok(reply)
            }
            Err(error) => {
                let sentence = error.to_string();
                let (code, message) = sentence.split_once(' ').unwrap_or((&sentence, ""));
                Err(Fault::Refused {
                    code: code.into(),
                    message: message.into(),
                })
            }
        }
    }

    fn finish(&mut self, key: &Arc<str>, finish: Finish) {
        if let Some(mut room) = finish.born {
            limit(key, &mut room);
            self.truth.born(key, room.log().start());
            self.rooms.insert(key.clone(), room);
        }
        for (frame, stored) in finish.told {
            if let Some((position, uid, payload)) = stored {
                self.truth.stored(key, position, &uid, &payload, self.now);
            }
            self.told.push((key.clone(), frame));
        }
        if finish.gone {
            self.unlink(key);
        }
    }

    /// A key goes.
    pub(crate) fn unlink(&mut self, key: &Arc<str>) {
        if self.rooms.remove(key).is_none() {
            return;
        }
        self.truth.gone(key, self.now);
        self.drop_sessions(key);
    }

    fn drop_sessions(&mut self, key: &Arc<str>) {
        let name = RoomName {
            db: 0,
            name: key.as_bytes(),
        };
        if self.sessions.remove_room(name) {
            let told = Announcement::of_no_room(control::GONE, self.times().wall);
            self.told.push((key.clone(), frame(&told)));
        }
    }

    // ---- commands ----

    /// Whether a command of this kind is refused now.
    fn refusal(&self, writes: bool) -> Option<Fault> {
        let (code, until) = self.refuses;
        let refuses = self.now < until
            && match code {
                "BUSY" | "LOADING" => true,
                "NOREPLICAS" | "READONLY" => writes,
                _ => false,
            };
        refuses.then(|| refused(code))
    }

    pub(crate) fn hello(
        &mut self,
        now: u64,
        client: ClientId,
        name: &str,
        id: &str,
    ) -> Result<Greeting, Fault> {
        self.now = now;
        if let Some(fault) = self.refusal(false) {
            return Err(fault);
        }
        let hello = Hello {
            client,
            name: name.as_bytes(),
            user: b"default",
            id: Some(id.as_bytes()),
            lease_ms: LEASE,
        };
        let key: Arc<str> = "".into();
        self.run(client, &key, |place, env, finish| {
            Ok(finish.take(commands::hello(place.sessions, &hello, env)?))
        })
    }

    pub(crate) fn ask(
        &mut self,
        now: u64,
        client: ClientId,
        key: &Arc<str>,
        ask: &Ask,
    ) -> Result<Answer, Fault> {
        self.now = now;
        let writes = matches!(
            ask,
            Ask::Join { .. } | Ask::Leave(_) | Ask::Ack(..) | Ask::Publish { .. } | Ask::Signal(..)
        );
        if let Some(fault) = self.refusal(writes) {
            return Err(fault);
        }
        match ask {
            Ask::Subscribe | Ask::Unsubscribe => Ok(Answer::Done),
            Ask::Join {
                uid,
                since,
                history,
            } => {
                let join = commands::Join {
                    uid: uid.as_bytes(),
                    since: *since,
                    history: *history,
                    own: false,
                };
                let done = self.run(client, key, |place, env, finish| {
                    Ok(finish.take(join.run(place, env)?))
                })?;
                Ok(Answer::Joined(joined(&done)))
            }
            Ask::Attach(uids) => {
                let list = bytes_of(uids);
                let done = self.run(client, key, |place, env, finish| {
                    let done = finish.take(commands::attach(place, &list, env)?);
                    Ok(attached(&done))
                })?;
                Ok(Answer::Attached(done))
            }
            Ask::Detach(uids) => {
                let list = bytes_of(uids);
                self.run(client, key, |place, env, finish| {
                    Ok(finish.take(commands::detach(place, &list, env)?))
                })?;
                Ok(Answer::Done)
            }
            Ask::Leave(uid) => {
                let list = [uid.as_bytes()];
                self.run(client, key, |place, env, finish| {
                    Ok(finish.take(commands::leave(place, &list, env)?))
                })?;
                Ok(Answer::Done)
            }
            Ask::Ack(position, uids) => {
                let list = bytes_of(uids);
                self.run(client, key, |place, env, finish| {
                    Ok(finish.take(commands::ack(place, *position, &list, env)?))
                })?;
                Ok(Answer::Done)
            }
            Ask::Away(position, uids) => {
                let list = bytes_of(uids);
                self.run(client, key, |place, env, finish| {
                    Ok(finish.take(commands::away(place, *position, &list, env)?))
                })?;
                Ok(Answer::Done)
            }
            Ask::Publish { uid, payload, id } => {
                self.publish(client, key, uid, payload, id.as_deref())
            }
            Ask::Signal(uid, payload) => {
                let publish = commands::Publish {
                    uid: given(uid.as_bytes()),
                    payload: given(payload),
                    id: None,
                    ephemeral: true,
                    only_existing: false,
                };
                self.run(client, key, |place, env, finish| {
                    Ok(finish.take(publish.run(place, env)?))
                })?;
                Ok(Answer::Done)
            }
            Ask::Range { from, count, bytes } => {
                let room = self.rooms.get(key).map(|room| &**room);
                let page = Page {
                    count: *count,
                    bytes: *bytes as u64,
                };
                match commands::range(room, *from, MAX_SEQ, page) {
                    Ok(rows) => Ok(Answer::Range(read_rows::read(&rows))),
                    Err(error) => Err(refused(error.code())),
                }
            }
            Ask::Members(cursor) => self.members(key, *cursor),
        }
    }

    fn publish(
        &mut self,
        client: ClientId,
        key: &Arc<str>,
        uid: &Arc<str>,
        payload: &Bytes,
        id: Option<&str>,
    ) -> Result<Answer, Fault> {
        let publish = commands::Publish {
            uid: given(uid.as_bytes()),
            payload: given(payload),
            id: id.map(|id| given(id.as_bytes())),
            ephemeral: false,
            only_existing: false,
        };
        let done = self.run(client, key, |place, env, finish| {
            Ok(finish.take(publish.run(place, env)?))
        })?;
        Ok(Answer::Published(Published {
            seq: done.seq,
            duplicate: done.duplicate,
            position: done.position,
        }))
    }

    fn members(&mut self, key: &Arc<str>, _cursor: u64) -> Result<Answer, Fault> {
        let room = self.rooms.get(key).ok_or_else(|| refused("NOROOM"))?;
        let name = RoomName {
            db: 0,
            name: key.as_bytes(),
        };
        let rows = room.members().map(|member| Member {
            uid: text(member.uid),
            pending: room.pending(member.cursor),
            online: self.sessions.is_here(name, member.uid),
        });
        Ok(Answer::Members("0".into(), rows.collect()))
    }

    /// Somebody with redis-cli kicks. Whether there was a room.
    pub(crate) fn kick(&mut self, now: u64, key: &Arc<str>, uid: &str) -> bool {
        self.now = now;
        let done = self.run(1, key, |place, env, finish| {
            Ok(finish.take(commands::kick(place, uid.as_bytes(), b"for the test", env)?))
        });
        done.is_ok()
    }

    pub(crate) fn delete(&mut self, now: u64, key: &Arc<str>) -> bool {
        self.now = now;
        let there = self.rooms.contains_key(key);
        self.unlink(key);
        there
    }

    // ---- what happens without a command ----

    pub(crate) fn client_gone(&mut self, now: u64, client: ClientId) {
        self.now = now;
        let mono = self.times().mono;
        self.sessions.client_gone(client, mono, DEVICE_GRACE);
    }

    /// What a tick does, in the order of the module's. How many leases ended.
    pub(crate) fn tick(&mut self, now: u64) -> usize {
        self.now = now;
        let late = (now - self.last_tick).saturating_sub(TICK_MS);
        self.last_tick = now;
        let mono = self.times().mono;
        if late > 2 * TICK_MS {
            self.sessions.late(late);
        }
        let ended = self.sessions.expire_leases(mono, DEVICE_GRACE);
        while self.sessions.chores(mono, 100) > 0 {}
        let read_only = self.refuses.0 == "READONLY" && now < self.refuses.1;
        if read_only {
            return ended;
        }
        let grace = self.settings.grace;
        for (key, change) in self.sessions.flush(mono, grace, 1000) {
            let online = self.sessions.online(key.as_name());
            let names = self.settings.presence_names;
            let who = change
                .again
                .then(|| self.sessions.who(key.as_name(), names))
                .flatten();
            self.in_room(&key, |room, _, env| {
                commands::presence(room, (online, who.as_deref()), &change, env)
            });
        }
        let mut risen = self.sessions.take_risen(mono, 1000);
        risen.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        for of_room in risen.chunk_by(|a, b| a.key == b.key) {
            self.in_room(&of_room[0].key, |room, _, env| {
                commands::rise(room, of_room, env)
            });
        }
        if now >= self.last_sweep + SWEEP_MS {
            self.last_sweep = now;
            self.sweep();
        }
        ended
    }

    fn sweep(&mut self) {
        let keys: Vec<Arc<str>> = self.rooms.keys().cloned().collect();
        for key in keys {
            let (clock, settings) = (self.clock, self.settings);
            let env = self.env(0, &clock, &settings);
            let name = RoomKey::new(0, key.as_bytes());
            let Some(room) = self.rooms.get(&key) else {
                continue;
            };
            if let Some(work) = commands::look(name.as_name(), room, &self.sessions, 0, &env) {
                self.in_room(&name, |room, sessions, env| {
                    commands::sweep(name.as_name(), room, sessions, &work, env)
                });
            }
        }
    }

    fn in_room<'o>(
        &mut self,
        key: &RoomKey,
        run: impl FnOnce(&mut Room, &mut Sessions, &Env<'_>) -> Outcome<'o, ()>,
    ) {
        let key: Arc<str> = text(&key.name).into();
        if self.rooms.contains_key(&key) {
            let done = self.run(0, &key, |place, env, finish| {
                let room = place.room.ok_or(RoomError::NoRoom)?;
                finish.take(run(room, place.sessions, env));
                Ok(())
            });
            assert!(done.is_ok());
        }
    }

    /// The server dies and starts anew with what its append-only file has, which is all.
    pub(crate) fn restart(&mut self, now: u64) {
        self.now = now;
        for room in self.rooms.values_mut() {
            room.set_came(Came {
                at: 0,
                arrived: true,
            });
            room.set_said(0);
        }
        let wall = (START + self.now).saturating_add_signed(self.wall_ahead);
        let before = self.times().steady;
        self.clock = Clock::start(wall, 1_000_000 + self.now);
        if wall > before + DRIFT {
            // Steady time begins at the wall clock, which was set: publish ids are older at once, perhaps too old.
            self.truth.forget_ids(now);
        }
        self.begin();
    }

    /// Another server begins, or the same anew.
    fn begin(&mut self) {
        self.sessions = Sessions::default();
        self.role_since = self.times().mono;
        self.last_tick = self.now;
        self.last_sweep = self.now;
        self.refuses = ("", 0);
    }

    /// From now on the replica gets nothing.
    pub(crate) fn replica_falls_behind(&mut self) {
        if self.replica.is_none() {
            let rooms = self
                .rooms
                .iter()
                .map(|(key, room)| (key.clone(), room.clone()));
            self.replica = Some((rooms.collect(), self.truth.holds()));
        }
    }

    /// The replica becomes the server; it is as old as the primary, so its steady time is the same. Whether anything is lost.
    pub(crate) fn fail_over(&mut self, now: u64) -> bool {
        self.now = now;
        let Some((rooms, holds)) = self.replica.take() else {
            return false;
        };
        let lost = self.truth.roll_back(&holds, now);
        self.rooms = rooms;
        self.begin();
        for room in self.rooms.values_mut() {
            // It was made here by what the primary sent, before the promotion.
            room.set_came(Came {
                at: 1,
                arrived: false,
            });
        }
        lost
    }

    pub(crate) fn name(key: &str) -> RoomName<'_> {
        RoomName {
            db: 0,
            name: key.as_bytes(),
        }
    }
}

/// Small rooms have small limits: there messages are lost.
fn limit(key: &str, room: &mut Room) {
    match key {
        "room:r1" => room.set_limit(Limit::MaxLen, Some(30)),
        "room:r2" => room.set_limit(Limit::Keep, Some(5)),
        _ => {}
    }
}

/// What came of a command, without what it borrows.
#[derive(Default)]
struct Finish {
    told: Vec<Told>,
    born: Option<Box<Room>>,
    gone: bool,
}

/// A frame, and for a stored message its position, uid and payload.
type Told = (
    Bytes,
    Option<(room_core::position::Position, String, Vec<u8>)>,
);

impl Finish {
    fn take<R>(&mut self, outcome: Outcome<'_, R>) -> R {
        for told in &outcome.tell {
            let stored = (told.kind == Kind::Message)
                .then(|| (told.position, text(&told.uid), told.payload.to_vec()));
            self.told.push((frame(told), stored));
        }
        match outcome.key {
            KeyFate::Born(room) => self.born = Some(room),
            KeyFate::Gone => self.gone = true,
            KeyFate::Same | KeyFate::Changed => {}
        }
        outcome.reply
    }
}

fn frame(told: &Announcement<'_>) -> Bytes {
    let mut out = Vec::new();
    announce::write(&mut out, &told.header(0), &told.payload);
    out.into()
}

fn joined(done: &commands::Joined) -> Joined {
    Joined {
        position: done.start.position,
        head: done.head,
        pending: done.pending,
        lost: done.start.lost.map(|lost| Lost {
            from: lost.from,
            to: lost.to,
            reason: lost.reason.word().into(),
        }),
        resumed: done.start.resumed,
        reset: done.start.reset,
        new: done.new,
        members: done.members,
        online: done.online,
        kicks: done.kicks.into(),
    }
}

fn attached(done: &commands::Attached<'_>) -> Attached {
    Attached {
        head: Some(done.head),
        gone: done.gone.iter().map(|uid| text(uid)).collect(),
        kicks: done
            .kicks
            .iter()
            .map(|(uid, kicks)| (text(uid), (*kicks).into()))
            .collect(),
        counts: Some((done.members, done.online)),
        online: done
            .who
            .as_ref()
            .map(|who| who.iter().map(|uid| text(uid)).collect()),
    }
}
