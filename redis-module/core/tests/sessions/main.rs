//! Sessions against a naive model: random steps, random pieces of the work that is left for later, and the same answers;
//! and no cursor ever rises above what some device of its uid has acknowledged.

mod naive;

use naive::{Answer, DEVICE_GRACE, GRACE, Naive, RoomNo};
use proptest::prelude::*;
use room_core::sessions::{Greeting, Hello, RoomKey, Sessions};
use std::collections::BTreeMap;

const ROOMS: u8 = 4;
const UIDS: u8 = 3;
/// A connection that never said anything.
const NOBODY: u64 = 1 << 40;
/// More ghosts of a uid would become fewer, which this model does not know.
const MOST_GHOSTS: usize = 9;

#[derive(Clone, Copy, Debug)]
enum Step {
    Hello {
        client: u64,
        who: (u8, u8, u8),
        lease: u64,
    },
    Gone {
        client: u64,
    },
    /// `by`: takes over no ghost, the lowest, or the one that fits.
    Join {
        client: u64,
        key: (u8, u8),
        at: u64,
        by: u8,
    },
    Attach {
        client: u64,
        key: (u8, u8),
        quiet: bool,
    },
    Away {
        key: (u8, u8),
        at: u64,
        ms: u64,
    },
    Detach {
        client: u64,
        key: (u8, u8),
    },
    Ack {
        client: u64,
        key: (u8, u8),
        seq: u64,
        held: Option<u64>,
    },
    Kick {
        key: (u8, u8),
        ms: u64,
    },
    Leave {
        key: (u8, u8),
    },
    RoomGone {
        room: u8,
    },
    DbGone {
        db: Option<i32>,
    },
    Clear,
    Late {
        by: u64,
    },
    /// Some of the work that is left; time stands.
    Chores {
        most: usize,
    },
    /// Time goes on, and all is done that a tick does.
    Tick {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0u64..6;
    let key = (0..ROOMS, 0..UIDS);
    let both = (client.clone(), key.clone());
    let at = 0u64..50;
    prop_oneof![
        4 => (client.clone(), (0u8..3, prop_oneof![9 => Just(0u8), 1 => Just(1)], 0u8..3), 20u64..200)
            .prop_map(|(client, who, lease)| Step::Hello { client, who, lease }),
        2 => client.prop_map(|client| Step::Gone { client }),
        6 => (both.clone(), at.clone(), 0u8..3).prop_map(|((client, key), at, by)| Step::Join { client, key, at, by }),
        6 => (both.clone(), any::<bool>()).prop_map(|((client, key), quiet)| Step::Attach { client, key, quiet }),
        3 => (both.clone(), at.clone(), 1u64..80)
            .prop_map(|((_, key), at, ms)| Step::Away { key, at, ms }),
        4 => both.clone().prop_map(|(client, key)| Step::Detach { client, key }),
        8 => (both, at, proptest::option::weighted(0.3, 0u64..100))
            .prop_map(|((client, key), seq, held)| Step::Ack { client, key, seq, held }),
        1 => (key.clone(), 1u64..80).prop_map(|(key, ms)| Step::Kick { key, ms }),
        1 => key.prop_map(|key| Step::Leave { key }),
        1 => (0..ROOMS).prop_map(|room| Step::RoomGone { room }),
        1 => prop_oneof![Just(None), Just(Some(0)), Just(Some(1))].prop_map(|db| Step::DbGone { db }),
        1 => prop_oneof![3 => Just(Step::Late { by: 10 }), 1 => Just(Step::Clear)],
        5 => (1usize..4).prop_map(|most| Step::Chores { most }),
        6 => (0u64..40).prop_map(|ms| Step::Tick { ms }),
    ]
}

fn db_of(room: RoomNo) -> i32 {
    i32::from(room / 2)
}

fn key_of(room: RoomNo) -> RoomKey {
    RoomKey::new(db_of(room), &[b'r', room % 2])
}

fn no_of(key: &RoomKey) -> RoomNo {
    (0..ROOMS).find(|room| key_of(*room) == *key).unwrap()
}

#[derive(Default)]
struct Pair {
    real: Sessions,
    naive: Naive,
    now: u64,
    cursors: BTreeMap<(u8, u8), u64>,
    /// Rooms of databases that went and had a live session.
    to_be_told: Vec<RoomKey>,
}

impl Pair {
    /// Where the cursor is after it rose to `to`: never above what a device has acknowledged.
    fn rise(&mut self, key: (u8, u8), to: u64) {
        let floor = self.naive.rows.get(&key).and_then(naive::Row::floor);
        assert!(
            floor.is_none_or(|floor| to <= floor),
            "{key:?}: {to} above {floor:?}"
        );
        let cursor = self.cursors.entry(key).or_default();
        *cursor = to.max(*cursor);
    }

    fn apply(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Hello { client, who, lease } => self.hello(client, who, lease),
            Step::Gone { client } => {
                self.real.client_gone(client, now, DEVICE_GRACE);
                self.naive.client_gone(client, now);
            }
            Step::Join { .. } | Step::Attach { .. } | Step::Away { .. } => self.begin(step),
            Step::Detach { client, key } => {
                let real = self
                    .real
                    .detach(client, key_of(key.0).as_name(), &[key.1], now);
                assert_eq!(real, self.naive.detach(client, key, now));
            }
            Step::Ack {
                client,
                key,
                seq,
                held,
            } => {
                let held = held.map(|ms| now + ms);
                let to = self
                    .real
                    .ack(client, key_of(key.0).as_name(), &[key.1], seq, held);
                assert_eq!(to, self.naive.ack(client, key, seq, held));
                if let Some(to) = to {
                    self.rise(key, to);
                }
            }
            Step::Kick { key, ms } => {
                let real = self.real.kick(key_of(key.0).as_name(), &[key.1], now + ms);
                let naive = self.naive.kick(key, now + ms);
                assert_eq!((real.sessions, real.told), naive);
            }
            Step::Leave { key } => {
                let real = self.real.remove_uid(key_of(key.0).as_name(), &[key.1]);
                assert_eq!(real, self.naive.remove_uid(key));
                self.cursors.remove(&key);
            }
            Step::RoomGone { .. } | Step::DbGone { .. } | Step::Clear => self.end(step),
            Step::Late { by } => {
                self.real.late(by);
                self.naive.late(by);
            }
            Step::Chores { most } => assert!(self.real.chores(now, most) <= most),
            Step::Tick { ms } => self.tick(ms),
        }
    }

    fn hello(&mut self, client: u64, who: (u8, u8, u8), lease_ms: u64) {
        let (name, user, id) = who;
        let given = [id];
        let hello = Hello {
            client,
            name: &[name],
            user: &[user],
            id: (id != 0).then_some(&given[..]),
            lease_ms,
        };
        let real = match self.real.hello(&hello, self.now, DEVICE_GRACE) {
            Ok(Greeting::Ok) => Answer::Ok,
            Ok(Greeting::Announce) => Answer::Announce,
            Ok(Greeting::Superseded) => Answer::Superseded,
            Err(_) => Answer::Taken,
        };
        assert_eq!(real, self.naive.hello(client, who, lease_ms, self.now));
    }

    fn begin(&mut self, step: Step) {
        let (Step::Join { key, .. } | Step::Attach { key, .. } | Step::Away { key, .. }) = step
        else {
            return;
        };
        let row = self.naive.rows.get(&key);
        if row.is_some_and(|row| row.ghosts().len() > MOST_GHOSTS) {
            return;
        }
        let (owned, uid) = (key_of(key.0), [key.1]);
        let (room, now) = (owned.as_name(), self.now);
        match step {
            Step::Join { client, at, by, .. } => {
                let taken = match by {
                    0 => None,
                    1 => self.real.takeover(client, room, &uid, None),
                    _ => self.real.takeover(client, room, &uid, Some(at)),
                };
                // Of two that differ only in whose they are, this model cannot say which one goes.
                let taken = taken.filter(|taken| {
                    let ghosts = row.map_or(Vec::new(), naive::Row::ghosts);
                    let alike = ghosts.iter().filter(|one| **one == (taken.at, taken.until));
                    alike.count() == 1
                });
                self.real.join(client, room, &uid, at, taken);
                let taken = taken.map(|ghost| (ghost.at, ghost.until));
                self.naive.join(client, key, at, taken);
            }
            Step::Attach { client, quiet, .. } => {
                let cursor = self.cursors.get(&key).copied().unwrap_or_default();
                self.real.attach(client, room, &uid, cursor, quiet);
                self.naive.attach(client, key, cursor, quiet);
            }
            Step::Away { at, ms, .. } => {
                self.real.away(room, &uid, at, now + ms);
                self.naive.away(key, at, now + ms);
            }
            _ => {}
        }
    }

    /// Rooms go.
    fn end(&mut self, step: Step) {
        let gone = |room: RoomNo| match step {
            Step::RoomGone { room: gone } => room == gone,
            Step::DbGone { db } => db.is_none_or(|db| db == db_of(room)),
            _ => true,
        };
        let live = |room: RoomNo| {
            let mut rows = self.naive.rows.iter().filter(|(key, _)| key.0 == room);
            rows.any(|(_, row)| row.live() > 0)
        };
        match step {
            Step::RoomGone { room } => {
                let told = self.real.remove_room(key_of(room).as_name());
                assert!(told || !live(room), "somebody was online");
            }
            Step::DbGone { db } => {
                let told = (0..ROOMS).filter(|room| gone(*room) && live(*room));
                self.to_be_told.extend(told.map(key_of));
                self.real.remove_db(db);
            }
            _ => {
                self.real.clear();
                self.naive = Naive::default();
                self.to_be_told.clear();
            }
        }
        self.naive.remove_rooms(gone);
        self.cursors.retain(|key, _| !gone(key.0));
    }

    fn tick(&mut self, ms: u64) {
        self.now += ms;
        let now = self.now;
        self.real.expire_leases(now, DEVICE_GRACE);
        self.naive.expire(now);
        let gone = self.real.take_gone(100);
        for key in self.to_be_told.drain(..) {
            assert!(gone.contains(&key), "{key:?} was online");
        }
        while self.real.chores(now, 5) > 0 {}
        self.naive.end_ghosts(now);
        let mut told = Vec::new();
        for (key, change) in self.real.flush(now, GRACE, 1000) {
            let lists = [
                ("came", change.came),
                ("went", change.went),
                ("passed", change.passed),
            ];
            told.extend(change.again.then(|| ("again", no_of(&key), 0)));
            for (what, uids) in lists {
                told.extend(uids.iter().map(|uid| (what, no_of(&key), uid[0])));
            }
        }
        told.sort_unstable();
        assert_eq!(told, self.naive.flush(now));
        let mut risen: Vec<_> = self.real.take_risen(now, 1000);
        risen.sort_by_key(|risen| (no_of(&risen.key), risen.uid.clone()));
        let risen: Vec<_> = risen
            .iter()
            .map(|one| (no_of(&one.key), one.uid[0], one.to))
            .collect();
        assert_eq!(risen, self.naive.take_risen(now));
        for (room, uid, to) in risen {
            self.rise((room, uid), to);
        }
        self.compare_counts();
    }

    /// What lags behind, at a moment at which it does not.
    fn compare_counts(&mut self) {
        let rows = &self.naive.rows;
        let count = |room: RoomNo, which: fn(&naive::Row) -> bool| {
            let of_room = rows.iter().filter(|(key, row)| key.0 == room && which(row));
            of_room.count() as u64
        };
        let connected = |room: RoomNo| count(room, |row| row.live() > 0);
        let totals = self.real.totals();
        assert_eq!(totals.online, (0..ROOMS).map(connected).sum());
        assert_eq!(
            totals.rooms_online,
            (0..ROOMS).filter(|room| connected(*room) > 0).count() as u64
        );
        assert_eq!(
            totals.sessions,
            rows.values().map(|row| row.live() as u64).sum()
        );
        assert_eq!(
            totals.ghosts,
            rows.values().map(|row| row.ghosts().len() as u64).sum()
        );
        assert_eq!((totals.proxies, totals.chores), (self.naive.proxies(), 0));
        let mut walk = self.real.next_rooms(1000);
        walk.sort();
        walk.dedup();
        let here = |room: &RoomNo| {
            rows.iter()
                .any(|(key, row)| key.0 == *room && row.is_here())
        };
        assert_eq!(
            walk,
            (0..ROOMS).filter(here).map(key_of).collect::<Vec<_>>()
        );
        for room in 0..ROOMS {
            let (key, online) = (key_of(room), count(room, naive::Row::is_online));
            assert_eq!(self.real.connected(key.as_name()), connected(room));
            assert_eq!(self.real.online(key.as_name()), online);
            let who = self.real.who(key.as_name(), u64::MAX);
            assert_eq!(who.map(|who| who.len() as u64), Some(online));
        }
    }

    /// What is exact at any moment.
    fn compare(&self) {
        for key in (0..ROOMS).flat_map(|room| (0..UIDS).map(move |uid| (room, uid))) {
            let none = naive::Row::default();
            let row = self.naive.rows.get(&key).unwrap_or(&none);
            let (owned, uid) = (key_of(key.0), [key.1]);
            let room = owned.as_name();
            assert_eq!(self.real.sessions_of(room, &uid), row.live(), "{key:?}");
            assert_eq!(self.real.is_here(room, &uid), row.is_here(), "{key:?}");
            assert_eq!(self.real.floor(room, &uid, None), row.floor(), "{key:?}");
            let ghosts = row.ghosts();
            let lowest = self.real.takeover(NOBODY, room, &uid, None);
            assert_eq!(
                lowest.map(|ghost| ghost.at),
                ghosts.iter().map(|ghost| ghost.0).min()
            );
            if let Some(lowest) = lowest {
                assert!(ghosts.contains(&(lowest.at, lowest.until)), "{key:?}");
            }
            let fits = self
                .real
                .takeover(NOBODY, room, &uid, Some(25))
                .map(|ghost| ghost.at);
            let below = ghosts.iter().map(|ghost| ghost.0).filter(|at| *at <= 25);
            // One that may stand for several devices is left alone.
            assert!(fits.is_none() || fits == below.max(), "{key:?}");
        }
        for room in 0..ROOMS {
            let mut rows = self.naive.rows.iter().filter(|(key, _)| key.0 == room);
            let here = rows.any(|(_, row)| row.is_here());
            assert_eq!(self.real.anybody(key_of(room).as_name()), here);
        }
    }
}

/// `PROPTEST_CASES` of them, or as many as take a few seconds.
fn config() -> ProptestConfig {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig {
            cases: 500,
            ..config
        },
    }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn sessions_do_what_the_naive_model_does(steps in prop::collection::vec(step(), 1..200)) {
        let mut pair = Pair::default();
        for step in steps {
            pair.apply(step);
            pair.compare();
        }
        // In the end everybody goes, and nothing is left.
        for client in 0..6 {
            pair.apply(Step::Gone { client });
        }
        pair.apply(Step::Tick { ms: 1000 });
        pair.apply(Step::Tick { ms: 1000 });
        prop_assert_eq!(pair.real.next_rooms(10).len(), 0);
    }
}
