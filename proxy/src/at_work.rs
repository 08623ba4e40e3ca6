//! Whether a request of an HTTP connection is worked on: such a connection is not cut off in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// See the top of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct AtWork(Arc<AtomicBool>);

impl AtWork {
    pub(crate) fn set(&self, works: bool) {
        self.0.store(works, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
