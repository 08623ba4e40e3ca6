//! What others see of the link, and how they end it.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// A server, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) node: String,
    pub(crate) linked: bool,
    /// Of a cluster: how many slots it owns.
    pub(crate) slots: Option<usize>,
}

/// See the top of the file.
#[derive(Default)]
pub(crate) struct Link {
    up: AtomicBool,
    nodes: Mutex<Vec<Node>>,
    given_up: watch::Sender<()>,
}

impl Link {
    /// Whether Redis is connected.
    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    pub(super) fn set_up(&self, up: bool) {
        self.up.store(up, Ordering::Relaxed);
    }

    /// The servers that there are now.
    pub(crate) fn nodes(&self) -> Vec<Node> {
        self.nodes.lock().clone()
    }

    pub(super) fn set_nodes(&self, nodes: Vec<Node>) {
        *self.nodes.lock() = nodes;
    }

    /// Ends every pair that is there or being made, and with it its sessions; new ones follow.
    pub(crate) fn give_up(&self) {
        self.given_up.send_replace(());
    }

    /// What a new pair listens to: it hears only what happens from now on.
    pub(super) fn given_up(&self) -> watch::Receiver<()> {
        self.given_up.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pairs_that_are_there_end() {
        let link = Link::default();
        let old = [link.given_up(), link.given_up()];
        link.give_up();
        let new = link.given_up();
        assert!(old.iter().all(|pair| pair.has_changed().unwrap_or(true)));
        assert!(!new.has_changed().unwrap_or(true));
    }
}
