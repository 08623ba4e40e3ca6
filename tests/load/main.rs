//! Measurements for `scripts/bench`: they print numbers, and judge nothing.
//!
//! | name | what it measures |
//! |---|---|
//! | `publish-absent` | what a publish costs the server with many absent members, against one with none |

mod publish_absent;

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
    /// Server CPU of a publish with many absent members, against one with none
    PublishAbsent(publish_absent::Options),
}

fn main() {
    match Options::parse().what {
        What::PublishAbsent(options) => publish_absent::run(&options),
    }
}
