//! Figures: quartiles, percentiles, what a process uses.

use harness::process::Process;
use std::fs;
use std::time::Duration;

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The values at these shares (0.5 is the median).
pub(crate) fn at<const N: usize>(mut values: Vec<f64>, shares: [f64; N]) -> [f64; N] {
    values.sort_by(f64::total_cmp);
    shares.map(|share| match values.len().checked_sub(1) {
        Some(last) => values[(last as f64 * share).round() as usize],
        None => f64::NAN,
    })
}

pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    at(values.into_iter().collect(), [0.5])[0]
}

/// Resident memory of a process, in bytes.
pub(crate) fn rss(process: &Process) -> u64 {
    let pages = fs::read_to_string(format!("/proc/{}/statm", process.pid())).ok();
    let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.expect("a running process") * 4096
}
