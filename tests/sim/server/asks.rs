//! Commands, as a proxy's link and an operator give them.

use super::outcome::{attached, joined};
use super::slots::OPERATOR;
use super::{ClientId, LEASE, Role, Server, bytes_of, given, refused, text};
use crate::read_rows;
use bytes::Bytes;
use hub_core::ask::{Answer, Ask, Fault, Member, Published};
use room_core::commands::{self, Page};
use room_core::log::MAX_SEQ;
use room_core::sessions::{Greeting, Hello, RoomName};
use std::sync::Arc;

impl Server {
    /// Whether a command of this kind is refused now.
    pub(super) fn refusal(&self, writes: bool) -> Option<Fault> {
        if self.role == Role::Replica {
            // It loads what the primary has.
            return Some(refused(if writes { "READONLY" } else { "LOADING" }));
        }
        let (code, until) = self.refuses;
        let refuses = self.now < until
            && match code {
                "BUSY" | "LOADING" => true,
                "NOREPLICAS" | "READONLY" => writes,
                _ => false,
            };
        refuses.then(|| refused(code))
    }

    /// In a cluster that is down nobody answers for a key.
    fn is_cut_off(&self) -> Option<Fault> {
        let (code, until) = self.refuses;
        (code == "CLUSTERDOWN" && self.now < until).then(|| refused(code))
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
        (ask, asking): (&Ask, bool),
    ) -> Result<Answer, Fault> {
        self.now = now;
        if let Some(view) = &self.view {
            let there = self.rooms.contains_key(key);
            if let Some(fault) = self
                .is_cut_off()
                .or_else(|| view.refuses(key, ask, there, asking))
            {
                return Err(fault);
            }
        }
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
                own,
                only_member,
            } => {
                let join = commands::Join {
                    uid: uid.as_bytes(),
                    since: *since,
                    history: *history,
                    own: *own,
                    only_member: *only_member,
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
            Ask::Publish {
                uid,
                payload,
                id,
                only_existing,
            } => self.publish(client, key, (uid, payload), id.as_deref(), *only_existing),
            Ask::Signal(uid, payload) => {
                let publish = commands::Publish {
                    uid: given(uid.as_bytes()),
                    payload: given(payload),
                    id: None,
                    room_id: None,
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
            Ask::Back {
                from,
                to,
                count,
                bytes,
                own,
            } => {
                let range = commands::Range {
                    from: *from,
                    to: *to,
                    page: Page {
                        count: *count,
                        bytes: *bytes as u64,
                    },
                    backwards: true,
                    own: own.as_ref().map(|uid| uid.as_bytes()),
                };
                match range.run(self.rooms.get(key).map(|room| &**room)) {
                    Ok(rows) => Ok(Answer::Back(read_rows::read_back(&rows))),
                    Err(error) => Err(refused(error.code())),
                }
            }
            Ask::Members(cursor) => self.members(key, *cursor),
            // No room asks this.
            Ask::Call(_) => Err(refused("ERR")),
        }
    }

    pub(super) fn publish(
        &mut self,
        client: ClientId,
        key: &Arc<str>,
        (uid, payload): (&Arc<str>, &Bytes),
        id: Option<&str>,
        only_existing: bool,
    ) -> Result<Answer, Fault> {
        let publish = commands::Publish {
            uid: given(uid.as_bytes()),
            payload: given(payload),
            id: id.map(|id| given(id.as_bytes())),
            room_id: None,
            ephemeral: false,
            only_existing,
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

    pub(super) fn members(&mut self, key: &Arc<str>, _cursor: u64) -> Result<Answer, Fault> {
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
        let done = self.run(OPERATOR, key, |place, env, finish| {
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
}
