//! What connections ask: whether a token is good, by the keys that are known now.

use super::keys::Keys;
use super::source::Source;
use super::token::{Rules, look};
use crate::clock::unix_ms;
use crate::config::Config;
use crate::metrics::Metrics;
use hub_core::pass::{Pass, Refused, Token};
use hub_core::rights::Grants;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// See the top of the file.
pub(crate) struct Judge {
    source: Source,
    rules: Rules,
    metrics: Arc<Metrics>,
}

impl Judge {
    /// The one that the options want; none, if they name no key.
    ///
    /// # Errors
    /// With a sentence, if a key cannot be used.
    pub(crate) fn of(config: &Config, metrics: Arc<Metrics>) -> Result<Option<Self>, String> {
        if !config.has_key() {
            return Ok(None);
        }
        let rooms = config.tokens.default_rooms.as_deref();
        let rules = Rules {
            audiences: config.tokens.token_audience.clone(),
            issuers: config.tokens.token_issuer.clone(),
            leeway: config.tokens.token_leeway,
            rooms: rooms.map_or(Ok(Grants::default()), Grants::read)?,
        };
        let source = Source::open(&config.tokens.token_key)?;
        Ok(Some(Self {
            source,
            rules,
            metrics,
        }))
    }

    /// Looks at a token. It takes time only where its key has to be asked for.
    pub(crate) async fn look(&self, token: &Token) -> Result<Pass, Refused> {
        let keys = self.source.keys();
        let mut found = self.look_by(&keys, token);
        if found
            .as_ref()
            .is_err_and(|refused| *refused == Refused::NoKey)
        {
            if self.source.asks() {
                let new = self.source.ask_again().await;
                let now = self.source.keys();
                // By keys that are newer than it, it is judged for good.
                if new {
                    found = self.look_by(&now.for_good(), token);
                } else if !Arc::ptr_eq(&keys, &now) {
                    found = self.look_by(&now, token);
                }
            } else {
                found = Err(Refused::Bad("its key ('kid') is not known".to_owned()));
            }
        }
        if found.is_err() {
            self.metrics.tokens_refused.inc();
        }
        found
    }

    fn look_by(&self, keys: &Keys, token: &Token) -> Result<Pass, Refused> {
        look(keys, &self.rules, &token.0, unix_ms())
    }

    /// Keeps the keys fresh, for ever.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            self.source.ask_anyway().await;
            sleep(LOOK_EVERY).await;
            // A disk that does not answer holds nobody up.
            let this = self.clone();
            let _ = spawn_blocking(move || this.source.look_at_files()).await;
        }
    }
}
