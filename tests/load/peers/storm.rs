//! The storm: everybody in a room loses the connection, messages are published meanwhile, everybody comes back.

use super::person::{People, message};
use super::{Loss, Options, Peer, attempt, cannot, grows_to, progress, start};
use crate::crowd::{Crowd, now_us};
use crate::figures::rss;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// After so long without anything new, nothing more will come.
const QUIET: Duration = Duration::from_secs(15);

/// What one storm showed.
struct Storm {
    rss: u64,
    publish: Duration,
    back: Duration,
    /// Clients that are in again.
    ready: u64,
    got: u64,
    twice: u64,
    late: u64,
    /// Clients that have everything.
    complete: u64,
    /// Clients to whom the server said that they miss nothing, if it says so at all.
    recovered: Option<u64>,
    server_cpu: Duration,
    store_cpu: Option<Duration>,
}

pub(super) fn run(options: &Options, peers: &[Box<dyn Peer>]) -> Value {
    println!(
        "\n{} clients in one room lose their connections, {} messages follow, all return\n\n\
         {:<15} {:<7} {:>8} {:>9} {:>8} {:>17} {:>6} {:>6} {:>6} {:>9} {:>10} {:>9} {:>9}",
        options.clients,
        options.missed,
        "",
        "server",
        "B/client",
        "publish s",
        "back s",
        "got of all",
        "lost",
        "twice",
        "late",
        "complete",
        "recovered",
        "CPU s",
        "Redis s"
    );
    let mut rows = Vec::new();
    for peer in peers {
        for loss in peer.losses() {
            rows.push(match attempt(|| storm(options, &**peer, *loss)) {
                Ok(storm) => show(options, &**peer, *loss, &storm),
                Err(why) => cannot(&**peer, &why),
            });
        }
    }
    rows.into()
}

fn storm(options: &Options, peer: &dyn Peer, loss: Loss) -> Result<Storm, String> {
    let clients = options.clients as u64;
    progress(peer, "starts");
    let mut stack = start(peer, 2)?;
    let empty = rss(stack.server());
    let failed = |error| format!("its publisher fails: {error}");
    let mut publisher = peer.publisher(stack.port()).map_err(failed)?;
    let people = Arc::new(People::new(peer.protocol(), options.clients));
    let crowd = Crowd::new();
    progress(peer, &format!("{clients} clients come"));
    crowd.send_in(stack.port(), options.clients, false, &people);
    let (ready, _) = grows_to(clients, QUIET * 4, || crowd.counts.ready.load(Relaxed));
    if ready < clients {
        return Err(format!("only {ready} of {clients} clients got in"));
    }
    publisher.publish(&[message(1, now_us())]).map_err(failed)?;
    let (got, _) = grows_to(clients, QUIET, || crowd.counts.messages.load(Relaxed));
    if got < clients {
        return Err(format!("only {got} of {clients} clients got a message"));
    }
    sleep(Duration::from_secs(3));
    let rss = rss(stack.server()).saturating_sub(empty) / clients;

    progress(
        peer,
        &format!("all are cut off, {} messages", options.missed),
    );
    drop(publisher);
    stack.move_on(loss == Loss::Killed);
    crowd.go();
    sleep(Duration::from_secs(1));
    let cpu = (stack.server().cpu(), stack.store().map(|store| store.cpu()));
    let mut publisher = peer.publisher(stack.port()).map_err(failed)?;
    let began = Instant::now();
    for n in 2..=options.missed + 1 {
        publisher.publish(&[message(n, now_us())]).map_err(failed)?;
    }
    let publish = began.elapsed();

    progress(peer, "all return");
    let crowd = Crowd::new();
    crowd.send_in(stack.port(), options.clients, true, &people);
    let all = clients * options.missed;
    // Who came back to nothing is back as well.
    let counts = &crowd.counts;
    let (_, back) = grows_to(all + clients, QUIET, || {
        counts.messages.load(Relaxed) + counts.ready.load(Relaxed)
    });
    Ok(Storm {
        rss,
        publish,
        back,
        ready: crowd.counts.ready.load(Relaxed),
        got: people.sum(|one| one.tally.got) - clients,
        twice: people.sum(|one| one.tally.twice),
        late: people.sum(|one| one.tally.late),
        complete: people.sum(|one| u64::from(one.tally.got == options.missed + 1)),
        recovered: people.recovered(),
        server_cpu: stack.server().cpu() - cpu.0,
        store_cpu: stack
            .store()
            .zip(cpu.1)
            .map(|(store, cpu)| store.cpu() - cpu),
    })
}

fn show(options: &Options, peer: &dyn Peer, loss: Loss, storm: &Storm) -> Value {
    let all = options.clients as u64 * options.missed;
    let loss = match loss {
        Loss::Killed => "killed",
        Loss::Cut => "lives",
    };
    let store = storm.store_cpu.map(|cpu| cpu.as_secs_f64());
    println!(
        "{:<15} {loss:<7} {:>8} {:>9.2} {:>8.2} {:>17} {:>6} {:>6} {:>6} {:>9} {:>10} {:>9.2} {:>9}",
        peer.name(),
        storm.rss,
        storm.publish.as_secs_f64(),
        storm.back.as_secs_f64(),
        format!("{}/{all}", storm.got),
        all - storm.got,
        storm.twice,
        storm.late,
        storm.complete,
        storm.recovered.map_or("-".into(), |many| many.to_string()),
        storm.server_cpu.as_secs_f64(),
        store.map_or("-".into(), |cpu| format!("{cpu:.2}")),
    );
    json!({
        "peer": peer.name(), "server": loss, "clients": options.clients, "missed": options.missed,
        "rss_per_connection": storm.rss, "publish_s": storm.publish.as_secs_f64(),
        "back_s": storm.back.as_secs_f64(), "back": storm.ready, "expected": all, "got": storm.got,
        "lost": all - storm.got, "twice": storm.twice, "late": storm.late, "complete": storm.complete,
        "recovered": storm.recovered, "server_cpu_s": storm.server_cpu.as_secs_f64(), "store_cpu_s": store,
    })
}
