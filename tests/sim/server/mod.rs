//! A server: real rooms, sessions and commands in plain memory. It does what came of a command in the order in which the
//! module does it. What is stored is told to the [`Truth`](crate::truth::Truth).
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | its state; what comes of a command |
//! | `asks` | commands |
//! | `outcome` | what came of them, as the proxy's link reads it |
//! | `ticks` | what happens without a command; its death |
//! | `view` | in a cluster, which slots are its own |
//! | `roles` | with sentinels, a replica that becomes the primary, and the other way round |
//! | `slots` | in a cluster, rooms that come and go with their slots |

mod asks;
mod outcome;
mod roles;
mod slots;
mod ticks;
mod view;

use crate::truth::{Holds, SharedTruth};
use bytes::Bytes;
use hub_core::ask::Fault;
use outcome::{Finish, frame};
pub(crate) use roles::Role;
use room_core::announce::control;
use room_core::clock::{Clock, Times};
use room_core::commands::effect::Given;
use room_core::commands::outcome::Announcement;
use room_core::commands::{Env, Place};
use room_core::error::RoomError;
use room_core::limits::Limit;
use room_core::position::Tag;
use room_core::room::Room;
use room_core::sessions::{RoomName, Sessions};
use room_core::settings::Settings;
use std::collections::BTreeMap;
use std::sync::Arc;
pub(crate) use view::{View, pointed, room_of};

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
    pub(crate) role: Role,
    /// A copy that lags behind, for a failover.
    replica: Option<(Rooms, Holds)>,
    /// `None`: it is alone.
    pub(crate) view: Option<View>,
    truth: SharedTruth,
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
    pub(crate) fn new(seed: u64, view: Option<View>, truth: SharedTruth) -> Self {
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
            role: Role::Primary,
            replica: None,
            view,
            truth,
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
            let start = room.log().start();
            self.truth.borrow_mut().born(key, start, self.is_stale());
            self.rooms.insert(key.clone(), room);
        }
        for (frame, stored) in finish.told {
            if let Some((position, uid, payload)) = stored {
                let mut truth = self.truth.borrow_mut();
                let when = (self.now, self.is_stale());
                truth.stored(key, position, &uid, &payload, when);
            }
            self.told.push((key.clone(), frame));
        }
        if let Some(room) = self.rooms.get(key) {
            self.truth.borrow_mut().begins(key, room.log().start());
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
        let aside = self.is_stale();
        self.truth.borrow_mut().gone(key, self.now, aside);
        self.drop_sessions(key);
    }

    fn drop_sessions(&mut self, key: &Arc<str>) {
        let name = RoomName {
            db: 0,
            name: key.as_bytes(),
        };
        let leaving = self.view.as_ref().is_some_and(|view| view.is_leaving(key));
        let word = if leaving {
            control::MOVED
        } else {
            control::GONE
        };
        if self.sessions.remove_room(name) {
            let told = Announcement::of_no_room(word, self.times().wall);
            self.told.push((key.clone(), frame(&told)));
        }
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
