//! A proxy's end of its link to one node.

use hub_core::ask::{Ask, Generation, NOWHERE, Request};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Down { retry_at: u64 },
    Greeting,
    Up,
}

/// A question that is not answered yet: since when, what, about which room.
pub(super) struct Sent {
    pub(super) at: u64,
    pub(super) ask: Ask,
    pub(super) key: std::sync::Arc<str>,
}

/// See the top of the file.
pub(crate) struct End {
    pub(super) state: State,
    /// Its place among all links.
    pub(crate) link: Option<usize>,
    pub(super) generation: Generation,
    /// How many there were before, this one included.
    pub(super) links: u64,
    pub(super) backoff: u64,
    pub(super) hello_due: u64,
    pub(super) hello_asked: Option<u64>,
    pub(super) open: BTreeMap<Request, Sent>,
}

impl End {
    pub(super) const fn new(now: u64) -> Self {
        Self {
            state: State::Down { retry_at: now },
            link: None,
            generation: NOWHERE,
            links: 0,
            backoff: 50,
            hello_due: 0,
            hello_asked: None,
            open: BTreeMap::new(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    pub(super) fn wants_link(&self, now: u64) -> bool {
        matches!(self.state, State::Down { retry_at } if retry_at <= now)
    }

    /// When something is due on it.
    pub(super) const fn due(&self) -> u64 {
        match self.state {
            State::Down { retry_at } => retry_at,
            _ => self.hello_due,
        }
    }

    /// Since when the oldest question waits.
    pub(super) fn oldest(&self) -> Option<u64> {
        let oldest = self.open.values().map(|sent| sent.at).min();
        oldest.into_iter().chain(self.hello_asked).min()
    }

    /// Time stood still: what came meanwhile is younger than the questions look.
    pub(super) fn paused(&mut self, gap: u64) {
        self.open.values_mut().for_each(|sent| sent.at += gap);
        self.hello_asked = self.hello_asked.map(|asked| asked + gap);
    }
}
