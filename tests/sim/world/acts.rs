//! What the plan wants done.

use super::{Actor, Node, World};
use crate::link::Link;
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
                let node = self.home_of(room);
                self.nodes[node].server.delete(now, &key);
                self.tell(node);
            }
            Act::ReadBack(device, room) => {
                self.devices[device].read_back(room);
                self.say(device);
            }
            Act::Outside(room) => self.outside(room),
            Act::Refuse(which, ms, node) => {
                self.node(node).server.refuses = (REFUSALS[which], now + ms);
            }
            // One machine, or clocks that are set by the same hand.
            Act::JumpBack(ms) => {
                let nodes = self.nodes.iter_mut();
                nodes.for_each(|node| node.server.wall_ahead -= ms as i64);
            }
            Act::JumpForth(ms) => {
                let nodes = self.nodes.iter_mut();
                nodes.for_each(|node| node.server.wall_ahead += ms as i64);
            }
            _ => self.fault(act),
        }
    }

    /// The node that has a room, or would get it.
    fn home_of(&self, room: usize) -> usize {
        if let Some(primary) = self.primary {
            return primary;
        }
        let there = |node: &Node| node.server.rooms.contains_key(KEYS[room]);
        let owns = |node: &Node| {
            let view = node.server.view.as_ref();
            view.is_none_or(|view| view.owns(KEYS[room]))
        };
        let home = self.nodes.iter().position(there);
        let home = home.or_else(|| self.nodes.iter().position(owns));
        home.unwrap_or(0)
    }

    /// Somebody with redis-cli, who is in no room, says something.
    fn outside(&mut self, room: usize) {
        let now = self.now;
        let home = self.home_of(room);
        let node = &mut self.nodes[home];
        if now < node.works_at() {
            return;
        }
        self.outsiders += 1;
        let text = format!("zoe-{}", self.outsiders);
        node.server.say(now, &KEYS[room].into(), "zoe", &text);
        self.tell(home);
    }

    pub(super) fn drop(&mut self, device: usize, ms: u64) {
        let loses = self.random.once_in(2);
        self.hang_up(device, loses);
        self.disconnected(device, ms.max(100));
    }

    pub(super) fn kick(&mut self, number: usize, room: usize) {
        let uid = self.devices[number].kind.1;
        let key: Arc<str> = KEYS[room].into();
        let (now, home) = (self.now, self.home_of(room));
        let node = &mut self.nodes[home];
        let there = node.server.rooms.get(&key);
        let counts = there.is_some_and(|room| room.member(uid.as_bytes()).is_some());
        if now < node.works_at() || !node.server.kick(now, &key, uid) {
            return;
        }
        // Of whoever is no member kicks are not counted: a proxy that does not hear of one learns of it nowhere.
        if !counts {
            return self.tell(home);
        }
        for device in self
            .devices
            .iter_mut()
            .filter(|device| device.kind.1 == uid)
        {
            if let Some(at) = device.place_of(room)
                && device.places[at].state == State::In
            {
                device.places[at].track.owed_kick = Some(now);
            }
        }
        self.tell(home);
    }

    /// A proxy's link to a node.
    fn link(&mut self, proxy: usize, node: usize) -> Option<&mut Link> {
        let at = self.proxies[proxy].ends[node].link?;
        self.links.get_mut(at)
    }

    /// A node's replica takes over, which may lack the newest.
    fn fail_over(&mut self, node: usize, ms: u64) {
        let now = self.now;
        self.nodes[node].server.replica_falls_behind();
        self.server_dies(node, ms);
        let mut elsewhere = Vec::new();
        for (other, of) in self.nodes.iter().enumerate() {
            if other != node {
                elsewhere.extend(of.server.rooms.keys().cloned());
            }
        }
        let lost = self.nodes[node].server.fail_over(now, &elsewhere);
        self.stats.add("lost tail", u64::from(lost));
    }

    pub(super) fn fault(&mut self, act: Act) {
        let now = self.now;
        match act {
            Act::Cut(proxy, ms, arrives, node) => {
                let node = self.number_of(node);
                if let Some(link) = self.link(proxy, node) {
                    link.server_learns = Some(now + ms);
                    if arrives == 0 {
                        link.commands.clear();
                        link.subscribes.clear();
                    }
                }
                let (of, mut around) = self.around(proxy);
                of.link_down(now, node, &mut around);
                self.wake(Actor::Proxy(proxy), now);
                self.wake(Actor::Server(node), now + ms);
            }
            Act::StallServer(ms, node) => {
                let node = self.node(node);
                node.stalled_until = node.stalled_until.max(now + ms);
            }
            Act::StallCommands(proxy, ms, node) => {
                if let Some(link) = self.link(proxy, self.number_of(node)) {
                    link.commands.stall(now + ms);
                    link.answers.stall(now + ms);
                }
            }
            Act::StallAnnouncements(proxy, ms, node) => {
                if let Some(link) = self.link(proxy, self.number_of(node)) {
                    link.announcements.stall(now + ms);
                    link.subscribes.stall(now + ms);
                }
            }
            Act::Restart(ms, node) => {
                let node = self.number_of(node);
                self.server_dies(node, ms);
                self.nodes[node].server.restart(now);
            }
            Act::Failover(_, ms, node) => self.fail_over(self.number_of(node), ms),
            Act::Switch(_, lives, way) => self.switch(lives, way == 1),
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
            Act::Move(..) | Act::MoveAtOnce(..) | Act::HandOver(..) => self.moves(act),
            _ => {}
        }
    }
}
