//! What is counted of the API.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Labels = Vec<(&'static str, String)>;

/// See the top of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    requests: Family<Labels, Counter>,
    strangers: Counter,
    pub(super) busy: Counter,
    pub(super) under_way: Gauge,
    pub(super) messages: Counter,
    pub(super) unknown: Counter,
}

impl Figures {
    /// A request was answered; `route` is one of few.
    pub(super) fn answered(&self, route: &str, status: u16) {
        let labels = vec![("route", route.to_owned()), ("status", status.to_string())];
        self.requests.get_or_create(&labels).inc();
    }

    /// A request had no key, or a wrong one.
    pub(super) fn stranger(&self) {
        self.strangers.inc();
    }

    pub(crate) fn register(&self, all: &mut Registry) {
        let (name, help) = (
            "roomcast_api_requests",
            "Requests to the HTTP API that had a key, by route and status",
        );
        all.register(name, help, self.requests.clone());
        let (name, help) = (
            "roomcast_api_under_way",
            "Requests to the HTTP API that are worked on",
        );
        all.register(name, help, self.under_way.clone());
        for (name, help, counter) in [
            (
                "roomcast_api_refused",
                "Requests to the HTTP API without a key, or with a wrong one",
                &self.strangers,
            ),
            (
                "roomcast_api_busy",
                "Requests to the HTTP API refused with TOOFAST at --api-requests",
                &self.busy,
            ),
            (
                "roomcast_api_messages",
                "Messages that the HTTP API stored, repeats not counted",
                &self.messages,
            ),
            (
                "roomcast_api_unknown",
                "Questions of the HTTP API whose answer did not come: they may have been done",
                &self.unknown,
            ),
        ] {
            all.register(name, help, counter.clone());
        }
    }
}
