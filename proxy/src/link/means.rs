//! What every pair of connections works with, whichever server it leads to.

use super::health::Link;
use super::identity::Identity;
use super::pairs::Pairs;
use crate::bans::Banned;
use crate::config::Config;
use crate::inbox::Inboxes;
use crate::metrics::Metrics;
use crate::said::Said;
use std::sync::Arc;
use std::time::Duration;

/// See the top of the file.
pub(crate) struct Means {
    pub(crate) link: Arc<Link>,
    pub(crate) pairs: Arc<Pairs>,
    pub(super) inboxes: Arc<Inboxes>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) banned: Arc<Banned>,
    pub(super) lease: Duration,
    /// How long an answer may take.
    pub(super) timeout: Duration,
    pub(super) identity: Identity,
    /// Redis refuses what a room needs.
    pub(super) refused: Said,
    /// A defect on request.
    pub(super) panics: bool,
}

impl Means {
    pub(crate) fn new(
        config: &Config,
        inboxes: Arc<Inboxes>,
        metrics: Arc<Metrics>,
        banned: Arc<Banned>,
    ) -> Self {
        Self {
            link: Arc::default(),
            pairs: Arc::default(),
            inboxes,
            metrics,
            banned,
            lease: config.redis.lease,
            timeout: config.redis.redis_timeout,
            identity: Identity::new(config.name.as_deref()),
            refused: Said::default(),
            panics: config.panics(),
        }
    }
}
