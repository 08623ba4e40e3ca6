//! What is counted of the webhook.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Labels = [(&'static str, &'static str); 1];

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
    redis_refused: Family<Labels, Counter>,
}

impl Figures {
    /// Calls of this command that Redis refused.
    pub(super) fn redis_refused(&self, command: &'static str) -> Counter {
        self.redis_refused
            .get_or_create_owned(&[("command", command)])
    }

    pub(crate) fn register(&self, all: &mut Registry) {
        let (name, help) = (
            "roomcast_webhook_failing",
            "1 while the receiver of the webhook fails",
        );
        all.register(name, help, self.failing.clone());
        let (name, help) = (
            "roomcast_webhook_redis_refused",
            "Commands of the webhook's worker that Redis refused, by command: what its user may not do is told of nobody",
        );
        all.register(name, help, self.redis_refused.clone());
        // Each is there before the first one.
        for command in ["ROOM.WAITING", "ROOM.PENDING", "ROOM.TOLD"] {
            self.redis_refused(command);
        }
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
