//! One room at a steady rate: each message is stamped with the moment at which it was due, so that a server (or a
//! publisher) that falls behind cannot hide it.

use super::person::{People, message};
use super::speaker::Publish;
use super::stack::Stack;
use super::{Options, Peer, grows_to, progress, start};
use crate::crowd::{Crowd, now_us};
use crate::figures::at;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How much may be delivered later than a window's end, and still in it.
const GRACE: Duration = Duration::from_millis(200);
/// Messages that are sent together at most.
const TOGETHER: u64 = 1000;

/// A peer with its clients.
pub(super) struct Room {
    stack: Stack,
    crowd: Crowd,
    people: Arc<People>,
    publisher: Box<dyn Publish>,
    next: u64,
}

/// What a window of time showed. Processor time is a share of one core.
pub(super) struct Window {
    pub(super) delivered: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) server: f64,
    /// No number where there is no Redis.
    pub(super) store: f64,
    pub(super) clients: f64,
}

impl Window {
    pub(super) fn keeps_up(&self) -> bool {
        self.delivered >= 0.95 && self.p99_ms <= 1000.0
    }
}

impl Room {
    pub(super) fn open(options: &Options, peer: &dyn Peer) -> Result<Self, String> {
        progress(
            peer,
            &format!("starts, {} clients come", options.subscribers),
        );
        let stack = start(peer, 1)?;
        let publisher = peer
            .publisher(stack.port())
            .map_err(|error| format!("its publisher fails: {error}"))?;
        let people = Arc::new(People::new(peer.protocol(), options.subscribers));
        let crowd = Crowd::new();
        crowd.send_in(stack.port(), options.subscribers, false, &people);
        let wanted = options.subscribers as u64;
        let (ready, _) = grows_to(wanted, Duration::from_secs(60), || {
            crowd.counts.ready.load(Relaxed)
        });
        if ready < wanted {
            return Err(format!("only {ready} of {wanted} clients got in"));
        }
        Ok(Self {
            stack,
            crowd,
            people,
            publisher,
            next: 1,
        })
    }

    /// Publishes at this rate for so long.
    pub(super) fn measure(&mut self, rate: f64, seconds: u64) -> Result<Window, String> {
        let came = |room: &Self| room.crowd.counts.messages.load(Relaxed);
        self.people.take_latencies();
        let (before, own) = (came(self), own_cpu());
        let server = self.stack.server().cpu();
        let store = self.stack.store().map(|store| store.cpu());
        let began = Instant::now();
        let total = (rate * seconds as f64) as u64;
        self.publish(rate, total)?;
        let end = began + Duration::from_secs(seconds);
        sleep((end + GRACE).saturating_duration_since(Instant::now()));
        let delivered = came(self) - before;
        let time = began.elapsed().as_secs_f64();
        let share = |cpu: Duration| cpu.as_secs_f64() / time;
        let mut window = Window {
            delivered: delivered as f64 / (total * self.subscribers()) as f64,
            p50_ms: f64::NAN,
            p99_ms: f64::NAN,
            server: share(self.stack.server().cpu() - server),
            store: self
                .stack
                .store()
                .zip(store)
                .map_or(f64::NAN, |(now, then)| share(now.cpu() - then)),
            clients: share(own_cpu() - own),
        };
        // The rest counts for the percentiles, and must not disturb what is measured next.
        let missing = total * self.subscribers() + before;
        grows_to(missing, Duration::from_secs(3), || came(self));
        let micros = at(self.people.take_latencies(), [0.5, 0.99]);
        [window.p50_ms, window.p99_ms] = micros.map(|micros| micros / 1000.0);
        Ok(window)
    }

    fn subscribers(&self) -> u64 {
        self.people.many() as u64
    }

    /// Publishes each message when it is due; those that are due already, together.
    fn publish(&mut self, rate: f64, total: u64) -> Result<(), String> {
        let (began, began_us) = (Instant::now(), now_us());
        let due = |one: u64| one as f64 / rate;
        let mut sent = 0;
        while sent < total {
            let time = began.elapsed().as_secs_f64();
            let upto = ((time * rate) as u64 + 1).min(total).min(sent + TOGETHER);
            if upto <= sent {
                sleep(Duration::from_secs_f64((due(sent) - time).max(0.0)));
                continue;
            }
            let messages: Vec<String> = (sent..upto)
                .map(|one| message(self.next + one, began_us + (due(one) * 1e6) as u64))
                .collect();
            self.publisher
                .publish(&messages)
                .map_err(|error| format!("its publisher fails: {error}"))?;
            sent = upto;
        }
        self.next += total;
        Ok(())
    }
}

/// Processor time of this program: its clients and its publisher.
fn own_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").expect("a file of this process");
    // Behind the name: the 14th and the 15th field, in hundredths of a second.
    let fields = text.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks = ticks.filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}
