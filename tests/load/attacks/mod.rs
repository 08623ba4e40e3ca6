//! Somebody means harm: what honest people notice of it, and what it costs.
//!
//! Each row is a proxy of its own at the limits that users have, with an honest room (`probe`) and an attacker
//! (`attackers`), each a process of its own, and a second proxy beside it on the same Redis with an honest room that nobody
//! attacks: what both notice is the machine, what only the first notices is the attack.

mod attackers;
mod means;
mod one_address;
mod probe;

pub(crate) use attackers::Options as AttackOptions;
pub(crate) use one_address::{Options as OneAddressOptions, run as one_address};
pub(crate) use probe::Options as ProbeOptions;

use crate::figures::rss;
use harness::process::free_port;
use harness::proxy::Proxy;
use harness::redis::Redis;
use probe::Noticed;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds of each attack
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only attacks whose names contain one of these
    #[arg(long, num_args = 1..)]
    only: Vec<String>,
    /// The attackers have the honest people's address
    #[arg(long)]
    same_address: bool,
}

/// Runs what a part of this program does in a process of its own.
fn start(args: &[&str]) -> Child {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(args).stdout(Stdio::piped());
    command.spawn().expect("this program again")
}

fn said(child: Child) -> Vec<u8> {
    child.wait_with_output().expect("its end").stdout
}

pub(crate) fn attack(options: &AttackOptions) {
    attackers::run(options);
}

pub(crate) fn probe(options: &ProbeOptions) {
    probe::run(options);
}

pub(crate) fn run(options: &Options) -> Value {
    println!(
        "{:>12} {:>9} {:>9} {:>7} {:>10} {:>9} {:>9} {:>9} {:>9}",
        "attack",
        "p99 ms",
        "control",
        "ratio",
        "newcomers",
        "missing",
        "refused",
        "proxy MB",
        "Redis MB"
    );
    let wanted = |name: &&str| {
        options.only.is_empty() || options.only.iter().any(|part| name.contains(part.as_str()))
    };
    let rows = means::NAMES.into_iter().filter(wanted);
    let rows: Vec<Value> = rows.map(|name| row(name, options)).collect();
    json!({"seconds": options.seconds, "same_address": options.same_address, "rows": rows})
}

fn row(name: &str, options: &Options) -> Value {
    let redis = Redis::start();
    let (attacked, control) = (proxy(&redis), proxy(&redis));
    let before = refused(&attacked);
    let seconds = options.seconds.to_string();
    let longer = (options.seconds + 3).to_string();
    let from = if options.same_address {
        "127.0.0.1"
    } else {
        "127.0.0.2"
    };
    let (at, beside) = (attacked.port.to_string(), control.port.to_string());
    let attackers = start(&[
        "attack",
        "--what",
        name,
        "--port",
        &at,
        "--seconds",
        &longer,
        "--from",
        from,
    ]);
    // It has begun when the honest people come.
    sleep(Duration::from_secs(2));
    let probes = [(at, "honest"), (beside, "control")].map(|(port, room)| {
        start(&[
            "probe",
            "--port",
            &port,
            "--room",
            room,
            "--seconds",
            &seconds,
        ])
    });
    let [honest, other] = probes.map(|probe| Noticed::read(&said(probe)));
    let (proxy_rss, redis_rss) = (rss(attacked.process()), rss(redis.process()));
    let refused = refused(&attacked) - before;
    said(attackers);
    let ratio = honest.p99_ms / other.p99_ms;
    println!(
        "{name:>12} {:>9.2} {:>9.2} {ratio:>7.2} {:>10} {:>9} {refused:>9} {:>9.1} {:>9.1}",
        honest.p99_ms,
        other.p99_ms,
        format!("{}/{}", honest.came, honest.came + honest.turned_away),
        honest.missing(),
        proxy_rss as f64 / 1e6,
        redis_rss as f64 / 1e6
    );
    json!({"attack": name, "honest": honest, "control": other, "ratio": ratio, "refused": refused,
        "proxy_rss": proxy_rss, "redis_rss": redis_rss})
}

fn proxy(redis: &Redis) -> Proxy {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    Proxy::at(listen, &redis.url(), &[])
}

/// Whatever the proxy refused, closed or put off, by its metrics.
fn refused(proxy: &Proxy) -> u64 {
    const OF_REFUSALS: [&str; 11] = [
        "refused",
        "floods",
        "dead",
        "unread",
        "unfinished",
        "logins_missed",
        "bad_events",
        "slowdowns",
        "pauses",
        "busy",
        "queued",
    ];
    let page = proxy.metrics();
    let lines = page.lines().filter_map(|line| line.rsplit_once(' '));
    let counts = lines.filter(|(name, _)| {
        !name.starts_with('#') && OF_REFUSALS.iter().any(|part| name.contains(part))
    });
    counts
        .filter_map(|(_, count)| count.parse::<u64>().ok())
        .sum()
}
