//! The names of proxies, and whom they belong to.

use super::keys::ClientId;
use super::rows::NameNo;
use hashbrown::HashMap;
use std::sync::Arc;

/// A name that is held, or that ghosts refer to.
#[derive(Debug, Default)]
pub(super) struct Name {
    pub(super) no: NameNo,
    /// The connection that holds it.
    pub(super) holder: Option<ClientId>,
    /// The ACL user whose it is while it is held.
    pub(super) user: Box<[u8]>,
    /// The ID that its newest holder gave.
    pub(super) id: Option<Box<[u8]>>,
    /// The end of the lease, by the clock of leases: the name is held so long also if the connection dies.
    pub(super) lease_until: Option<u64>,
    /// When the last of its ghosts ends: until then the number must be known.
    pub(super) ghosts_until: u64,
}

impl Name {
    pub(super) fn is_held(&self, lease_clock: u64) -> bool {
        self.holder.is_some() || self.lease_until.is_some_and(|until| until >= lease_clock)
    }
}

/// See the top of the file.
#[derive(Debug, Default)]
pub(super) struct Names {
    rows: HashMap<Arc<[u8]>, Name>,
    last_no: NameNo,
}

impl Names {
    pub(super) fn get(&self, name: &[u8]) -> Option<&Name> {
        self.rows.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &[u8]) -> Option<&mut Name> {
        self.rows.get_mut(name)
    }

    /// The name's row, made if there is none.
    pub(super) fn entry(&mut self, name: &Arc<[u8]>) -> &mut Name {
        let last_no = &mut self.last_no;
        self.rows.entry_ref(name).or_insert_with(|| {
            // Never 0, not even after four billion names.
            *last_no = last_no.checked_add(1).unwrap_or(1);
            Name {
                no: *last_no,
                ..Name::default()
            }
        })
    }

    /// The connection gives up the name, for which no lease holds any longer.
    pub(super) fn give_up(&mut self, name: &[u8]) {
        if let Some(row) = self.rows.get_mut(name) {
            row.holder = None;
            row.lease_until = None;
        }
    }

    /// Frees the names that nobody holds, and forgets those that no ghost is of.
    pub(super) fn forget(&mut self, now: u64, lease_clock: u64) {
        self.rows.retain(|_, row| {
            if row.is_held(lease_clock) {
                return true;
            }
            row.lease_until = None;
            row.ghosts_until > now
        });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}
