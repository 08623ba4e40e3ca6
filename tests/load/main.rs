//! Measurements for `scripts/bench`: they print numbers, and judge nothing.
//!
//! | name | what it measures |
//! |---|---|
//! | `acks` | what acknowledgements cost Redis where a room's people are on ten proxies |
//! | `api` | a publish by HTTP beside one by WebSocket |
//! | `attacks` | what honest people notice of those who mean harm, and what these cost |
//! | `beside` | a small room on the worker of a very large one that is served without pause |
//! | `blocks` | what holds Redis, and for how long |
//! | `churn` | people who come, talk and vanish: what the proxy keeps of them |
//! | `cluster` | what a message costs in a cluster of 1, 2 and 3 shards with 1 and 8 proxies, a room's people at all of them or at one |
//! | `failover` | 60,000 rooms of one node of a cluster come back after its failover, and what another node's rooms notice |
//! | `fanout` | what a delivery costs the proxy, against a loop of `send()` (`floor`) |
//! | `far` | a Redis that is 1 to 200 ms away: live latency, logins, kicks, acknowledgements, a reconnect |
//! | `instructions` | instructions per delivery, per publish, and of ATTACH, RANGE and QUEUE (`looks`), counted by valgrind |
//! | `many` | ten thousand connections: memory, logins, coming back, acknowledgements |
//! | `memory` | what a message and a member cost Redis |
//! | `one-address` | 2,000 people of one address come back and talk, while somebody attacks from it |
//! | `peers` | the same clients against what people would use instead |
//! | `plot` | draws the figures of a file |
//! | `publish` | what a publish costs Redis, against PUBLISH, Lua and XADD |
//! | `publish-absent` | what a publish costs the server with many absent members, against one with none |
//! | `relink` | 60,000 rooms come back after a reconnect at a short answer time-out |
//! | `rooms` | people in many rooms at human pace, against Centrifugo: memory, logins, coming back, deliveries |
//! | `slow` | what a client that reads at a crawl costs the proxy, and whether others notice |

mod acks;
mod api;
mod attacks;
mod beside;
mod blocks;
mod churn;
mod cluster;
mod crowd;
mod entered;
mod failover;
mod fanout;
mod far;
mod figures;
mod floor;
mod instructions;
mod looks;
mod many;
mod memory;
mod peers;
mod plot;
mod publish;
mod publish_absent;
mod relink;
mod results;
mod rooms;
mod slow;

use clap::{Parser, Subcommand};
use serde_json::Value;
use std::path::PathBuf;

/// Measures Roomcast against real servers.
#[derive(Parser)]
#[command(name = "roomcast-load")]
struct Options {
    /// Where the figures go as well, as JSON; other measurements in the file stay
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,

    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// What acknowledgements cost Redis where a room's people are on many proxies
    Acks(acks::Options),
    /// CPU and latency of a publish by the HTTP API, beside one by WebSocket
    Api(api::Options),
    /// The attacker: a part of `attacks`
    #[command(hide = true)]
    Attack(attacks::AttackOptions),
    /// What honest people notice of those who mean harm
    Attacks(attacks::Options),
    /// A small room on the worker of a very large one that is served without pause
    Beside(beside::Options),
    /// For how long Redis is held by what may be large
    Blocks(blocks::Options),
    /// Live bytes of the proxy before and after people who come, talk and vanish
    Churn(churn::Options),
    /// What a message, a room and a subscription cost in a cluster
    Cluster(cluster::Options),
    /// 60,000 rooms of one node of a cluster come back after its failover
    Failover(failover::Options),
    /// Proxy CPU of a delivery, against a loop of send()
    Fanout(fanout::Options),
    /// A Redis that is far: latency, logins, kicks, acknowledgements, a reconnect
    Far(far::Options),
    /// The server that only sends: a part of `fanout`
    #[command(hide = true)]
    Floor(floor::Options),
    /// Instructions per delivery and per publish
    Instructions(instructions::Options),
    /// Ten thousand connections at rest, coming, coming back, acknowledging
    Many(many::Options),
    /// Memory of messages and members
    Memory(memory::Options),
    /// 2,000 people of one address come back and talk, while somebody attacks from it
    OneAddress(attacks::OneAddressOptions),
    /// A reconnect storm and latencies, against Centrifugo, Socket.IO, NATS and others
    Peers(peers::Options),
    /// Draws the figures of a file
    Plot(plot::Options),
    /// Honest people: a part of `attacks`
    #[command(hide = true)]
    Probe(attacks::ProbeOptions),
    /// Server CPU of a publish, against PUBLISH, a Lua script and XADD
    Publish(publish::Options),
    /// Server CPU of a publish with many absent members, against one with none
    PublishAbsent(publish_absent::Options),
    /// 60,000 rooms come back after a reconnect
    Relink(relink::Options),
    /// People in twenty rooms each at human pace: memory, logins, coming back, CPU of a delivery, against Centrifugo
    Rooms(rooms::Options),
    /// A client that reads 1 KB/s in a room with 1 MB/s
    Slow(slow::Options),
}

impl What {
    /// Its name in the file of results, and its figures.
    fn run(&self) -> (&'static str, Value) {
        match self {
            Self::Acks(options) => ("acks", acks::run(options)),
            Self::Api(options) => ("api", api::run(options)),
            Self::Attacks(options) => ("attacks", attacks::run(options)),
            Self::Beside(options) => ("beside", beside::run(options)),
            Self::Blocks(options) => ("blocks", blocks::run(options)),
            Self::Churn(options) => ("churn", churn::run(options)),
            Self::Cluster(options) => ("cluster", cluster::run(options)),
            Self::Failover(options) => ("failover", failover::run(options)),
            Self::Fanout(options) => (options.name(), fanout::run(options)),
            Self::Far(options) => ("far", far::run(options)),
            Self::Attack(_) | Self::Floor(_) | Self::Plot(_) | Self::Probe(_) => {
                unreachable!("they measure nothing")
            }
            Self::Instructions(options) => ("instructions", instructions::run(options)),
            Self::Many(options) => ("many", many::run(options)),
            Self::Memory(options) => ("memory", memory::run(options)),
            Self::OneAddress(options) => ("one-address", attacks::one_address(options)),
            Self::Peers(options) => ("peers", peers::run(options)),
            Self::Publish(options) => ("publish", publish::run(options)),
            Self::PublishAbsent(options) => ("publish-absent", publish_absent::run(options)),
            Self::Relink(options) => ("relink", relink::run(options)),
            Self::Rooms(options) => ("rooms", rooms::run(options)),
            Self::Slow(options) => ("slow", slow::run(options)),
        }
    }
}

fn main() {
    let options = Options::parse();
    match &options.what {
        What::Attack(attack) => return attacks::attack(attack),
        What::Floor(floor) => return floor::run(floor),
        What::Probe(probe) => return attacks::probe(probe),
        What::Plot(plot) => return plot::run(plot),
        _ => {}
    }
    let about = results::announce();
    let (name, figures) = options.what.run();
    if let Some(file) = &options.json {
        results::record(file, &about, name, figures);
        eprintln!("\nthe figures are in {}", file.display());
    }
}
