//! What the system tells of this program, under the names that Prometheus' own libraries use. It is asked when somebody looks.

use procfs::process::Process;
use procfs::{boot_time_secs, page_size, ticks_per_second};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::process::{Resource, getrlimit};
use std::fmt;

/// See the top of the file.
#[derive(Debug)]
pub(super) struct OfProcess;

struct Seen {
    cpu: f64,
    started: f64,
    resident: u64,
    virtually: u64,
    open: usize,
}

/// Where there is no /proc, nothing.
fn look() -> Option<Seen> {
    let process = Process::myself().ok()?;
    let stat = process.stat().ok()?;
    let ticks = ticks_per_second() as f64;
    Some(Seen {
        cpu: (stat.utime + stat.stime) as f64 / ticks,
        started: boot_time_secs().ok()? as f64 + stat.starttime as f64 / ticks,
        resident: stat.rss.saturating_mul(page_size()),
        virtually: stat.vsize,
        open: process.fd_count().ok()?,
    })
}

impl Collector for OfProcess {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(seen) = look() else {
            return Ok(());
        };
        let cpu = ConstCounter::new(seen.cpu);
        let (name, help) = ("process_cpu_seconds", "CPU time of this program");
        cpu.encode(encoder.encode_descriptor(name, help, None, cpu.metric_type())?)?;
        let most = getrlimit(Resource::Nofile).current;
        for (name, help, value) in [
            (
                "process_start_time_seconds",
                "When this program began, Unix time",
                seen.started,
            ),
            (
                "process_resident_memory_bytes",
                "Memory of this program that is resident",
                seen.resident as f64,
            ),
            (
                "process_virtual_memory_bytes",
                "Addresses that this program has taken",
                seen.virtually as f64,
            ),
            (
                "process_open_fds",
                "File descriptors that are open",
                seen.open as f64,
            ),
            (
                "process_max_fds",
                "File descriptors that may be open",
                most.map_or(f64::INFINITY, |most| most as f64),
            ),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
