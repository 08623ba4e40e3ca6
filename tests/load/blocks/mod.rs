//! For how long Redis is held by what may be large: a PING beside it, and the module's own counters. Each row has a server
//! of its own, which is filled in small calls first.

mod rows;
mod stage;

use rows::ROWS;
use serde_json::Value;
use stage::{Held, Seen, Stage};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Members, sessions or messages; a tenth of it is the number of rooms where rooms are counted
    #[arg(long, default_value_t = 1_000_000)]
    members: usize,
    /// Only rows whose name has this in it
    #[arg(long, default_value = "")]
    only: String,
}

pub(crate) fn run(options: &Options) -> Value {
    println!(
        "what holds Redis, {} members, sessions or messages\n\n\
         {:<26} {:>9} | {:>23} {:>10} | {:>10} {:>10} {:>10}\n\
         {:<26} {:>9} | {:>23} {:>10} | {:>32}",
        options.members,
        "",
        "worst",
        "CPU of a call, ms",
        "CPU of",
        "our",
        "longest",
        "ms",
        "",
        "PING, ms",
        "median, worst (calls)",
        "all, ms",
        "command,      tick,     event",
    );
    let mut rows = Vec::new();
    for (name, row) in ROWS {
        if !name.contains(&options.only) {
            continue;
        }
        let mut stage = Stage::new(name);
        row(&mut stage, options.members);
        let seen = stage.end();
        print(name, &seen);
        rows.push(seen.json(name));
    }
    println!(
        "\n'<' before a time: filling the server took as long, in the calls of {} that it is filled by",
        stage::FILL
    );
    Value::Array(rows)
}

fn print(name: &str, seen: &Seen) {
    let calls = match seen.calls() {
        Some((median, worst)) => format!("{median:.1}, {worst:.1} ({})", seen.many_calls()),
        None => "-".to_owned(),
    };
    let held = seen.held.map(|held| match held {
        Held::Longer(ms) => format!("{ms:.1}"),
        Held::NotLonger(ms) => format!("< {ms:.1}"),
        Held::Unknown => "-".to_owned(),
    });
    let [command, tick, event] = held;
    println!(
        "{name:<26} {:>9.1} | {calls:>23} {:>10.0} | {command:>10} {tick:>10} {event:>10}",
        seen.ping_ms, seen.cpu_ms
    );
}
