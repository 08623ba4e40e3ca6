//! What the allocator of `roomcast-proxy` tells of itself.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use tikv_jemalloc_ctl::{epoch, stats};

/// Bytes in use, as a metric. In programs that have another allocator it is about nothing.
#[derive(Debug)]
pub(crate) struct Allocated;

impl Collector for Allocated {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        // The numbers are those of the moment when this is set.
        let read = epoch::advance().and_then(|_| stats::allocated::read());
        let Ok(bytes) = read else {
            return Ok(());
        };
        let gauge = ConstGauge::new(i64::try_from(bytes).unwrap_or(i64::MAX));
        let help = "Bytes of memory in use; what is resident beyond them is the allocator's, and the program itself";
        let name = "roomcast_allocated_bytes";
        gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
    }
}
