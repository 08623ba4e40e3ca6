//! The HTTP API for backends. Whoever holds a key may do in every room what its endpoints do; nobody else gets past the
//! first look at a request.
//!
//! | file | what it holds |
//! |---|---|
//! | `routes` | what is answered where, and who gets that far |
//! | `keys` | the keys, and their file |
//! | `request` | what a request brings: body, parameters |
//! | `answer`, `problem` | what it is answered; when something is wrong |
//! | `redis` | asking Redis |
//! | `messages` | publishing, and reading back |
//! | `rooms` | a room and its members |
//! | `unread` | what waits for one uid in many rooms |
//! | `bans` | who is banned |
//! | `figures` | what is counted |

mod answer;
mod bans;
pub(crate) mod figures;
pub(crate) mod keys;
mod messages;
mod problem;
mod redis;
mod request;
mod rooms;
pub(crate) mod routes;
mod unread;

use crate::bans::Banned;
use crate::clerk::Calls;
use crate::config::Config;
use figures::Figures;
use keys::Keys;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What all requests share.
pub(crate) struct Api {
    keys: Arc<Keys>,
    calls: Calls,
    banned: Arc<Banned>,
    figures: Figures,
    /// A place for each request that is worked on.
    places: Arc<Semaphore>,
    many: u32,
    key_prefix: String,
    /// The largest body, message, and page.
    max_body: usize,
    max_event: usize,
    page: usize,
    /// How long the body may take to come, and all of it.
    body_timeout: Duration,
    timeout: Duration,
}

impl Api {
    pub(crate) fn new(
        config: &Config,
        keys: Arc<Keys>,
        calls: Calls,
        banned: Arc<Banned>,
        figures: Figures,
    ) -> Self {
        let many = config.api.api_requests;
        Self {
            keys,
            calls,
            banned,
            figures,
            places: Arc::new(Semaphore::new(many as usize)),
            many,
            key_prefix: config.redis.key_prefix.clone(),
            max_body: config.api.api_body,
            max_event: config.limits.max_event,
            page: config.service.outbox / 2,
            body_timeout: config.patience.handshake_timeout,
            timeout: config.api.api_timeout,
        }
    }

    /// Returns when nothing is worked on; nothing new is begun then.
    pub(crate) async fn finish(&self) {
        if let Ok(all) = self.places.acquire_many(self.many).await {
            all.forget();
        }
    }
}
