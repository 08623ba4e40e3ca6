//! What all pairs to a cluster's nodes share: who owns what, told to the workers as it changes. What one pair learns from a
//! node's answer is told before that answer is handed on.

use super::owners::{Owners, Route};
use super::slots::{Place, View};
use crate::clock;
use crate::inbox::{Inboxes, Input};
use hub_core::ask::Generation;
use parking_lot::{Mutex, MutexGuard};
use redis::aio::MultiplexedConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::{Notify, watch};

/// A pair that is there.
#[derive(Clone)]
pub(super) struct Linked {
    pub(super) generation: Generation,
    pub(super) commands: MultiplexedConnection,
    /// Ends it.
    pub(super) leave: Arc<Notify>,
    /// Changes when it has ended.
    pub(super) lives: watch::Receiver<()>,
}

#[derive(Default)]
struct Known {
    owners: Owners,
    linked: BTreeMap<Place, Linked>,
}

/// See the top of the file.
pub(super) struct Board {
    known: Mutex<Known>,
    inboxes: Arc<Inboxes>,
    /// Something is not as it was believed to be.
    doubt: Notify,
    /// A pair came or went, or a slot.
    changed: Notify,
}

impl Board {
    pub(super) fn new(inboxes: Arc<Inboxes>) -> Self {
        Self {
            known: Mutex::default(),
            inboxes,
            doubt: Notify::new(),
            changed: Notify::new(),
        }
    }

    /// Workers hear of routes in the order in which they change.
    fn tell(&self, _known: &MutexGuard<'_, Known>, routes: Vec<Route>) {
        for (slots, to) in routes {
            let slots: Arc<[_]> = slots.into();
            self.inboxes.tell_all(|| Input::Routed(slots.clone(), to));
        }
        self.changed.notify_one();
    }

    /// A node said that a slot is another's.
    pub(super) fn sent(&self, slot: u16, to: Place) {
        let mut known = self.known.lock();
        let route = known.owners.sent(clock::now_ms(), slot, to);
        self.tell(&known, route.into_iter().collect());
        self.doubt.notify_one();
    }

    /// A node said that a key is at another one, which does not own its slot yet: the pair to that one, if there is one.
    pub(super) fn asked(&self, place: Place) -> Option<Generation> {
        let pair = self.known.lock().owners.asked(clock::now_ms(), place);
        if pair.is_none() {
            self.doubt.notify_one();
        }
        pair
    }

    /// A node cannot be reached: unless it owns slots it is not wanted any more.
    pub(super) fn unasked(&self, place: &Place) {
        self.known.lock().owners.unasked(place);
    }

    /// A pair is there.
    pub(super) fn link(&self, place: &Place, linked: Linked) {
        let mut known = self.known.lock();
        let routes = known.owners.linked(place.clone(), linked.generation);
        known.linked.insert(place.clone(), linked);
        self.tell(&known, routes);
    }

    /// A pair is gone, and has handed on all that it heard.
    pub(super) fn unlink(&self, place: &Place, generation: Generation) {
        let mut known = self.known.lock();
        known.owners.unlinked(place, generation);
        if known.linked.get(place).map(|linked| linked.generation) == Some(generation) {
            known.linked.remove(place);
        }
        self.inboxes.tell_all(|| Input::Down(generation));
        drop(known);
        self.doubt.notify_one();
        self.changed.notify_one();
    }

    /// Nodes said who owns what.
    pub(super) fn learn(&self, views: &[View]) {
        let mut known = self.known.lock();
        let routes = known.owners.learn(views);
        self.tell(&known, routes);
    }

    /// Whether what one node says is what is believed.
    pub(super) fn agrees(&self, view: &View) -> bool {
        self.known.lock().owners.agrees(view)
    }

    /// The owner of a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<Place> {
        self.known.lock().owners.owner(slot).cloned()
    }

    /// Those who are linked.
    pub(super) fn linked(&self) -> BTreeMap<Place, Linked> {
        self.known.lock().linked.clone()
    }

    /// Those who are to be.
    pub(super) fn wanted(&self) -> BTreeSet<Place> {
        self.known.lock().owners.wanted(clock::now_ms())
    }

    /// Everybody who may know who owns what.
    pub(super) fn known(&self) -> Vec<Place> {
        self.known.lock().owners.known().to_vec()
    }

    /// Each owner and how many slots it has; and how many have nobody who is linked.
    pub(super) fn slots(&self) -> (Vec<(Place, usize)>, usize) {
        let known = self.known.lock();
        let many = known.owners.many().into_iter();
        let many = many.map(|(place, many)| (place.clone(), many)).collect();
        (many, known.owners.nowhere())
    }

    /// Whether every slot's owner is linked.
    pub(super) fn is_whole(&self) -> bool {
        self.known.lock().owners.is_whole()
    }

    /// Something is not as it was believed to be: it is asked anew who owns what.
    pub(super) fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Returns when that was said, or was since the last time.
    pub(super) async fn doubted(&self) {
        self.doubt.notified().await;
    }

    /// Returns when a pair or a slot came or went, or did since the last time.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}
