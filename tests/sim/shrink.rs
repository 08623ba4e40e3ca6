//! Makes a failing plan small: whatever may be left out is left out, as long as the run still fails in the same way.

use crate::plan::Plan;
use crate::planted::Planted;
use crate::runs::run_safely;
use std::time::{Duration, Instant};

/// The word that a failure begins with behind its place, to tell one kind from another.
pub(crate) fn kind(wrong: &[String]) -> String {
    let first = wrong.first().map_or("", String::as_str);
    let is_name = |word: &str| {
        crate::people::KINDS
            .iter()
            .any(|kind| word.trim_end_matches(':').trim_end_matches(',') == kind.0)
    };
    let words = first
        .split(' ')
        .filter(|word| !word.contains(|c: char| c.is_ascii_digit()) && !is_name(word));
    words.take(6).collect::<Vec<_>>().join(" ")
}

/// See the top of the file. It takes at most `most`.
pub(crate) fn shrink(plan: &Plan, planted: Option<Planted>, most: Duration) -> Plan {
    let began = Instant::now();
    let wanted = kind(&run_safely(plan, planted, false).wrong);
    let fails = |plan: &Plan| {
        let wrong = run_safely(plan, planted, false).wrong;
        !wrong.is_empty() && kind(&wrong) == wanted
    };
    let mut best = plan.clone();
    let mut chunk = best.acts.len() / 2;
    while chunk > 0 {
        let mut at = 0;
        let mut smaller = false;
        while at < best.acts.len() && began.elapsed() < most {
            let mut tried = best.clone();
            tried.acts.drain(at..(at + chunk).min(best.acts.len()));
            match fails(&tried) {
                true => {
                    best = tried;
                    smaller = true;
                }
                false => at += chunk,
            }
        }
        if chunk == 1 && !smaller || began.elapsed() >= most {
            break;
        }
        chunk = if chunk > 1 { chunk / 2 } else { 1 };
    }
    best
}
