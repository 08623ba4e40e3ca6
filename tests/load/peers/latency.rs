//! The latency: Centrifugo's limit is sought, then all are measured at half of it, in turns.

use super::steady::{Room, Window};
use super::{Options, Peer, attempt, cannot, progress};
use crate::figures::median;
use serde_json::{Value, json};

const CENTRIFUGO: &str = "Centrifugo 6";
const ROOMCAST: &str = "Roomcast";
/// The search for Centrifugo's limit: the first rate, the factor between two, seconds for each.
const SEARCH: (f64, f64, u64) = (50.0, 1.25, 3);
/// The rate if Centrifugo cannot be had.
const OTHERWISE: f64 = 100.0;
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
        "\n{} clients in one room, {rate:.0} messages a second for {} s, medians of {} rounds",
        options.subscribers, options.seconds, options.rounds
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
    // In turns, so that a noisy machine disturbs all alike.
    let mut rounds: Vec<Vec<Result<Window, String>>> = Vec::new();
    for round in 1..=options.rounds {
        let windows = peers
            .iter()
            .map(|peer| attempt(|| measure(options, &**peer, rate, round)));
        rounds.push(windows.collect());
    }
    let mut rows: Vec<Value> = Vec::new();
    for (at, peer) in peers.iter().enumerate() {
        let windows: Result<Vec<&Window>, _> =
            rounds.iter().map(|round| round[at].as_ref()).collect();
        rows.push(match windows {
            Ok(windows) => show(&**peer, &windows),
            Err(why) => cannot(&**peer, why),
        });
    }
    let limit = searched.ok().filter(|_| options.rate.is_none());
    json!({
        "subscribers": options.subscribers, "rate": rate, "centrifugo_limit": limit,
        "rounds": options.rounds,
        "ours_over_centrifugo": ratios(peers, &rounds), "rows": rows,
    })
}

fn measure(options: &Options, peer: &dyn Peer, rate: f64, round: usize) -> Result<Window, String> {
    let mut room = Room::open(options, peer)?;
    progress(peer, &format!("{rate:.0} messages a second, round {round}"));
    room.measure(rate, 2)?;
    room.measure(rate, options.seconds)
}

/// The highest rate at which it keeps up.
fn limit(options: &Options, peer: &dyn Peer) -> Result<f64, String> {
    let mut room = Room::open(options, peer)?;
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

/// The medians of its rounds.
fn show(peer: &dyn Peer, windows: &[&Window]) -> Value {
    let middle = |field: fn(&Window) -> f64| median(windows.iter().map(|window| field(window)));
    let (delivered, p50, p99) = (
        middle(|w| w.delivered),
        middle(|w| w.p50_ms),
        middle(|w| w.p99_ms),
    );
    let (server, store, clients) = (
        middle(|w| w.server),
        middle(|w| w.store),
        middle(|w| w.clients),
    );
    println!(
        "{:<15} {:>11.1} {p50:>10.2} {p99:>10.2} {:>9.1} {:>9} {:>11.1}",
        peer.name(),
        delivered * 100.0,
        server * 100.0,
        if store.is_nan() {
            "-".into()
        } else {
            format!("{:.1}", store * 100.0)
        },
        clients * 100.0
    );
    json!({
        "peer": peer.name(), "delivered": delivered, "p50_ms": p50, "p99_ms": p99, "server_cpu": server,
        "store_cpu": store, "clients_cpu": clients,
        "keeps_up": windows.iter().all(|window| window.keeps_up()),
    })
}

/// Ours by Centrifugo's: the median of the rounds' ratios, if both were measured.
fn ratios(peers: &[Box<dyn Peer>], rounds: &[Vec<Result<Window, String>>]) -> Value {
    let place = |name: &str| peers.iter().position(|peer| peer.name() == name);
    let (Some(ours), Some(theirs)) = (place(ROOMCAST), place(CENTRIFUGO)) else {
        return Value::Null;
    };
    let pairs: Vec<(&Window, &Window)> = rounds
        .iter()
        .filter_map(|round| Some((round[ours].as_ref().ok()?, round[theirs].as_ref().ok()?)))
        .collect();
    let ratio = |field: fn(&Window) -> f64| median(pairs.iter().map(|(a, b)| field(a) / field(b)));
    let (p50, p99) = (ratio(|w| w.p50_ms), ratio(|w| w.p99_ms));
    let (server, store) = (ratio(|w| w.server), ratio(|w| w.store));
    let both = ratio(|w| w.server + w.store);
    println!(
        "\nRoomcast by Centrifugo: p50 {p50:.2}, p99 {p99:.2}, server's CPU {server:.2}, Redis' {store:.2}, both {both:.2}"
    );
    json!({ "p50": p50, "p99": p99, "server_cpu": server, "store_cpu": store, "both_cpu": both })
}
