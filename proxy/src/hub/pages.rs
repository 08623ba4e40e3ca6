//! Pages of the log for those who catch up: read from Redis once, encoded once, used by everybody.
//!
//! Pages begin at fixed numbers, so that readers at different places share them.

use super::encode;
use crate::catchup::{Page, Slice};
use crate::redis::{Fault, Redis};
use crate::{clock, metrics};
use parking_lot::Mutex;
use room_core::position::{Position, Seq};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::OnceCell;

/// Messages of one page.
const PAGE_LEN: u64 = 64;
/// Pages that a room keeps for others.
const KEPT: usize = 32;

/// For how long, after the last reader.
const KEPT_FOR_MS: u64 = 2000;

type Cell = Arc<OnceCell<Arc<Page>>>;

/// See the top of the file.
#[derive(Default)]
pub(super) struct Pages {
    kept: Mutex<VecDeque<(Seq, Cell)>>,
    /// When somebody last read; 0 if nothing is kept.
    used: AtomicU64,
}

/// Where pages come from.
pub(super) struct Source<'a> {
    pub(super) redis: &'a Redis,
    pub(super) roomid: &'a str,
    pub(super) key: &'a str,
    pub(super) bytes: usize,
    pub(super) counts: (u64, u64),
}

impl Pages {
    /// What follows `at`.
    pub(super) async fn after(&self, source: &Source<'_>, at: Position) -> Result<Slice, Fault> {
        let wanted = at.seq + 1;
        let aligned = at.seq / PAGE_LEN * PAGE_LEN + 1;
        let mut page = self.page(source, aligned).await?;
        if let found @ Slice::Bytes(..) = page.after(at) {
            metrics::PAGES_SHARED.up();
            return Ok(found);
        }
        if page.after(at) != Slice::Beyond || !page.is_cut() {
            // It ended at the head of its time, or is of a history of its time: both may have changed.
            self.forget(aligned);
            page = self.page(source, aligned).await?;
        }
        let found = page.after(at);
        if found != Slice::Beyond || !page.is_cut() {
            return Ok(found);
        }
        // It was cut by its bytes: the reader has a page of its own.
        let found = self.page(source, wanted).await?.after(at);
        if matches!(found, Slice::Bytes(..)) {
            return Ok(found);
        }
        self.forget(wanted);
        Ok(self.page(source, wanted).await?.after(at))
    }

    async fn page(&self, source: &Source<'_>, from: Seq) -> Result<Arc<Page>, Fault> {
        let cell = self.cell(from);
        self.used.store(clock::now_ms(), Ordering::Relaxed);
        let page = cell.get_or_try_init(|| async {
            let left = PAGE_LEN - (from - 1) % PAGE_LEN;
            let range = source
                .redis
                .range(source.key, from, left, source.bytes)
                .await?;
            Ok(Arc::new(Page::new(
                range.before,
                range.head,
                &range.rows,
                |position, row, out| {
                    encode::stored(source.roomid, position, row, source.counts, out);
                },
            )))
        });
        page.await.cloned()
    }

    fn cell(&self, from: Seq) -> Cell {
        let mut kept = self.kept.lock();
        if let Some((_, cell)) = kept.iter().find(|(known, _)| *known == from) {
            return cell.clone();
        }
        if kept.len() == KEPT {
            kept.pop_front();
        }
        let cell = Cell::default();
        kept.push_back((from, cell.clone()));
        cell
    }

    fn forget(&self, from: Seq) {
        let mut kept = self.kept.lock();
        // One that is being read is new enough.
        kept.retain(|(known, cell)| *known != from || !cell.initialized());
    }

    /// Forgets everything that nobody has read for a while: those who come back together come within that time.
    pub(super) fn expire(&self, now: u64) {
        let used = self.used.load(Ordering::Relaxed);
        if used > 0 && now.saturating_sub(used) > KEPT_FOR_MS {
            self.clear();
        }
    }

    /// Forgets everything: the history is another one.
    pub(super) fn clear(&self) {
        self.used.store(0, Ordering::Relaxed);
        self.kept.lock().clear();
    }
}
