//! How long things took, as histograms.

use hub_core::spread::{ENDS, Spread};
use prometheus_client::encoding::{MetricEncoder, NoLabelSet};
use prometheus_client::metrics::histogram::Histogram;
use std::fmt;
use std::time::Duration;

/// Where classes of round trips end, in seconds: on one machine they take a tenth of a millisecond, far away a quarter of a second.
const ROUND_TRIPS: [f64; 15] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// From a command until its answer.
#[derive(Clone, Debug)]
pub(crate) struct RoundTrips(pub(super) Histogram);

impl Default for RoundTrips {
    fn default() -> Self {
        Self(Histogram::new(ROUND_TRIPS))
    }
}

impl RoundTrips {
    pub(crate) fn took(&self, time: Duration) {
        self.0.observe(time.as_secs_f64());
    }
}

/// Writes what rooms counted as a histogram in seconds.
pub(super) fn encode(spread: &Spread, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
    let ends = ENDS.iter().map(|ms| *ms as f64 / 1000.0);
    let ends = ends.chain([f64::INFINITY]);
    let classes: Vec<(f64, u64)> = ends.zip(spread.times).collect();
    let count = spread.times.iter().sum();
    encoder.encode_histogram::<NoLabelSet>(spread.sum as f64 / 1000.0, count, &classes, None)
}
