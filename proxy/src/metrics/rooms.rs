//! What the workers' rooms count.

use super::spread::encode;
use hub_core::Figures;
use hub_core::spread::Spread;
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::Arc;

/// What the workers' rooms count, added up.
#[derive(Debug)]
pub(super) struct OfRooms(pub(super) Vec<Arc<Mutex<Figures>>>);

impl Collector for OfRooms {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let each: Vec<Figures> = self.0.iter().map(|figures| *figures.lock()).collect();
        let sum = |of: fn(&Figures) -> u64| each.iter().map(of).sum::<u64>();
        for (name, help, of) in GAUGES {
            let gauge = ConstGauge::new(sum(*of) as i64);
            let name = format!("roomcast_{name}");
            gauge.encode(encoder.encode_descriptor(&name, help, None, gauge.metric_type())?)?;
        }
        for (name, help, of) in COUNTERS {
            let counter = ConstCounter::new(sum(*of));
            let name = format!("roomcast_{name}");
            counter.encode(encoder.encode_descriptor(
                &name,
                help,
                None,
                counter.metric_type(),
            )?)?;
        }
        for (name, help, of) in SPREADS {
            let none = Spread::default();
            let all = each.iter().fold(none, |all, figures| all.and(of(figures)));
            let name = format!("roomcast_{name}_seconds");
            encode(
                &all,
                encoder.encode_descriptor(&name, help, None, MetricType::Histogram)?,
            )?;
        }
        Ok(())
    }
}

type Spreads = (&'static str, &'static str, fn(&Figures) -> &Spread);

const SPREADS: &[Spreads] = &[
    (
        "publish_to_socket",
        "From Redis' time on a message until all connections in its room here that listen were handed it; of those that come meanwhile none is measured. By the clocks of both machines, in whole milliseconds",
        |f| &f.handed_out,
    ),
    (
        "catch_up",
        "From a login until its client was told that it has everything (synced), in whole milliseconds",
        |f| &f.caught_up,
    ),
];

type Of = (&'static str, &'static str, fn(&Figures) -> u64);

const GAUGES: &[Of] = &[
    (
        "rooms",
        "Rooms that somebody is or was just connected to.",
        |f| f.rooms,
    ),
    ("seats", "Connections in rooms.", |f| f.seats),
];

const COUNTERS: &[Of] = &[
    (
        "redis_ranges",
        "ROOM.RANGE reads for catch-ups and gaps.",
        |f| f.ranges,
    ),
    (
        "newcomers_refused",
        "Logins refused with TOOFAST: no members, at --memberships-per-uid or --memberships-per-address.",
        |f| f.strangers,
    ),
    (
        "too_fast_room",
        "Messages and events refused with TOOFAST at --publish-bytes-per-room.",
        |f| f.too_loud,
    ),
    ("frames", "Announcements from Redis.", |f| f.frames),
    (
        "frames_dropped",
        "Announcements that a room read from the log instead.",
        |f| f.dropped,
    ),
    (
        "gaps",
        "Times that a room's live frames did not follow and the log was read.",
        |f| f.gaps,
    ),
    (
        "resets",
        "Times that somebody's history was found to be another one.",
        |f| f.resets,
    ),
    (
        "lost_messages",
        "Messages that somebody was told are gone.",
        |f| f.lost,
    ),
    (
        "deliveries",
        "Writes of live messages to connections.",
        |f| f.deliveries,
    ),
    (
        "slow",
        "Times that a slow connection went back to the log at --outbox.",
        |f| f.slow,
    ),
    ("catchups", "Catch-ups that began.", |f| f.catchups),
    (
        "stepped",
        "Catch-ups that ended by stepping over to the live frames.",
        |f| f.stepped,
    ),
    (
        "pages_shared",
        "Pages of a catch-up that were in memory already.",
        |f| f.pages_shared,
    ),
    (
        "reads_waited",
        "Pages of logs, of history and of lists of members that waited for their turn (--catch-ups, --histories, --member-lists).",
        |f| f.waited,
    ),
    (
        "histories",
        "Pages of history that clients were sent.",
        |f| f.histories,
    ),
    ("acked", "Acknowledgements that Redis took.", |f| f.acked),
    (
        "acks_gathered",
        "Times that a room gathered what was confirmed for longer, beyond --acks-per-second.",
        |f| f.gathered,
    ),
    (
        "acks_asked_again",
        "Acknowledgements that Redis refused in passing.",
        |f| f.asked_again,
    ),
    (
        "moved",
        "Rooms that went from one server to another, or whose subscription a server ended.",
        |f| f.moved,
    ),
    (
        "redirected",
        "Questions of clients that one server sent on to another.",
        |f| f.redirected,
    ),
    (
        "relinked",
        "Rooms that were attached again after a reconnect.",
        |f| f.relinked,
    ),
];
