//! The admin port: `/metrics`, and beside it a page that shows what is in the rooms. Nothing here changes anything.
//!
//! | file | what it holds |
//! |---|---|
//! | `routes` | what is answered where |
//! | `guard` | who gets to see the page |
//! | `files` | the page |
//! | `views` | what it shows of a room, a member, a message |
//! | `state` | what it shows of this proxy |
//! | `scan` | the walk over all rooms, while somebody looks |
//! | `walk` | how far it is |
//! | `top` | the first few of many |
//! | `ask` | asking Redis |

mod ask;
mod files;
mod guard;
pub(crate) mod routes;
mod scan;
mod state;
mod top;
mod views;
mod walk;

use crate::api::keys::Keys;
use crate::bans::Banned;
use crate::clerk::Calls;
use crate::config::Config;
use crate::link::Link;
use crate::metrics::Metrics;
use ask::Asking;
use guard::Guard;
use scan::Scan;
use std::future::pending;
use std::sync::Arc;

/// What the port shares.
pub(crate) struct Admin {
    guard: Guard,
    keys: Option<Arc<Keys>>,
    asking: Asking,
    scan: Scan,
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    link: Arc<Link>,
    banned: Arc<Banned>,
}

impl Admin {
    /// `None` if nobody wants it.
    ///
    /// # Errors
    /// With a sentence, if its keys cannot be used.
    pub(crate) fn open(
        config: &Arc<Config>,
        calls: Calls,
        (metrics, link, banned): (Arc<Metrics>, Arc<Link>, Arc<Banned>),
    ) -> Result<Option<Arc<Self>>, String> {
        let Some(listen) = config.admin_listen else {
            return Ok(None);
        };
        let keys = config.admin.admin_key_file.as_deref();
        let keys = keys.map(|path| Keys::open("--admin-key-file", path, "keys for the admin page"));
        let keys = keys.transpose()?.map(Arc::new);
        let asking = Asking::new(calls, config);
        Ok(Some(Arc::new(Self {
            guard: Guard::new(listen.ip(), keys.clone()),
            keys,
            scan: Scan::new(asking.clone()),
            asking,
            config: config.clone(),
            metrics,
            link,
            banned,
        })))
    }

    /// Walks over the rooms while somebody looks, and looks at the file of keys; for ever.
    pub(crate) async fn work(&self) {
        let watching = async {
            match &self.keys {
                Some(keys) => keys.watch().await,
                None => pending().await,
            }
        };
        tokio::join!(self.scan.run(), watching);
    }
}
