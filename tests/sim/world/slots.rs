//! Slots that go from one server to the other, step by step as `redis-cli --cluster reshard` does it, or all at once. A step
//! waits for the servers that it needs.

use super::{Actor, World};
use crate::people::KEYS;
use crate::plan::{Act, ROOMS};
use crate::random::Random;
use crate::server::View;
use std::sync::Arc;

/// A clock that is so much ahead makes publish ids old at once.
pub(super) const DRIFT: u64 = 1_000;
/// A slot whose key came back stays for so long: who still asks the other server for it would make the room there anew.
const REST: u64 = 8_000;

/// What happens to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Importing,
    Migrating,
    /// The key goes.
    Key,
    /// It comes back, and the other server takes none any more.
    Back,
    /// The one that takes the slot is told that it has it, and the one that had it.
    Taken,
    Given,
    /// It stays after all.
    Stable,
    /// All at once; sessions stay behind, or do not.
    AtOnce {
        ghosts: bool,
    },
    /// The move is over, and another one may begin.
    Rest,
}

/// The ways in which a slot moves.
const WAYS: [&[Step]; 4] = [
    &[
        Step::Importing,
        Step::Migrating,
        Step::Key,
        Step::Taken,
        Step::Given,
    ],
    // What was made meanwhile at the one that was to have it comes back.
    &[
        Step::Importing,
        Step::Migrating,
        Step::Back,
        Step::Stable,
        Step::Rest,
    ],
    &[
        Step::Importing,
        Step::Migrating,
        Step::Key,
        Step::Back,
        Step::Stable,
        Step::Rest,
    ],
    &[
        Step::Importing,
        Step::Migrating,
        Step::Key,
        Step::Given,
        Step::Taken,
    ],
];

/// A slot on its way.
#[derive(Debug)]
pub(super) struct Move {
    room: usize,
    from: usize,
    to: usize,
    /// What is left, and when.
    steps: Vec<(u64, Step)>,
}

impl World<'_> {
    /// The plan wants a slot to move, or all that a node has.
    pub(super) fn moves(&mut self, act: Act) {
        let now = self.now;
        match act {
            Act::Move(room, ms, way) => {
                let mut random = Random::new(self.plan.seed, (5 << 32) + now);
                let mut at = now;
                let steps = WAYS[way % WAYS.len()].iter().map(|step| {
                    at += random.to(ms) * random.to(100) / 100;
                    (at + if *step == Step::Rest { REST } else { 0 }, *step)
                });
                let steps = steps.collect();
                self.begin_move(room, None, steps);
            }
            Act::MoveAtOnce(room, ghosts) => {
                let ghosts = ghosts == 1;
                self.begin_move(room, None, vec![(now, Step::AtOnce { ghosts })]);
            }
            Act::HandOver(node) if self.nodes.len() > 1 => {
                let node = node % self.nodes.len();
                if self.nodes.iter().any(|node| node.works_at() > now) {
                    return;
                }
                for room in 0..ROOMS {
                    let step = Step::AtOnce { ghosts: true };
                    self.begin_move(room, Some(node), vec![(now, step)]);
                }
                self.nodes[node].server.step_down(now);
            }
            _ => {}
        }
    }

    /// Begins, if the slot stands still and is where it is to go from.
    fn begin_move(&mut self, room: usize, wanted: Option<usize>, steps: Vec<(u64, Step)>) {
        let moves = |one: &Move| one.room == room && !one.steps.is_empty();
        let owner = |node: usize| self.view(node).is_some_and(|view| view.owns(KEYS[room]));
        let Some(from) = (0..self.nodes.len()).find(|node| owner(*node)) else {
            return;
        };
        let is_wanted = wanted.is_none_or(|wanted| wanted == from);
        if self.nodes.len() < 2 || self.moves.iter().any(moves) || !is_wanted {
            return;
        }
        let to = 1 - from;
        self.stats.add("slot moves", 1);
        self.moves.push(Move {
            room,
            from,
            to,
            steps,
        });
        self.step(self.moves.len() - 1);
    }

    fn view(&self, node: usize) -> Option<&View> {
        self.nodes[node].server.view.as_ref()
    }

    /// Does the next step of a move, if its time has come and its servers are there.
    pub(super) fn step(&mut self, number: usize) {
        let now = self.now;
        let of = &mut self.moves[number];
        let Some((at, step)) = of.steps.first().copied() else {
            return;
        };
        let works_at = |node: usize| self.nodes[node].works_at();
        let ready = match step {
            Step::Importing | Step::Taken => works_at(of.to),
            Step::Migrating | Step::Given => works_at(of.from),
            _ => works_at(of.to).max(works_at(of.from)),
        };
        let at = at.max(ready);
        if at > now {
            return self.push(at, Actor::Move(number));
        }
        of.steps.remove(0);
        let (room, from, to) = (of.room, of.from, of.to);
        if self.trace {
            println!("{now:>6} ==== slot of {} from {from}: {step:?}", KEYS[room]);
        }
        self.do_step(room, (from, to), step);
        self.step(number);
    }

    fn do_step(&mut self, room: usize, (from, to): (usize, usize), step: Step) {
        match step {
            Step::Importing => self.change(to, |view| view.importing[room] = Some(from)),
            Step::Migrating => self.change(from, |view| view.migrating[room] = Some(to)),
            Step::Key => self.carry(room, from, to, true),
            Step::Back => {
                self.carry(room, to, from, true);
                self.stats.add("taken back", 1);
                self.change(to, |view| view.importing[room] = None);
            }
            Step::Taken => {
                self.change(to, |view| view.take(room, to));
                if self.ends_asking {
                    self.unsubscribe(room, to);
                }
            }
            Step::Given => {
                self.change(from, |view| view.take(room, to));
                self.unsubscribe(room, from);
            }
            Step::Stable => {
                for node in [from, to] {
                    self.change(node, |view| {
                        view.importing[room] = None;
                        view.migrating[room] = None;
                    });
                }
            }
            Step::AtOnce { ghosts } => {
                self.carry(room, from, to, false);
                if !ghosts {
                    self.nodes[from].server.forget_sessions(KEYS[room]);
                }
                for node in [from, to] {
                    self.change(node, |view| view.take(room, to));
                }
                self.unsubscribe(room, from);
            }
            Step::Rest => {}
        }
    }

    fn change(&mut self, node: usize, what: impl FnOnce(&mut View)) {
        if let Some(view) = &mut self.nodes[node].server.view {
            what(view);
        }
    }

    /// A key goes from one server to the other.
    fn carry(&mut self, room: usize, from: usize, to: usize, aloud: bool) {
        let now = self.now;
        let key: Arc<str> = KEYS[room].into();
        let Ok([old, new]) = self.nodes.get_disjoint_mut([from, to]) else {
            return;
        };
        if new.server.rooms.contains_key(&key) {
            if old.server.rooms.contains_key(&key) {
                self.wrong
                    .push(format!("{now} ms: {key} is at both servers"));
            }
            return;
        }
        if new.server.ahead_of(now, &mut old.server) > DRIFT {
            // Publish ids are older at once, perhaps too old.
            self.truth.borrow_mut().forget_ids(now);
        }
        if let Some(room) = old.server.take_out(now, &key, aloud) {
            new.server.put_in(now, &key, room);
            self.stats.add("room moved", 1);
        }
        self.tell(from);
    }

    /// A server ends the subscriptions to a room's channel by itself.
    fn unsubscribe(&mut self, room: usize, node: usize) {
        let key: Arc<str> = KEYS[room].into();
        for at in 0..self.links.len() {
            let link = &mut self.links[at];
            if link.node == node && link.server_end && link.subscribed.remove(&key) {
                let news = crate::link::News::Unsubscribed(key.clone());
                link.announcements.send(self.now, news);
                self.wake_proxy_of(at);
            }
        }
    }
}
