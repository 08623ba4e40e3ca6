//! In a cluster: which node each room's slot is on, as a proxy knows it. It learns that from nodes that point elsewhere, and
//! by asking one of them now and then.

use super::{Around, Proxy};
use crate::link::Command;
use crate::people::KEYS;
use crate::plan::ROOMS;
use crate::planted::Planted;
use crate::server::{refused, room_of};
use hub_core::ask::{Ask, Generation, Request};
use room_core::slots::slot_of;
use std::sync::Arc;

/// It asks a node so often …
const EVERY: u64 = 10_000;
/// … while it has no link to an owner so often …
const MISSING_EVERY: u64 = 200;
/// … and never more often than this.
const DAMPED: u64 = 100;

/// See the top of the file.
pub(super) struct Map {
    owners: [Option<usize>; ROOMS],
    asked: u64,
    pub(super) due: u64,
}

impl Map {
    pub(super) const fn new() -> Self {
        Self {
            owners: [None; ROOMS],
            asked: 0,
            due: 0,
        }
    }

    /// It may be wrong.
    pub(super) fn doubt(&mut self, now: u64) {
        self.due = self.due.min(now.max(self.asked + DAMPED));
    }
}

impl Proxy {
    /// Asks a node whose the slots are, if it is time.
    pub(super) fn look_at_map(&mut self, now: u64, around: &mut Around<'_>) {
        let Some(map) = self.map.as_mut().filter(|map| map.due <= now) else {
            return;
        };
        let up: Vec<usize> = (0..self.ends.len())
            .filter(|node| self.ends[*node].is_up())
            .collect();
        let missing = |owner: &Option<usize>| owner.is_none_or(|owner| !up.contains(&owner));
        let soon = map.owners.iter().any(missing);
        map.due = now + if soon { MISSING_EVERY } else { EVERY };
        map.asked = now;
        if up.is_empty() {
            return;
        }
        let node = self.random.one_of(&up);
        let link = self.ends[node].link;
        if let Some(link) = link.and_then(|at| around.links.get_mut(at)) {
            link.send(now, Command::Map);
        }
    }

    /// A node says whose the slots are.
    pub(super) fn mapped(&mut self, owners: [usize; ROOMS]) {
        for (room, owner) in owners.into_iter().enumerate() {
            self.owned(room, owner);
        }
    }

    /// A slot is this node's. Nothing is said to the hub if that is known.
    fn owned(&mut self, room: usize, node: usize) {
        if let Some(map) = &mut self.map
            && map.owners[room].replace(node) != Some(node)
        {
            self.route(room);
        }
    }

    fn route(&mut self, room: usize) {
        let Some(node) = self.map.as_ref().and_then(|map| map.owners[room]) else {
            return;
        };
        let to = self.to(node);
        let slot = slot_of(KEYS[room].as_bytes());
        self.hub.routed(&[slot..=slot], to);
    }

    fn to(&self, node: usize) -> Option<Generation> {
        let end = &self.ends[node];
        end.is_up().then_some(end.generation)
    }

    /// A link is there: its slots are on it now.
    pub(super) fn route_all(&mut self, node: usize) {
        let owners = self.map.as_ref().map(|map| map.owners).unwrap_or_default();
        for room in (0..ROOMS).filter(|room| owners[*room] == Some(node)) {
            self.route(room);
        }
    }

    /// A node did not do what it was asked, and points at another one.
    pub(super) fn pointed(
        &mut self,
        now: u64,
        generation: Generation,
        (request, key, ask): (Request, &Arc<str>, Ask),
        (node, asks_once): (usize, bool),
        around: &mut Around<'_>,
    ) {
        around.stats.add(if asks_once { "ASK" } else { "MOVED" }, 1);
        let asking = self.to(node).filter(|_| asks_once);
        if asks_once && (asking.is_none() || self.defect.is(Planted::AskIgnored)) {
            let fault = Err(refused("TRYAGAIN"));
            return self
                .hub
                .answer(now, generation, request, fault, &mut self.asks);
        }
        if !asks_once {
            if let Some(room) = room_of(key) {
                self.owned(room, node);
            }
            if let Some(map) = &mut self.map {
                map.doubt(now);
            }
        }
        self.hub
            .elsewhere(now, generation, request, ask, asking, &mut self.asks);
    }
}
