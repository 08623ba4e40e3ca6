//! Uids by the position that is to be said of them: one command for all of the same.

use room_core::position::{Position, Seq};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A position, and about whom it is.
type Group = (Position, Vec<Arc<str>>);

/// See the top of the file.
#[derive(Default)]
pub(crate) struct Groups(BTreeMap<(Seq, u32), Group>);

impl Groups {
    pub(crate) fn put(&mut self, position: Position, uid: &Arc<str>) {
        let group = self.0.entry((position.seq, position.tag.0));
        let (_, uids) = group.or_insert_with(|| (position, Vec::new()));
        uids.push(uid.clone());
    }

    /// The lowest position first.
    pub(crate) fn in_order(self) -> impl Iterator<Item = Group> {
        self.0.into_values()
    }
}
