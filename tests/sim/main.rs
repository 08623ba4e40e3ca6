//! The simulator: real rooms and commands, real hubs, simulated people, one virtual clock. Every promise is judged while
//! servers, links, proxies and clocks fail in all the ways that a seed can think of.
//!
//! usage: `cargo test --release -p roomcast-tests --test sim -- [--runs N] [--seed S] [--jobs J] [--planted WHAT] [--plan FILE [--trace]]`
//!
//! First come the plans under `seeds`, each of which failed once; then (without `--runs`) planted defects, which must be noticed;
//! then N random plans, 500 if it is not said, from a seed that is told and each time another one. A plan that fails is made small
//! and kept there.
//!
//! | file | what it holds |
//! |---|---|
//! | [`plan`] | what happens in a run: from a seed, or from a file |
//! | [`world`] | one run: who is woken when, and the faults |
//! | [`server`] | rooms, sessions, commands, ticks |
//! | [`proxy`] | a hub and its connections, with a small shell |
//! | [`people`] | devices and what they do |
//! | [`planted`] | defects that must be noticed |
//! | [`checker`], [`truth`] | what each was told, against what is true |
//! | [`link`], [`socket`], [`pipe`] | connections |
//! | [`handle`] | what a hub and its shell share of a connection |
//! | [`seen`], [`read_rows`] | reading frames and replies |
//! | [`stats`], [`runs`], [`shrink`] | many runs |
#![forbid(unsafe_code)]

mod checker;
mod handle;
mod link;
mod people;
mod pipe;
mod plan;
mod planted;
mod proxy;
mod random;
mod read_rows;
mod runs;
mod seen;
mod server;
mod shrink;
mod socket;
mod stats;
mod truth;
mod world;

use plan::Plan;
use planted::Planted;
use runs::{Failed, run_random, run_safely};
use stats::{Stats, WANTED};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sim/seeds");
/// So many runs are enough for everything to have happened.
const ENOUGH: u64 = 400;
/// A planted defect must be noticed within so many runs, from this seed on: always the same ones.
const NOTICED_WITHIN: u64 = 1_000;
const NOTICED_FROM: u64 = 1;

struct Options {
    /// So many random plans, and no planted defects.
    runs: Option<u64>,
    seed: Option<u64>,
    jobs: usize,
    planted: Option<Planted>,
    plan: Option<PathBuf>,
    trace: bool,
    keep: bool,
    /// It stops after so many failures; of more than 5 only the kinds are told.
    failures: usize,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        runs: None,
        seed: None,
        jobs: 1,
        planted: None,
        plan: None,
        trace: false,
        keep: true,
        failures: 5,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        let number = |text: String| {
            text.parse::<u64>()
                .map_err(|_| format!("'{text}' is no number"))
        };
        match word.as_str() {
            "--runs" => options.runs = Some(number(value()?)?),
            "--seed" => options.seed = Some(number(value()?)?),
            "--jobs" => options.jobs = number(value()?)?.max(1) as usize,
            "--plan" => options.plan = Some(value()?.into()),
            "--planted" => {
                let name = value()?;
                let known = Planted::ALL.iter().find(|known| known.0 == name);
                let known = known.ok_or(format!("there is no defect '{name}'"))?;
                options.planted = Some(known.1);
            }
            "--failures" => options.failures = number(value()?)?.max(1) as usize,
            "--trace" => options.trace = true,
            "--no-keep" => options.keep = false,
            _ => return Err(format!("unknown option '{word}'")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    // A panic in a run is caught, and told with its plan.
    std::panic::set_hook(Box::new(|_| ()));
    if run(&options) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run(options: &Options) -> bool {
    if let Some(file) = &options.plan {
        return run_file(file, options).is_some();
    }
    if options.trace {
        return show(&Plan::random(options.seed.unwrap_or(1)), options).is_some();
    }
    let mut stats = Stats::default();
    let kept = run_kept(options, &mut stats);
    let planted = options.runs.is_some() || run_planted();
    kept & planted & run_many(options, &stats)
}

/// What happened; `None` if something was wrong.
fn show(plan: &Plan, options: &Options) -> Option<Stats> {
    let outcome = run_safely(plan, options.planted, options.trace);
    outcome
        .wrong
        .iter()
        .for_each(|wrong| println!("WRONG {wrong}"));
    outcome.wrong.is_empty().then_some(outcome.stats)
}

fn run_file(file: &Path, options: &Options) -> Option<Stats> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    match Plan::parse(&text) {
        Some(plan) => show(&plan, options),
        None => {
            println!("{}: no plan", file.display());
            None
        }
    }
}

/// What failed once must not fail again.
fn run_kept(options: &Options, stats: &mut Stats) -> bool {
    let mut files: Vec<PathBuf> = match std::fs::read_dir(SEEDS) {
        Ok(files) => files.flatten().map(|file| file.path()).collect(),
        Err(_) => Vec::new(),
    };
    files.retain(|file| file.extension().is_some_and(|end| end == "txt"));
    files.sort();
    let mut good = true;
    for file in &files {
        match run_file(file, options) {
            Some(happened) => stats.merge(&happened),
            None => {
                println!("FAILED {}", file.display());
                good = false;
            }
        }
    }
    println!("{} plans that failed once", files.len());
    good
}

/// Where the random plans begin: another time, other plans.
fn seed_of(options: &Options) -> u64 {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let new = || time.map_or(1, |time| time.as_secs() * 1_000);
    options.seed.unwrap_or_else(new)
}

/// Each defect must be noticed.
fn run_planted() -> bool {
    let mut good = true;
    for (name, planted) in Planted::ALL {
        let (_, failed, done) = run_random(NOTICED_FROM, NOTICED_WITHIN, 1, 1, Some(planted));
        match failed.first() {
            Some((plan, wrong)) => {
                let first = wrong.first().map_or("", |wrong| wrong);
                println!(
                    "{name} is noticed in run {done}, seed {}: {first}",
                    plan.seed
                );
            }
            None => {
                println!("FAILED {name} is not noticed in {done} runs");
                good = false;
            }
        }
    }
    good
}

fn run_many(options: &Options, kept: &Stats) -> bool {
    let (seed, runs) = (seed_of(options), options.runs.unwrap_or(500));
    println!("{runs} random plans from --seed {seed} on");
    let began = Instant::now();
    let most = if options.planted.is_some() {
        1
    } else {
        options.failures
    };
    let (mut stats, failed, done) = run_random(seed, runs, options.jobs, most, options.planted);
    let took = began.elapsed().as_secs_f64();
    println!(
        "{done} in {took:.1} s: {:.0} a minute\n{stats}",
        done as f64 * 60.0 / took
    );
    match failed.len() {
        0..=5 => failed.iter().for_each(|failed| tell(failed, options)),
        _ => tell_kinds(&failed),
    }
    // What is rare happened in a plan that is kept.
    stats.merge(kept);
    failed.is_empty() && all_happened(&stats, done)
}

/// How often each kind of failure happened, and three seeds of it.
fn tell_kinds(failed: &[Failed]) {
    let mut kinds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (plan, wrong) in failed {
        kinds
            .entry(shrink::kind(wrong))
            .or_default()
            .push(plan.seed);
    }
    for (kind, seeds) in kinds {
        let some: Vec<u64> = seeds.iter().take(3).copied().collect();
        println!("FAILED {} times: {kind}, seeds {some:?}", seeds.len());
    }
}

/// Tells a failure, made small.
fn tell((plan, wrong): &Failed, options: &Options) {
    println!("FAILED seed {}", plan.seed);
    wrong.iter().take(6).for_each(|wrong| println!("  {wrong}"));
    let small = shrink::shrink(plan, options.planted, Duration::from_secs(20));
    let again = run_safely(&small, options.planted, false);
    println!(
        "  with {} of {} acts: {}",
        small.acts.len(),
        plan.acts.len(),
        again.wrong.first().map_or("", |wrong| wrong)
    );
    let first = again.wrong.first().and_then(|wrong| wrong.lines().next());
    let text = format!("# {}\n{small}", first.unwrap_or_default());
    let file = Path::new(SEEDS).join(format!("{}.txt", plan.seed));
    if options.keep && options.planted.is_none() {
        match std::fs::write(&file, text) {
            Ok(()) => println!("  kept as {}", file.display()),
            Err(error) => println!("  {error}"),
        }
    } else if options.keep {
        println!("{text}");
    }
}

/// A run in which something never happened has not shown that it is survived.
fn all_happened(stats: &Stats, done: u64) -> bool {
    let faults = plan::NAMES_OF_FAULTS.iter();
    let missing: Vec<&&str> = WANTED
        .iter()
        .chain(faults)
        .filter(|what| stats.get(what) == 0)
        .collect();
    if done >= ENOUGH && !missing.is_empty() {
        println!("never happened: {missing:?}");
        return false;
    }
    true
}
