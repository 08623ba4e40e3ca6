//! What the plan wants done.

use super::{Actor, World};
use crate::people::{KEYS, State};
use crate::plan::{Act, REFUSALS};
use std::sync::Arc;

impl World<'_> {
    pub(super) fn act(&mut self, act: Act) {
        let now = self.now;
        if self.trace {
            println!("{now:>6} ==== {} {act:?}", act.name());
        }
        if !act.is_publish() {
            self.stats.add(act.name(), 1);
        }
        match act {
            Act::Publish(device, room, size) => {
                self.devices[device].publish(now, room, size);
                self.say(device);
            }
            Act::Signal(device, room) => {
                self.devices[device].signal(room);
                self.say(device);
            }
            Act::Drop(device, ms) => self.drop(device, ms),
            Act::Logout(device, ms) => {
                self.devices[device].logout();
                self.say(device);
                self.hang_up(device, false);
                self.disconnected(device, ms.max(100));
            }
            Act::Crawl(device, ms) => self.devices[device].crawls_until = now + ms,
            Act::Leave(device, room) => {
                self.devices[device].leave(room);
                self.say(device);
            }
            Act::Kick(device, room) => self.kick(device, room),
            Act::Delete(room) => {
                let key: Arc<str> = KEYS[room].into();
                self.server.delete(now, &key);
                self.tell();
            }
            Act::Refuse(which, ms) => self.server.refuses = (REFUSALS[which], now + ms),
            Act::JumpBack(ms) => self.server.wall_ahead -= ms as i64,
            Act::JumpForth(ms) => self.server.wall_ahead += ms as i64,
            _ => self.fault(act),
        }
    }

    pub(super) fn drop(&mut self, device: usize, ms: u64) {
        let loses = self.random.once_in(2);
        self.hang_up(device, loses);
        self.disconnected(device, ms.max(100));
    }

    pub(super) fn kick(&mut self, number: usize, room: usize) {
        let uid = self.devices[number].kind.1;
        let key: Arc<str> = KEYS[room].into();
        let there = self.server.rooms.get(&key);
        let counts = there.is_some_and(|room| room.member(uid.as_bytes()).is_some());
        if self.now < self.stalled_until.max(self.down_until)
            || !self.server.kick(self.now, &key, uid)
        {
            return;
        }
        // Of whoever is no member kicks are not counted: a proxy that does not hear of one learns of it nowhere.
        if !counts {
            return self.tell();
        }
        for device in self
            .devices
            .iter_mut()
            .filter(|device| device.kind.1 == uid)
        {
            if let Some(at) = device.place_of(room)
                && device.places[at].state == State::In
            {
                device.places[at].track.owed_kick = Some(self.now);
            }
        }
        self.tell();
    }

    pub(super) fn fault(&mut self, act: Act) {
        let now = self.now;
        match act {
            Act::Cut(proxy, ms, arrives) => {
                let at = self.proxies[proxy].link;
                if let Some(link) = at.and_then(|at| self.links.get_mut(at)) {
                    link.server_learns = Some(now + ms);
                    if arrives == 0 {
                        link.commands.clear();
                        link.subscribes.clear();
                    }
                }
                let (of, mut around) = self.around(proxy);
                of.link_down(now, &mut around);
                self.wake(Actor::Proxy(proxy), now);
                self.wake(Actor::Server, now + ms);
            }
            Act::StallServer(ms) => self.stalled_until = self.stalled_until.max(now + ms),
            Act::StallCommands(proxy, ms) => {
                if let Some(link) = self.proxies[proxy]
                    .link
                    .and_then(|at| self.links.get_mut(at))
                {
                    link.commands.stall(now + ms);
                    link.answers.stall(now + ms);
                }
            }
            Act::StallAnnouncements(proxy, ms) => {
                if let Some(link) = self.proxies[proxy]
                    .link
                    .and_then(|at| self.links.get_mut(at))
                {
                    link.announcements.stall(now + ms);
                    link.subscribes.stall(now + ms);
                }
            }
            Act::Restart(ms) => {
                self.server_dies(ms);
                self.server.restart(now);
            }
            Act::Failover(_, ms) => {
                self.server.replica_falls_behind();
                self.server_dies(ms);
                let lost = self.server.fail_over(now);
                self.stats.add("lost tail", u64::from(lost));
            }
            Act::Kill(proxy, ms) => {
                if !self.proxies[proxy].alive {
                    return;
                }
                self.dies(proxy);
                self.starts[proxy] = Some(now + ms.max(10));
                self.wake(Actor::Proxy(proxy), now + ms.max(10));
            }
            Act::Stop(proxy, ms) => {
                if !self.proxies[proxy].alive {
                    return;
                }
                let (of, mut around) = self.around(proxy);
                of.stop(now, &mut around);
                self.starts[proxy] = Some(now + 4_100 + ms);
                self.wake(Actor::Proxy(proxy), now + 1);
                self.wake_around(proxy);
            }
            Act::Pause(proxy, ms) => self.proxies[proxy].paused_until = now + ms,
            _ => {}
        }
    }
}
