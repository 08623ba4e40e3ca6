//! Which slots are a node's, as it sees that itself, and what it answers about the others. A room has a slot of its own.
//! Source: `getNodeByQuery` of Redis and Valkey.

use crate::people::KEYS;
use crate::plan::ROOMS;
use hub_core::ask::{Ask, Fault};

/// See the top of the file.
#[derive(Clone, Debug)]
pub(crate) struct View {
    me: usize,
    /// Whose each slot is.
    pub(crate) owners: [usize; ROOMS],
    /// Where a slot of its own is about to go, and where one of another node is about to come from.
    pub(crate) migrating: [Option<usize>; ROOMS],
    pub(crate) importing: [Option<usize>; ROOMS],
}

/// The room of a key.
pub(crate) fn room_of(key: &str) -> Option<usize> {
    KEYS.iter().position(|known| *known == key)
}

impl View {
    pub(crate) const fn new(me: usize, owners: [usize; ROOMS]) -> Self {
        Self {
            me,
            owners,
            migrating: [None; ROOMS],
            importing: [None; ROOMS],
        }
    }

    /// A slot is a node's now.
    pub(crate) const fn take(&mut self, room: usize, node: usize) {
        self.owners[room] = node;
        self.importing[room] = None;
        self.migrating[room] = None;
    }

    pub(crate) fn owns(&self, key: &str) -> bool {
        room_of(key).is_some_and(|room| self.owners[room] == self.me)
    }

    /// Whether the slot of a key is open for migration: then a key that goes is not gone.
    pub(crate) fn is_leaving(&self, key: &str) -> bool {
        room_of(key).is_some_and(|room| self.migrating[room].is_some())
    }

    /// Why a command is not done here; `None`: it is. `there`: the key is.
    pub(super) fn refuses(&self, key: &str, ask: &Ask, there: bool, asking: bool) -> Option<Fault> {
        let room = room_of(key)?;
        let is_mine = self.owners[room] == self.me;
        // A channel is no key: it is never missing.
        let of_channel = matches!(ask, Ask::Subscribe | Ask::Unsubscribe);
        match self.migrating[room].filter(|_| is_mine) {
            Some(to) if !there && !of_channel => Some(points("ASK", to)),
            _ if is_mine || asking && self.importing[room].is_some() => None,
            _ => Some(points("MOVED", self.owners[room])),
        }
    }
}

fn points(code: &str, node: usize) -> Fault {
    Fault::Refused {
        code: code.into(),
        message: node.to_string(),
    }
}

/// The node that an answer points at, and whether it is only to be asked this once.
pub(crate) fn pointed(fault: &Fault) -> Option<(usize, bool)> {
    match fault {
        Fault::Refused { code, message } if code == "MOVED" || code == "ASK" => {
            Some((message.parse().ok()?, code == "ASK"))
        }
        _ => None,
    }
}
