//! Sentinels make the replica the primary. The old one is told when it can be told; until then it takes what it is given by
//! proxies that did not hear of it. Each proxy hears of it in its own time.

use super::slots::DRIFT;
use super::{Actor, World};
use crate::plan::PROXIES;
use crate::random::Random;
use crate::server::Role;

/// A proxy hears of a switch so late at most: a sentinel that it cannot reach is asked again every second.
const HEARS_WITHIN: u64 = 2_500;

impl World<'_> {
    /// The old primary lives on for `lives`; `quietly`: it keeps its connections when it learns that it is a replica.
    pub(super) fn switch(&mut self, lives: u64, quietly: bool) {
        let now = self.now;
        let Some(old) = self.primary else { return };
        let new = 1 - old;
        // One at a time, and to a replica that is there.
        let is_replica = self.nodes[new].server.role == Role::Replica;
        if !is_replica || now < self.nodes[new].down_until {
            return self.nodes[old].server.replica_catches_up();
        }
        if self.take_place(old, new) {
            self.stats.add("lost tail", 1);
            self.stats.add("lost at a switch", 1);
        }
        self.stats.add("switched", 1);
        self.primary = Some(new);
        // As sentinels do it on both.
        self.links_end(new);
        self.quietly = quietly;
        self.push(now + lives, Actor::Demoted(old));
        let mut random = Random::new(self.plan.seed, (8 << 32) + now);
        for proxy in 0..PROXIES {
            let at = now + random.to(HEARS_WITHIN) * random.to(100) / 100;
            if let Some(belief) = &mut self.proxies[proxy].belief {
                belief.will_hear(at, new);
            }
            self.wake(Actor::Proxy(proxy), at);
        }
    }

    /// Whether anything is lost.
    fn take_place(&mut self, old: usize, new: usize) -> bool {
        let now = self.now;
        let Ok([old, new]) = self.nodes.get_disjoint_mut([old, new]) else {
            return false;
        };
        if new.server.ahead_of(now, &mut old.server) > DRIFT {
            // Publish ids are older at once, perhaps too old.
            self.truth.borrow_mut().forget_ids(now);
        }
        let copied = old.server.is_replaced();
        copied.is_some_and(|copied| new.server.promote(now, copied))
    }

    /// The old primary is told, when it works.
    pub(super) fn demoted(&mut self, node: usize) {
        let (now, at) = (self.now, self.nodes[node].works_at());
        if now < at {
            return self.push(at, Actor::Demoted(node));
        }
        if self.trace {
            println!("{now:>6} ==== server {node} is a replica");
        }
        self.nodes[node].server.demote(now);
        self.tell(node);
        if self.quietly {
            self.stats.add("demoted quietly", 1);
        } else {
            self.links_end(node);
        }
    }

    /// A server confirmed what came over a link: what a replaced one confirms is lost, so nobody who heard of that asks it.
    pub(super) fn judge_confirmed(&mut self, at: usize) {
        let link = &self.links[at];
        if !self.nodes[link.node].server.is_stale() {
            return;
        }
        self.stats.add("confirmed by a replaced primary", 1);
        let told = self.proxies[link.proxy].told();
        if link.proxy_end && told.is_some_and(|told| told != link.node) {
            let (now, proxy) = (self.now, link.proxy);
            self.wrong.push(format!(
                "stale: {now} ms, proxy {proxy} is confirmed something by a primary that it knows to be replaced"
            ));
        }
    }
}
