//! The latency: messages at a steady rate in one room, stamped with the moment at which they were due, so that a server
//! (or a publisher) that falls behind cannot hide it.

use super::person::{People, message};
use super::speaker::Publish;
use super::stack::Stack;
use super::{Options, Peer, attempt, cannot, grows_to, progress};
use crate::crowd::{Crowd, now_us};
use crate::figures::at;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::{Duration, Instant};

const CENTRIFUGO: &str = "Centrifugo 6";
const ROOMCAST: &str = "Roomcast";
/// The search for Centrifugo's limit: the first rate, the factor between two, seconds for each.
const SEARCH: (f64, f64, u64) = (50.0, 1.25, 3);
/// The rate if Centrifugo cannot be had.
const OTHERWISE: f64 = 100.0;
/// How much may be delivered later than a window's end, and still in it.
const GRACE: Duration = Duration::from_millis(200);
/// Messages that are sent together at most.
const TOGETHER: u64 = 1000;

/// A peer with its clients.
struct Room {
    stack: Stack,
    crowd: Crowd,
    people: Arc<People>,
    publisher: Box<dyn Publish>,
    next: u64,
}

/// What a window of time showed. Processor time is a share of one core.
struct Window {
    rate: f64,
    delivered: f64,
    p50_ms: f64,
    p99_ms: f64,
    server: f64,
    store: Option<f64>,
    clients: f64,
}

impl Window {
    fn keeps_up(&self) -> bool {
        self.delivered >= 0.95 && self.p99_ms <= 1000.0
    }
}

pub(super) fn run(options: &Options, peers: &[Box<dyn Peer>]) -> Value {
    let searched = match options.rate {
        Some(rate) => Ok(rate * 2.0),
        None => {
            let centrifugo = super::centrifugo::Centrifugo;
            attempt(|| limit(options, &centrifugo))
        }
    };
    let rate = searched.as_ref().map_or(OTHERWISE, |limit| limit / 2.0);
    println!(
        "\n{} clients in one room, {rate:.0} messages a second for {} s",
        options.subscribers, options.seconds
    );
    match (&searched, options.rate) {
        (_, Some(_)) => {}
        (Ok(limit), _) => println!("(Centrifugo keeps up with {limit:.0} a second at most)"),
        (Err(why), _) => println!("(Centrifugo's limit is unknown: {why})"),
    }
    println!(
        "\n{:<15} {:>11} {:>10} {:>10} {:>9} {:>9} {:>11}",
        "", "delivered %", "p50 ms", "p99 ms", "CPU %", "Redis %", "clients %"
    );
    let mut rows: Vec<Value> = Vec::new();
    for peer in peers {
        let window = attempt(|| {
            let mut room = open(options, &**peer)?;
            progress(&**peer, &format!("{rate:.0} messages a second"));
            room.measure(rate, 2)?;
            room.measure(rate, options.seconds)
        });
        rows.push(match window {
            Ok(window) => show(&**peer, &window),
            Err(why) => cannot(&**peer, &why),
        });
    }
    let limit = searched.ok().filter(|_| options.rate.is_none());
    json!({
        "subscribers": options.subscribers, "rate": rate, "centrifugo_limit": limit,
        "ours_over_centrifugo": ratios(&rows), "rows": rows,
    })
}

/// The highest rate at which it keeps up.
fn limit(options: &Options, peer: &dyn Peer) -> Result<f64, String> {
    let mut room = open(options, peer)?;
    let (mut rate, factor, seconds) = SEARCH;
    let mut kept = None;
    room.measure(rate, 1)?;
    loop {
        let mut window = room.measure(rate, seconds);
        // A second try: another program may have had the processor.
        if !window.as_ref().is_ok_and(Window::keeps_up) {
            window = room.measure(rate, seconds);
        }
        let Ok(window) = window else { break };
        let line = format!(
            "{rate:.0} messages a second: {:.1} % delivered, p99 {:.1} ms, server {:.0} %, clients {:.0} %",
            window.delivered * 100.0,
            window.p99_ms,
            window.server * 100.0,
            window.clients * 100.0
        );
        progress(peer, &line);
        if !window.keeps_up() {
            break;
        }
        kept = Some(rate);
        rate *= factor;
    }
    kept.ok_or_else(|| format!("it does not keep up with {rate:.0} messages a second"))
}

fn open(options: &Options, peer: &dyn Peer) -> Result<Room, String> {
    progress(
        peer,
        &format!("starts, {} clients come", options.subscribers),
    );
    let stack = peer.start(1)?;
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
    Ok(Room {
        stack,
        crowd,
        people,
        publisher,
        next: 1,
    })
}

impl Room {
    fn measure(&mut self, rate: f64, seconds: u64) -> Result<Window, String> {
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
            rate,
            delivered: delivered as f64 / (total * self.subscribers()) as f64,
            p50_ms: f64::NAN,
            p99_ms: f64::NAN,
            server: share(self.stack.server().cpu() - server),
            store: self
                .stack
                .store()
                .zip(store)
                .map(|(now, then)| share(now.cpu() - then)),
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

fn show(peer: &dyn Peer, window: &Window) -> Value {
    println!(
        "{:<15} {:>11.1} {:>10.2} {:>10.2} {:>9.1} {:>9} {:>11.1}",
        peer.name(),
        window.delivered * 100.0,
        window.p50_ms,
        window.p99_ms,
        window.server * 100.0,
        window
            .store
            .map_or("-".into(), |share| format!("{:.1}", share * 100.0)),
        window.clients * 100.0
    );
    json!({
        "peer": peer.name(), "rate": window.rate, "delivered": window.delivered, "p50_ms": window.p50_ms,
        "p99_ms": window.p99_ms, "server_cpu": window.server, "store_cpu": window.store,
        "clients_cpu": window.clients, "keeps_up": window.keeps_up(),
    })
}

/// Ours by Centrifugo's, if both were measured.
fn ratios(rows: &[Value]) -> Value {
    let row = |name: &str| rows.iter().find(|row| row["peer"] == name);
    let (Some(ours), Some(theirs)) = (row(ROOMCAST), row(CENTRIFUGO)) else {
        return Value::Null;
    };
    let ratio = |field: &str| Some(ours[field].as_f64()? / theirs[field].as_f64()?);
    let fields = ["p50_ms", "p99_ms", "server_cpu", "store_cpu"];
    let ratios: Vec<_> = fields.iter().map(|field| (*field, ratio(field))).collect();
    let text: Vec<String> = ratios
        .iter()
        .filter_map(|(field, ratio)| Some(format!("{field} {:.2}", (*ratio)?)))
        .collect();
    println!("\nRoomcast by Centrifugo: {}", text.join(", "));
    json!(std::collections::BTreeMap::from_iter(ratios))
}
