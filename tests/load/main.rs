//! Measurements for `scripts/bench`: they print numbers, and judge nothing.
//!
//! | name | what it measures |
//! |---|---|
//! | `fanout` | what a delivery costs the proxy, against a loop of `send()` (`floor`) |
//! | `instructions` | instructions per delivery and per publish, counted by valgrind |
//! | `many` | ten thousand connections: memory, logins, coming back, acknowledgements |
//! | `peers` | the same clients against what people would use instead |
//! | `publish` | what a publish costs Redis, against PUBLISH, Lua and XADD |
//! | `publish-absent` | what a publish costs the server with many absent members, against one with none |
//! | `slow` | what a client that reads at a crawl costs the proxy, and whether others notice |

mod crowd;
mod fanout;
mod figures;
mod floor;
mod instructions;
mod many;
mod peers;
mod publish;
mod publish_absent;
mod slow;

use clap::{Parser, Subcommand};

/// Measures Roomcast against real servers.
#[derive(Parser)]
#[command(name = "roomcast-load")]
struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Proxy CPU of a delivery, against a loop of send()
    Fanout(fanout::Options),
    /// The server that only sends: a part of `fanout`
    #[command(hide = true)]
    Floor(floor::Options),
    /// Instructions per delivery and per publish
    Instructions(instructions::Options),
    /// Ten thousand connections at rest, coming, coming back, acknowledging
    Many(many::Options),
    /// A reconnect storm and latencies, against Centrifugo, Socket.IO, NATS and others
    Peers(peers::Options),
    /// Server CPU of a publish, against PUBLISH, a Lua script and XADD
    Publish(publish::Options),
    /// Server CPU of a publish with many absent members, against one with none
    PublishAbsent(publish_absent::Options),
    /// A client that reads 1 KB/s in a room with 1 MB/s
    Slow(slow::Options),
}

fn main() {
    match Options::parse().what {
        What::Fanout(options) => drop(fanout::run(&options)),
        What::Floor(options) => floor::run(&options),
        What::Instructions(options) => drop(instructions::run(&options)),
        What::Many(options) => drop(many::run(&options)),
        What::Peers(options) => drop(peers::run(&options)),
        What::Publish(options) => drop(publish::run(&options)),
        What::PublishAbsent(options) => publish_absent::run(&options),
        What::Slow(options) => slow::run(&options),
    }
}
