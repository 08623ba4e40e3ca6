//! The module's commands with any arguments, on a server in plain memory that looks at what comes of each: a refused command
//! changes nothing, and the replica is equal. And effects as no primary sends them.

use crate::calls::{At, Look, Name, Step};
use crate::forge::{Number, Uid};
use crate::server::{Server, saved};
use crate::show;
use crate::value::Value;
use arbitrary::{Arbitrary, Unstructured};
use room_core::commands::effect::Given;
use room_core::commands::outcome::KeyFate;
use room_core::commands::reply::Answer;
use room_core::commands::{self, Env, Join, Members, Page, Place, Publish, Trim};
use room_core::limits::{Limit, parse_limit};
use room_core::position::Position;
use room_core::room::Room;
use room_core::sessions::{Hello, RoomName, Sessions};
use room_core::units::Unit;

/// The only room.
const KEY: &str = "r";

/// The target.
///
/// # Panics
/// If something is wrong.
pub fn run(data: &[u8]) {
    let mut server = Server::settled();
    server.settings.max_payload = 600;
    server.settings.max_members = 6;
    server.settings.max_uids = 8;
    server.settings.limits.set(Limit::Keep, 3);
    server.settings.limits.set(Limit::MaxLen, 40);
    let mut world = World {
        server,
        applied: None,
        client: 1,
    };
    let mut input = Unstructured::new(data);
    while let Ok(step) = Step::arbitrary(&mut input) {
        show(&step);
        world.step(&step);
        if input.is_empty() {
            break;
        }
    }
}

struct World {
    server: Server,
    /// What effects that nobody sent made.
    applied: Option<Box<Room>>,
    client: u64,
}

fn given(at: usize, bytes: &[u8]) -> Given<'_> {
    Given { at, bytes }
}

fn bytes<'a>(uids: &[Uid<'a>]) -> Vec<&'a [u8]> {
    uids.iter().map(|uid| uid.bytes()).collect()
}

impl World {
    fn room(&self) -> Option<&Room> {
        let key = self.server.key(KEY);
        self.server.rooms.get(&key).map(|room| &**room)
    }

    fn at(&self, at: &At<'_>) -> Option<Position> {
        match at {
            At::Known(back) => {
                let log = self.room()?.log();
                let seq = log.head().seq.saturating_sub((*back).into());
                log.position_at(seq)
            }
            At::Strange(seq, tag) => Some(Position::new(seq.0, room_core::position::Tag(*tag))),
            At::Written(text) => {
                let at = Position::parse(text)?;
                assert_eq!(Position::parse(at.text().as_bytes()), Some(at));
                Some(at)
            }
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        let client = self.client;
        match step {
            Step::Publish {
                uid,
                payload,
                id,
                room_id,
                ephemeral,
                only_existing,
            } => {
                let publish = Publish {
                    uid: given(2, uid.bytes()),
                    payload: given(3, payload),
                    id: id.map(|id| given(5, id)),
                    room_id: room_id.filter(|_| id.is_none()).map(|id| given(5, id)),
                    ephemeral: *ephemeral,
                    only_existing: *only_existing,
                };
                let _ = self
                    .server
                    .run(client, KEY, |place, env| publish.run(place, env));
            }
            Step::Join {
                uid,
                since,
                history,
                own,
                only_member,
            } => {
                let join = Join {
                    uid: uid.bytes(),
                    since: since.as_ref().and_then(|at| self.at(at)),
                    history: history.0,
                    own: *own,
                    only_member: *only_member,
                };
                let _ = self
                    .server
                    .run(client, KEY, |place, env| join.run(place, env));
            }
            Step::Ack(at, uids) | Step::Away(at, uids) => {
                let Some(at) = self.at(at) else { return };
                let (uids, away) = (bytes(uids), matches!(step, Step::Away(..)));
                let _ = match away {
                    true => self.server.run(client, KEY, |place, env| {
                        commands::away(place, at, &uids, env)
                    }),
                    false => self.server.run(client, KEY, |place, env| {
                        commands::ack(place, at, &uids, env)
                    }),
                };
            }
            Step::Attach(uids) | Step::Detach(uids) | Step::Invite(uids) | Step::Leave(uids) => {
                self.about(step, &bytes(uids));
            }
            Step::Kick(uid, reason) => {
                let (uid, reason) = (uid.bytes(), *reason);
                let _ = self.server.run(client, KEY, |place, env| {
                    commands::kick(place, uid, reason, env)
                });
            }
            Step::Limits(pairs) => self.limits(pairs),
            Step::Trim(by_len, number) => {
                let what = match by_len {
                    true => Trim::MaxLen(number.0),
                    false => Trim::Before(number.0),
                };
                let _ = self
                    .server
                    .run(client, KEY, |place, env| commands::trim(place, what, env));
            }
            Step::Look(look) => self.look(look),
            Step::Apply(head, rest) => self.apply(&head.bytes(), rest),
            other => self.happens(other),
        }
    }

    fn about(&mut self, step: &Step<'_>, uids: &[&[u8]]) {
        let (client, server) = (self.client, &mut self.server);
        let _ = match step {
            Step::Attach(_) => {
                server.run(client, KEY, |place, env| commands::attach(place, uids, env))
            }
            Step::Detach(_) => {
                server.run(client, KEY, |place, env| commands::detach(place, uids, env))
            }
            Step::Invite(_) => {
                server.run(client, KEY, |place, env| commands::invite(place, uids, env))
            }
            _ => server.run(client, KEY, |place, env| commands::leave(place, uids, env)),
        };
    }

    fn limits(&mut self, pairs: &[(Name<'_>, &[u8])]) {
        let parsed = pairs.iter().map(|(name, value)| {
            let name = match name {
                Name::Known(at) => Limit::ALL[usize::from(*at) % Limit::ALL.len()]
                    .name()
                    .as_bytes(),
                Name::Written(name) => name,
            };
            parse_limit(name, value)
        });
        match parsed.collect::<Result<Vec<_>, _>>() {
            Ok(changes) => {
                let _ = self.server.run(self.client, KEY, |place, env| {
                    commands::set_limits(place, &changes, env)
                });
            }
            Err(error) => assert!(!error.to_string().contains(['\n', '\r']), "{error}"),
        }
    }

    /// What is no command.
    fn happens(&mut self, step: &Step<'_>) {
        let server = &mut self.server;
        match step {
            Step::Hello(client, name, id) => {
                let hello = Hello {
                    client: (*client % 4).into(),
                    name: name.bytes(),
                    user: b"default",
                    id: *id,
                    lease_ms: 30_000,
                };
                let _ = server.run(hello.client, "", |place, env| {
                    commands::hello(place.sessions, &hello, env)
                });
            }
            Step::Tick(ms) => drop(server.tick((*ms).into())),
            Step::Pass(ms) => server.pass((*ms).into()),
            Step::Jump(by) => server.wall = server.wall.saturating_add_signed((*by).into()),
            Step::Gone(client) => server.gone((*client % 4).into()),
            Step::Deleted => {
                let key = server.key(KEY);
                server.unlink(&key);
                server.replica.remove(&key);
            }
            Step::Restart => server.restart(),
            Step::Promote => server.promote(),
            Step::Full(full) => server.full = *full,
            Step::Script(script) => server.counts = !script,
            Step::Client(client) => self.client = (*client % 4).into(),
            _ => {}
        }
    }

    /// Commands that only look: what they answer is well formed.
    fn look(&self, look: &Look<'_>) {
        let key = self.server.key(KEY);
        let key = RoomName {
            db: key.0,
            name: &key.1,
        };
        let (room, sessions) = (self.room(), &self.server.sessions);
        let page = |count: &Number, bytes: &Number| Page {
            count: count.0,
            bytes: bytes.0,
        };
        match look {
            Look::Info => shown(commands::info(
                key,
                room,
                sessions,
                &self.server.settings.limits,
            )),
            Look::Pending(uid) => shown(commands::pending(key, room, sessions, uid.bytes())),
            Look::Why(uid, seq) => shown(commands::why(room, uid.bytes(), seq.0)),
            Look::Range(from, to, count, bytes) => {
                shown(commands::range(room, from.0, to.0, page(count, bytes)));
                let backwards = commands::Range {
                    from: from.0,
                    to: to.0,
                    page: page(count, bytes),
                    backwards: true,
                    own: None,
                };
                shown(backwards.run(room));
            }
            Look::Queue(uid, count, bytes) => {
                shown(commands::queue(room, uid.bytes(), page(count, bytes)));
                let own = commands::Range {
                    from: 0,
                    to: count.0,
                    page: page(count, bytes),
                    backwards: true,
                    own: Some(uid.bytes()),
                };
                shown(own.run(room));
            }
            Look::Members(online, cursor, count) => {
                let members = Members {
                    online: *online,
                    cursor: cursor.0 as usize,
                    count: count.0 as usize,
                };
                shown(members.run(key, room, sessions));
            }
            Look::Lag(top) => shown(commands::lag(key, room, sessions, top.0 as usize)),
            Look::Unit(text) => {
                for unit in [Unit::Count, Unit::Bytes, Unit::Millis] {
                    let number = unit.parse(text);
                    assert!(number.is_none_or(|number| number < 1 << 53), "{text:?}");
                }
            }
        }
    }

    /// An effect that nobody sent: refused, and then nothing changed, or done.
    fn apply(&mut self, head: &[u8], rest: &[&[u8]]) {
        let (clock, settings) = (self.server.clock, self.server.settings);
        let env: Env<'_> = self.server.env(0, &clock, &settings);
        let before = self.applied.as_deref().map(saved);
        let place = Place {
            key: RoomName { db: 0, name: b"e" },
            room: self.applied.as_deref_mut(),
            sessions: &mut Sessions::default(),
        };
        let fate = match commands::apply(place, head, rest, &env) {
            Ok(outcome) => outcome.key,
            Err(error) => {
                assert!(!error.to_string().contains(['\n', '\r']), "{error}");
                assert_eq!(before, self.applied.as_deref().map(saved), "{error}");
                return;
            }
        };
        match fate {
            KeyFate::Born(room) => self.applied = Some(room),
            KeyFate::Gone => self.applied = None,
            KeyFate::Same | KeyFate::Changed => {}
        }
    }
}

/// A reply as a tree, which is as long as it says; or an error in one line.
fn shown<A: Answer>(answer: Result<A, room_core::error::RoomError>) {
    match answer {
        Ok(answer) => drop(Value::of(&answer)),
        Err(error) => assert!(!error.to_string().contains(['\n', '\r']), "{error}"),
    }
}
