//! Many runs, side by side, and what they came to.

use crate::plan::Plan;
use crate::planted::Planted;
use crate::stats::Stats;
use crate::world::{self, Outcome};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A plan that failed, and how.
pub(crate) type Failed = (Plan, Vec<String>);

/// Runs a plan; a panic is a failure like any other.
pub(crate) fn run_safely(plan: &Plan, planted: Option<Planted>, trace: bool) -> Outcome {
    let done = catch_unwind(AssertUnwindSafe(|| world::run(plan, planted, trace)));
    done.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Outcome {
            stats: Stats::default(),
            wrong: vec![format!("panic: {}", text.unwrap_or_default())],
        }
    })
}

/// Runs `many` random plans from a seed on, until `most` of them failed.
pub(crate) fn run_random(
    first: u64,
    many: u64,
    jobs: usize,
    most: usize,
    planted: Option<Planted>,
) -> (Stats, Vec<Failed>, u64) {
    let next = AtomicU64::new(0);
    let done: Mutex<(Stats, Vec<Failed>, u64)> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= many {
                        return;
                    }
                    let plan = Plan::random(first + number);
                    let outcome = run_safely(&plan, planted, false);
                    let Ok(mut done) = done.lock() else { return };
                    done.0.merge(&outcome.stats);
                    done.2 += 1;
                    if !outcome.wrong.is_empty() {
                        done.1.push((plan, outcome.wrong));
                    }
                    if done.1.len() >= most {
                        next.store(many, Relaxed);
                    }
                }
            });
        }
    });
    done.into_inner().unwrap_or_default()
}
