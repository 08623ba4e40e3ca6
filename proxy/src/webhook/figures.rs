//! What is counted of the webhook.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// See the top of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(super) told: Counter,
    pub(super) skipped: Counter,
    pub(super) posts: Counter,
    pub(super) failed: Counter,
    pub(super) refused: Counter,
    pub(super) given_up: Counter,
    pub(super) failing: Gauge,
}

impl Figures {
    pub(crate) fn register(&self, all: &mut Registry) {
        let (name, help) = (
            "roomcast_webhook_failing",
            "1 while the receiver of the webhook fails",
        );
        all.register(name, help, self.failing.clone());
        for (name, help, counter) in [
            (
                "roomcast_webhook_told",
                "Members of whose waiting mail the receiver was told",
                &self.told,
            ),
            (
                "roomcast_webhook_skipped",
                "Members who came back, acknowledged something or were banned before they were told of",
                &self.skipped,
            ),
            (
                "roomcast_webhook_posts",
                "Posts to the receiver of the webhook",
                &self.posts,
            ),
            (
                "roomcast_webhook_failed",
                "Posts that had no answer, or one that may pass (408, 429, 5xx, a redirect)",
                &self.failed,
            ),
            (
                "roomcast_webhook_refused",
                "Posts that the receiver refused by another 4xx",
                &self.refused,
            ),
            (
                "roomcast_webhook_given_up",
                "Members who were not told of within --webhook-give-up",
                &self.given_up,
            ),
        ] {
            all.register(name, help, counter.clone());
        }
    }
}
