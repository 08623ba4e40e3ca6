//! The same clients and the same work against what people would use instead: Centrifugo, Socket.IO, a Node server as
//! tutorials write it, NATS JetStream, Mosquitto; each set up as its own documentation recommends.
//!
//! | file | what it holds |
//! |---|---|
//! | `storm` | all connections drop, messages go on, all come back |
//! | `latency` | Centrifugo's limit, and all at half of it: how late, at what cost |
//! | `person` | what a client received, exactly |
//! | `speaker` | who publishes |
//! | `stack` | the servers |
//! | `steady` | one room at a steady rate |
//!
//! Every other file is one peer. One that cannot be had is reported as such.

pub(crate) mod centrifugo;
mod latency;
mod mosquitto;
mod nats;
pub(crate) mod person;
pub(crate) mod roomcast;
mod socketio;
mod speaker;
pub(crate) mod stack;
mod steady;
mod storm;
mod tutorial;

use person::Protocol;
use serde_json::{Value, json};
use speaker::Publish;
use stack::Stack;
use std::io;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Clients of the storm
    #[arg(long, default_value_t = 10_000)]
    clients: usize,
    /// Messages that each of them misses
    #[arg(long, default_value_t = 50)]
    missed: u64,
    /// Clients that the latency is measured with
    #[arg(long, default_value_t = 1000)]
    subscribers: usize,
    /// Messages a second for the latency; without it half of what Centrifugo can
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds of the latency's measurement
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Rounds of it, in which the peers take turns
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only peers whose names contain one of these
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only one of the two: storm or latency
    #[arg(long)]
    work: Option<String>,
}

/// What can be said of a peer without measuring.
pub(crate) struct Facts {
    /// How it is set up here, and how messages are published.
    setup: &'static str,
    /// Whether it keeps a queue for somebody who is away for days.
    queue: &'static str,
    order: &'static str,
    /// Who is told of a loss.
    loss: &'static str,
}

/// How clients lose their connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Their server is killed; they return to another one on the same Redis.
    Killed,
    /// Only the connections are cut.
    Cut,
}

/// One of the systems.
pub(crate) trait Peer {
    fn name(&self) -> &'static str;
    fn facts(&self) -> Facts;
    /// The losses that its storm is to show.
    fn losses(&self) -> &'static [Loss];
    /// Starts so many servers (one, if they do not share a store), or says why it cannot be had.
    fn start(&self, servers: usize) -> Result<Stack, String>;
    /// What its clients say and hear.
    fn protocol(&self) -> Box<dyn Protocol>;
    /// Who publishes by the server at this port. It comes before the first client.
    fn publisher(&self, port: u16) -> io::Result<Box<dyn Publish>>;
}

fn all() -> Vec<Box<dyn Peer>> {
    // Centrifugo first: its limit is the measure of the rate.
    vec![
        Box::new(centrifugo::Centrifugo),
        Box::new(roomcast::Roomcast),
        Box::new(socketio::SocketIo),
        Box::new(tutorial::Tutorial),
        Box::new(nats::Nats),
        Box::new(mosquitto::Mosquitto),
    ]
}

pub(crate) fn run(options: &Options) -> Value {
    let mut peers = all();
    if !options.only.is_empty() {
        let only: Vec<String> = options
            .only
            .iter()
            .map(|name| name.to_lowercase())
            .collect();
        peers.retain(|peer| {
            let name = peer.name().to_lowercase();
            only.iter().any(|wanted| name.contains(wanted))
        });
    }
    let wants = |work: &str| options.work.as_deref().is_none_or(|only| only == work);
    print_facts(&peers);
    let mut figures = json!({ "peers": facts(&peers) });
    if wants("storm") {
        figures["storm"] = storm::run(options, &peers);
    }
    if wants("latency") {
        figures["latency"] = latency::run(options, &peers);
    }
    figures
}

fn facts(peers: &[Box<dyn Peer>]) -> Value {
    let rows = peers.iter().map(|peer| {
        let Facts {
            setup,
            queue,
            order,
            loss,
        } = peer.facts();
        json!({ "peer": peer.name(), "setup": setup, "queue_for_days": queue, "order": order, "told_of_a_loss": loss })
    });
    rows.collect()
}

fn print_facts(peers: &[Box<dyn Peer>]) {
    for peer in peers {
        let facts = peer.facts();
        println!("{}", peer.name());
        println!("  set up             {}", facts.setup);
        println!("  a queue for days?  {}", facts.queue);
        println!("  order              {}", facts.order);
        println!("  told of a loss     {}", facts.loss);
    }
}

fn start(peer: &dyn Peer, servers: usize) -> Result<Stack, String> {
    peer.start(servers)
        .map_err(|why| format!("not to be had: {why}"))
}

/// A peer that cannot be measured: said in the table, and a row of the figures.
pub(crate) fn cannot(peer: &dyn Peer, why: &str) -> Value {
    println!("{:<15} {why}", peer.name());
    json!({ "peer": peer.name(), "not_measured": why })
}

/// Does something with a peer; what fails in the middle of it is a reason as well.
fn attempt<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err("the measurement broke off, see above".into()))
}

fn progress(peer: &dyn Peer, what: &str) {
    eprintln!("{}: {what}", peer.name());
}

/// Waits until a number has reached its target, or does not grow any more for `quiet`. The number, and how long it took
/// to get there.
fn grows_to(target: u64, quiet: Duration, now: impl Fn() -> u64) -> (u64, Duration) {
    let began = Instant::now();
    let (mut number, mut since) = (now(), began);
    while number < target && since.elapsed() < quiet {
        std::thread::sleep(Duration::from_millis(1));
        let next = now();
        if next != number {
            (number, since) = (next, Instant::now());
        }
    }
    (number, since - began)
}
