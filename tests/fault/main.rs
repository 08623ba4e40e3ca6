//! The promises under faults: nothing lost, nothing twice, in order; or told.
//!
//! | file | what it holds |
//! |---|---|
//! | `world` | servers, and links that can be broken |
//! | `people` | clients that write down what they meet |
//! | `part` | what one of them does in one room |
//! | `browser` | a browser with the npm package, in Node |
//! | `faults` | what can go wrong |
//! | `stage` | the people of a run: how they begin, come to rest, and end |
//! | `run` | one run: talk, faults, healing, rest |
//! | `history` | what happened |
//! | `checker`, `place` | judge it (pure); `judged`: what they must notice |
//! | `sentinels` | failovers by sentinels, with a primary that comes back |
//! | `cluster` | a cluster whose slots and nodes move, fail, come and go |
//! | `proxies` | many proxies behind a load balancer |
//! | `crowd` | people in many rooms, for these |
//! | `ears` | rooms in which everybody only listens, for that |
//! | `waiting` | waiting mail is told while everything that tells it dies or moves |
//! | `panics` | a part of the proxy panics: not one of the faults above |
//!
//! Each fault has a test; `random_schedules` mixes them. A run is repeated by its seed as far as a machine repeats
//! anything: the faults and who they hit are the same, the moments are not.

mod browser;
mod checker;
mod cluster;
mod crowd;
mod ears;
mod faults;
mod history;
mod judged;
mod panics;
mod part;
mod people;
mod place;
mod proxies;
mod run;
mod sentinels;
mod stage;
mod waiting;
mod world;

use faults::Fault;
use harness::random::Random;
use run::Plan;
use world::Defect;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn twice(fault: Fault) {
    let plan = Plan {
        seed: number("ROOMCAST_SEED").unwrap_or_else(Random::seed),
        faults: vec![fault, fault],
        package: false,
        defect: None,
    };
    plan.must_hold();
}

macro_rules! each {
    ($($name:ident: $fault:ident;)*) => {
        $(#[test] fn $name() { twice(Fault::$fault); })*
    };
}

each! {
    a_proxy_is_killed: ProxyKilled;
    a_proxy_freezes: ProxyFrozen;
    redis_is_killed: RedisKilled;
    the_link_to_redis_is_cut: LinkCut;
    the_link_to_redis_stalls: LinkStalled;
    the_link_to_redis_is_slow: LinkSlow;
    the_links_of_clients_are_cut: ClientsCut;
    the_links_of_clients_stall: ClientsStalled;
    clients_drop_out: ClientsDropped;
    clients_read_at_a_crawl: ClientsCrawl;
    clients_move_while_they_catch_up: ClientsMove;
    the_memory_is_full: MemoryFull;
    a_replica_takes_over: FailOver;
    a_replica_takes_over_without_the_tail: FailOverLosesTail;
    the_key_is_deleted: KeyDeleted;
    the_key_expires: KeyExpired;
    the_key_is_renamed: KeyRenamed;
    the_key_is_restored_as_it_was: KeyRestored;
    everything_is_flushed: AllFlushed;
    a_limit_drops_messages: LimitDrops;
}

#[test]
fn random_schedules() {
    must_hold(2, Plan::random);
}

/// The same, and some of the people have the package, in Node.
#[test]
fn schedules_with_the_package() {
    must_hold(12, |seed| Plan::random(seed).with_package());
}

/// `ROOMCAST_RUNS` of them (`few` if not given), from `ROOMCAST_SEED` on, `ROOMCAST_JOBS` side by side (2).
fn must_hold(few: u64, plan_of: impl Fn(u64) -> Plan + Sync) {
    let runs = number("ROOMCAST_RUNS").unwrap_or(few);
    let first = number("ROOMCAST_SEED").unwrap_or_else(Random::seed);
    let jobs = number("ROOMCAST_JOBS").unwrap_or(2).max(1);
    let next = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let run = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if run >= runs {
                        return;
                    }
                    let plan = plan_of(first + run);
                    plan.must_hold();
                    eprintln!("run {:>4} of {runs} held: {:?}", run + 1, plan);
                }
            });
        }
    });
}

/// A build with a defect must be caught within some runs.
fn is_caught(defect: Defect, faults: &[Fault]) {
    for attempt in 0..20 {
        let plan = Plan {
            seed: Random::seed(),
            faults: faults.to_vec(),
            package: defect.forgets().is_some(),
            defect: Some(defect),
        };
        let broken = plan.run();
        if let Some(first) = broken.first() {
            println!("caught in run {}: {first}", attempt + 1);
            return;
        }
    }
    panic!("the checker did not notice {defect:?}");
}

#[test]
fn acknowledging_before_delivery_is_caught() {
    // Often, as each cut must meet a message that is on its way.
    let mut faults = vec![Fault::ClientsStalled];
    for _ in 0..5 {
        faults.extend([Fault::ClientsCut, Fault::ClientsDropped]);
    }
    is_caught(Defect::AckEarly, &faults);
}

#[test]
fn a_missing_gap_check_is_caught() {
    is_caught(Defect::NoGapCheck, &[Fault::LinkCut, Fault::LinkCut]);
}

#[test]
fn missing_deduplication_is_caught() {
    is_caught(
        Defect::NoDedupe,
        &[
            Fault::ClientsStalled,
            Fault::ClientsDropped,
            Fault::ClientsStalled,
        ],
    );
}

#[test]
fn a_page_that_forgets_how_far_it_is_is_caught() {
    is_caught(Defect::Forgets(":progress"), &[Fault::ClientsDropped]);
}

#[test]
fn a_page_that_forgets_what_it_was_to_send_is_caught() {
    is_caught(
        Defect::Forgets(":outbox"),
        &[Fault::ClientsStalled, Fault::ClientsCut],
    );
}
