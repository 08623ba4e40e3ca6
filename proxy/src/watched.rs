//! A small file of secrets that is read again when it changes; one that cannot be used changes nothing.

use crate::contents;
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{info, warn};

const MAX_BYTES: usize = 128 * 1024;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reads a file; the sentence that says what is wrong with it.
type Parse<T> = fn(&[u8]) -> Result<Vec<T>, String>;

/// See the top of the file. It holds a list of them.
pub(crate) struct Watched<T> {
    path: PathBuf,
    /// What they are, for the log.
    what: &'static str,
    parse: Parse<T>,
    current: Mutex<Arc<[T]>>,
    /// As the file was read last, good or not.
    seen: Mutex<Result<Vec<u8>, String>>,
}

impl<T: Send + Sync + 'static> Watched<T> {
    /// Reads the file of an option.
    ///
    /// # Errors
    /// With a sentence, if it cannot be used.
    pub(crate) fn open(
        option: &str,
        path: &Path,
        what: &'static str,
        parse: Parse<T>,
    ) -> Result<Self, String> {
        let content = read(path);
        let wrong = |why: String| format!("{option}: {}: {why}", path.display());
        let all = content.clone().and_then(|content| parse(&content));
        let all = all.map_err(wrong)?;
        info!(many = all.len(), what, "read");
        Ok(Self {
            path: path.to_owned(),
            what,
            parse,
            current: Mutex::new(all.into()),
            seen: Mutex::new(content),
        })
    }

    /// What is there now.
    pub(crate) fn current(&self) -> Arc<[T]> {
        self.current.lock().clone()
    }

    /// Reads the file if it has changed.
    pub(crate) fn look(&self) {
        if contents::is_read_once(&self.path) {
            return;
        }
        let content = read(&self.path);
        {
            let mut seen = self.seen.lock();
            if *seen == content {
                return;
            }
            seen.clone_from(&content);
        }
        let (place, what) = (self.path.display(), self.what);
        match content.and_then(|content| (self.parse)(&content)) {
            Ok(all) => {
                info!(many = all.len(), what, "read");
                *self.current.lock() = all.into();
            }
            Err(why) => {
                warn!(%place, what, why, "the file cannot be used: what was read last stays")
            }
        }
    }

    /// Looks at the file for ever.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            sleep(LOOK_EVERY).await;
            // A disk that does not answer holds nobody up.
            let this = self.clone();
            let _ = spawn_blocking(move || this.look()).await;
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    contents::read(path, MAX_BYTES).map_err(|error| error.to_string())
}
