//! Every number that the proxy counts.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | those that are counted where it happens, and all of them as text |
//! | `rooms` | what the workers' rooms count |
//! | `spread` | how long things took |
//! | `memory` | what the allocator tells of itself |
//! | `process` | what the system tells of this program |

mod memory;
mod process;
mod rooms;
mod spread;

use crate::api::figures::Figures as OfApi;
use crate::conn::patience::GivenUp;
use crate::webhook::figures::Figures as OfWebhook;
use hub_core::Figures;
use memory::Allocated;
use parking_lot::Mutex;
use process::OfProcess;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use rooms::OfRooms;
use spread::RoundTrips;
use std::sync::Arc;

/// See the top of the file. What rooms count is added up when it is asked for.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    registry: Registry,
    workers: Vec<Arc<Mutex<Figures>>>,
    pub(crate) api: OfApi,
    pub(crate) webhook: OfWebhook,
    pub(crate) connections: Gauge,
    pub(crate) refused: Counter,
    pub(crate) refused_address: Counter,
    pub(crate) tls_failed: Counter,
    pub(crate) requests_unfinished: Counter,
    pub(crate) redis_up: Gauge,
    pub(crate) redis_lost: Counter,
    pub(crate) round_trips: RoundTrips,
    pub(crate) slots_nowhere: Gauge,
    node_up: Family<Labels, Gauge>,
    node_slots: Family<Labels, Gauge>,
    pub(crate) sentinels: Gauge,
    pub(crate) sentinels_reachable: Gauge,
    pub(crate) sentinel_switches: Counter,
    pub(crate) events: Counter,
    pub(crate) bad_events: Counter,
    dead: Counter,
    unread: Counter,
    unfinished: Counter,
    no_login: Counter,
    pub(crate) pauses: Counter,
    pub(crate) slowdowns: Counter,
    pub(crate) busy: Counter,
    pub(crate) floods: Counter,
    pub(crate) queued: Counter,
    pub(crate) too_fast_connection: Counter,
    pub(crate) too_fast_uid: Counter,
    pub(crate) tokens_refused: Counter,
    pub(crate) bans: Gauge,
    pub(crate) bans_left_out: Gauge,
}

type Labels = Vec<(&'static str, String)>;

/// A node of a cluster.
pub(crate) struct OfNode {
    pub(crate) node: String,
    pub(crate) linked: bool,
    pub(crate) slots: i64,
}

impl Metrics {
    /// The nodes that there are now.
    pub(crate) fn nodes(&self, nodes: impl Iterator<Item = OfNode>) {
        self.node_up.clear();
        self.node_slots.clear();
        for of in nodes {
            let labels = vec![("node", of.node)];
            let up = self.node_up.get_or_create(&labels);
            up.set(of.linked.into());
            self.node_slots.get_or_create(&labels).set(of.slots);
        }
    }

    /// With what each worker counts.
    pub(crate) fn new(workers: Vec<Arc<Mutex<Figures>>>) -> Self {
        let mut new = Self {
            workers: workers.clone(),
            ..Self::default()
        };
        let all = &mut new.registry;
        let (name, help) = ("connections", "Open WebSocket connections");
        registered(all, name, help, &new.connections);
        let (name, help) = (
            "connections_refused",
            "Requests refused at the door (their origin, host, or a reverse proxy before it), at --max-connections, or for want of file descriptors",
        );
        registered(all, name, help, &new.refused);
        let (name, help) = (
            "connections_refused_by_address",
            "Connections closed at --max-per-address before they were read",
        );
        registered(all, name, help, &new.refused_address);
        let (name, help) = (
            "tls_failed",
            "Connections closed because the handshake of TLS failed, had no end within --handshake-timeout, or was plain HTTP",
        );
        registered(all, name, help, &new.tls_failed);
        let (name, help) = (
            "requests_unfinished",
            "Connections closed because no request was there within --handshake-timeout, or at --http-timeout",
        );
        registered(all, name, help, &new.requests_unfinished);
        let (name, help) = ("redis_up", "1 while Redis is connected");
        registered(all, name, help, &new.redis_up);
        let (name, help) = ("redis_lost", "Times that the connection to Redis was lost");
        registered(all, name, help, &new.redis_lost);
        let (name, help) = (
            "redis_round_trip_seconds",
            "From handing a command to the connection to Redis until its answer is read",
        );
        registered(all, name, help, &new.round_trips.0);
        let (name, help) = (
            "redis_slots_nowhere",
            "Slots of the cluster whose owner is not connected",
        );
        registered(all, name, help, &new.slots_nowhere);
        let (name, help) = (
            "redis_node_up",
            "1 while this node of the cluster is connected",
        );
        registered(all, name, help, &new.node_up);
        let (name, help) = (
            "redis_node_slots",
            "Slots that this node of the cluster owns",
        );
        registered(all, name, help, &new.node_slots);
        new.register_sentinels();
        let all = &mut new.registry;
        let (name, help) = ("events", "Events from clients");
        registered(all, name, help, &new.events);
        let (name, help) = (
            "bad_events",
            "Events from clients that were refused before they came to a room",
        );
        registered(all, name, help, &new.bad_events);
        let (name, help) = (
            "dead_connections",
            "Connections closed without a sign of life",
        );
        registered(all, name, help, &new.dead);
        let (name, help) = (
            "unread_connections",
            "Connections closed at --write-timeout: nothing was read of what waited",
        );
        registered(all, name, help, &new.unread);
        let (name, help) = (
            "unfinished_messages",
            "Connections closed at --message-timeout: a message had no end",
        );
        registered(all, name, help, &new.unfinished);
        let (name, help) = (
            "logins_missed",
            "Connections closed at --login-timeout: nobody logged in",
        );
        registered(all, name, help, &new.no_login);
        new.register_budgets();
        let all = &mut new.registry;
        let (name, help) = ("tokens_refused", "Tokens that were not taken");
        registered(all, name, help, &new.tokens_refused);
        registered(all, "bans", "Bans that are enforced", &new.bans);
        let (name, help) = (
            "bans_left_out",
            "Entries of roomcast:bans that are not enforced: beyond --max-bans, or not understood",
        );
        registered(all, name, help, &new.bans_left_out);
        new.api.register(all);
        new.webhook.register(all);
        all.register_collector(Box::new(OfRooms(workers)));
        all.register_collector(Box::new(Allocated));
        all.register_collector(Box::new(OfProcess));
        let version = ("version", env!("CARGO_PKG_VERSION"));
        let build = Info::new(vec![version]);
        all.register("roomcast_build", "Which build this is", build);
        new
    }

    /// Rooms and seats that there are now; nothing else.
    pub(crate) fn rooms(&self) -> Figures {
        let mut all = Figures::default();
        for worker in &self.workers {
            let figures = *worker.lock();
            all.rooms += figures.rooms;
            all.seats += figures.seats;
        }
        all
    }

    /// Without an address of sentinels they are 0.
    fn register_sentinels(&mut self) {
        let all = &mut self.registry;
        let (name, help) = ("sentinels", "Sentinels that --redis names");
        registered(all, name, help, &self.sentinels);
        let (name, help) = ("sentinels_reachable", "Sentinels that answer");
        registered(all, name, help, &self.sentinels_reachable);
        let (name, help) = (
            "sentinel_switches",
            "Times that a sentinel named another primary than before; each of them counts",
        );
        registered(all, name, help, &self.sentinel_switches);
    }

    /// What was done about those who cost more than they may.
    fn register_budgets(&mut self) {
        let all = &mut self.registry;
        for (name, help, counter) in [
            (
                "pauses",
                "Times that reading a connection paused: it was above --max-rate, --work-per-address or --work-per-uid",
                &self.pauses,
            ),
            (
                "slowdowns",
                "SLOWDOWN errors that connections above their budget were sent",
                &self.slowdowns,
            ),
            (
                "busy_connections",
                "Connections closed at --busy-timeout (4005): they stayed above their budget",
                &self.busy,
            ),
            (
                "floods",
                "Connections closed for good (4100): their uid was above its budget again and again",
                &self.floods,
            ),
            (
                "connections_queued",
                "Connections that waited before they were read: their address was at --work-per-address",
                &self.queued,
            ),
            (
                "too_fast_connection",
                "Messages and events refused with TOOFAST at --publish-bytes-per-connection",
                &self.too_fast_connection,
            ),
            (
                "too_fast_uid",
                "Messages and events refused with TOOFAST at --publish-bytes-per-uid",
                &self.too_fast_uid,
            ),
        ] {
            registered(all, name, help, counter);
        }
    }

    /// The one for what a connection was given up for.
    pub(crate) const fn given_up(&self, why: GivenUp) -> &Counter {
        match why {
            GivenUp::Silent => &self.dead,
            GivenUp::Unread => &self.unread,
            GivenUp::Unfinished => &self.unfinished,
            GivenUp::NoLogin => &self.no_login,
        }
    }

    /// All of them in the text format of OpenMetrics, which Prometheus reads.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

fn registered<M>(registry: &mut Registry, name: &str, help: &str, metric: &M)
where
    M: prometheus_client::registry::Metric + Clone,
{
    registry.register(format!("roomcast_{name}"), help, metric.clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn numbers_of_all_workers_are_added_up() {
        let figures = |rooms| {
            Arc::new(Mutex::new(Figures {
                rooms,
                acked: 10 * rooms,
                ..Figures::default()
            }))
        };
        let metrics = Metrics::new(vec![figures(1), figures(2)]);
        metrics.events.inc();
        let text = metrics.text();
        for line in [
            "roomcast_rooms 3",
            "roomcast_acked_total 30",
            "roomcast_events_total 1",
            "roomcast_redis_up 0",
            concat!(
                "roomcast_build_info{version=\"",
                env!("CARGO_PKG_VERSION"),
                "\"} 1"
            ),
            "# TYPE roomcast_acked counter",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}: {text}");
        }
    }

    #[test]
    fn times_are_in_seconds_by_class() {
        let mut figures = Figures::default();
        for ms in [1, 3, 40_000] {
            figures.caught_up.took(ms);
        }
        let figures = Arc::new(Mutex::new(figures));
        let metrics = Metrics::new(vec![figures.clone(), figures]);
        metrics.round_trips.took(Duration::from_micros(300));
        let text = metrics.text();
        for line in [
            "# TYPE roomcast_catch_up_seconds histogram",
            "roomcast_catch_up_seconds_sum 80.008",
            "roomcast_catch_up_seconds_count 6",
            "roomcast_catch_up_seconds_bucket{le=\"0.001\"} 2",
            "roomcast_catch_up_seconds_bucket{le=\"0.002\"} 2",
            "roomcast_catch_up_seconds_bucket{le=\"0.005\"} 4",
            "roomcast_catch_up_seconds_bucket{le=\"30.0\"} 4",
            "roomcast_catch_up_seconds_bucket{le=\"+Inf\"} 6",
            "roomcast_publish_to_socket_seconds_count 0",
            "roomcast_redis_round_trip_seconds_bucket{le=\"0.00025\"} 0",
            "roomcast_redis_round_trip_seconds_bucket{le=\"0.0005\"} 1",
            "roomcast_redis_round_trip_seconds_bucket{le=\"+Inf\"} 1",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}: {text}");
        }
    }

    #[test]
    fn what_the_system_says_is_true() {
        let text = Metrics::new(Vec::new()).text();
        let value = |name: &str| {
            let mut lines = text.lines();
            let found = lines.find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            found.unwrap_or_else(|| panic!("{name}: {text}"))
        };
        let now = crate::clock::unix_ms() as f64 / 1000.0;
        let started = value("process_start_time_seconds ");
        assert!(started <= now + 1.0 && now - started < 3600.0, "{started}");
        assert!(value("process_cpu_seconds_total ") < 3600.0);
        let (resident, virtually) = (
            value("process_resident_memory_bytes "),
            value("process_virtual_memory_bytes "),
        );
        assert!(resident > 1e6 && resident <= virtually, "{resident}");
        let open = value("process_open_fds ");
        assert!(open >= 3.0 && open <= value("process_max_fds "), "{open}");
    }
}
