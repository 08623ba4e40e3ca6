//! The bans as this proxy knows them: the link keeps the table, every connection looks into it. Nobody waits for anybody: a
//! connection looks at what stands there, and who changes the table says so, for those who are here to be looked at.

use crate::clock;
use crate::metrics::Metrics;
use crate::said::Said;
use hub_core::bans::{Bans, Entry};
use parking_lot::{RwLock, RwLockReadGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

/// See the top of the file.
pub(crate) struct Banned {
    most: usize,
    table: RwLock<Bans>,
    /// The list was read once to its end.
    known: AtomicBool,
    changed: Notify,
    too_many: Said,
    metrics: Arc<Metrics>,
}

/// What an entry of the list says, if it was understood.
pub(crate) type Read = Option<Entry>;

impl Banned {
    /// Nobody yet, and at most so many.
    pub(crate) fn new(most: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            most,
            table: RwLock::new(Bans::new(most)),
            known: AtomicBool::new(false),
            changed: Notify::new(),
            too_many: Said::default(),
            metrics,
        }
    }

    /// The table. It is given back soon, and before anything waits.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Bans> {
        self.table.read()
    }

    /// Whether the whole list was read, on this link or an earlier one.
    pub(crate) fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    /// Returns when the table is another one, or was since the last time.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// A table to read the whole list into.
    pub(crate) fn empty(&self) -> Bans {
        Bans::new(self.most)
    }

    /// The whole list was read: this is the table now.
    pub(crate) fn replace(&self, new: Bans) {
        let bans = new.len();
        let old = std::mem::replace(&mut *self.table.write(), new);
        // To take a long list apart takes a while, for which the link's thread has no time.
        spawn_blocking(move || drop(old));
        if !self.known.swap(true, Ordering::Relaxed) {
            info!(bans, "the bans are read");
        }
        self.tell();
    }

    /// More entries of the list.
    pub(crate) fn add(&self, entries: Vec<Read>) {
        if !entries.is_empty() {
            take(&mut self.table.write(), entries);
            self.tell();
        }
    }

    /// Whether entries that had no place would have one now.
    pub(crate) fn has_place(&self) -> bool {
        self.read().has_place()
    }

    /// What is over goes.
    pub(crate) fn drop_over(&self) {
        let mut table = self.table.write();
        table.drop_over(clock::unix_ms());
        self.metrics.bans.set(table.len() as i64);
    }

    fn tell(&self) {
        let (bans, beyond, unreadable) = {
            let table = self.read();
            (table.len(), table.beyond(), table.unreadable())
        };
        self.metrics.bans.set(bans as i64);
        self.metrics.bans_left_out.set((beyond + unreadable) as i64);
        if beyond > 0
            && let Some(left_out) = self.too_many.again()
        {
            warn!(
                bans,
                beyond,
                left_out,
                "there are more bans than --max-bans: the last ones are not enforced"
            );
        }
        self.changed.notify_one();
    }
}

/// Takes entries into a table, in their order.
pub(crate) fn take(table: &mut Bans, entries: Vec<Read>) {
    let now = clock::unix_ms();
    for entry in entries {
        match entry {
            Some(entry) => table.take(entry, now),
            None => table.pass_over(),
        }
    }
}
