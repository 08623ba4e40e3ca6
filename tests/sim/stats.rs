//! How often each thing happened.

use hub_core::Figures;
use hub_core::ask::Ask;
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// See the top of the file.
#[derive(Clone, Default)]
pub(crate) struct Stats {
    counts: BTreeMap<&'static str, u64>,
    pub(crate) most_waiting: u64,
}

/// What must have happened in a run of 500 schedules, beside the faults.
pub(crate) const WANTED: &[&str] = &[
    "published",
    "delivered",
    "sent",
    "duplicate",
    "reset",
    "lost",
    "kicked",
    "left",
    "catch-up",
    "range",
    "gap",
    "step from the ring",
    "back to the log",
    "relink",
    "relinked room",
    "announced again",
    "lease ended",
    "ghost",
    "time-out",
    "asked again",
    "slow reader",
    "lost tail",
    "pong counted",
    "presence",
    "signal heard",
    "slot moves",
    "room moved",
    "room on another link",
    "taken back",
    "MOVED",
    "ASK",
    "asking",
    "unsubscribed",
    "redirected",
    "heard in time",
    "history read",
    "read back",
    "switched",
    "switch heard",
    "lost at a switch",
    "demoted quietly",
    "no primary any more",
    "confirmed by a replaced primary",
];

impl Stats {
    pub(crate) fn add(&mut self, what: &'static str, more: u64) {
        *self.counts.entry(what).or_default() += more;
    }

    pub(crate) fn get(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    pub(crate) fn ask(&mut self, ask: &Ask) {
        self.add(
            match ask {
                Ask::Subscribe | Ask::Unsubscribe => return,
                Ask::Join { .. } => "join",
                Ask::Attach(_) => "attach",
                Ask::Detach(_) => "detach",
                Ask::Leave(_) => "leave asked",
                Ask::Ack(..) => "ack",
                Ask::Away(..) => "ghost",
                Ask::Publish { .. } => "publish asked",
                Ask::Signal(..) => "signal asked",
                Ask::Range { .. } => "range",
                Ask::Back { .. } => "history asked",
                Ask::Members(_) => "members asked",
                Ask::Call(_) => "backends called",
            },
            1,
        );
    }

    /// What a hub counted.
    pub(crate) fn figures(&mut self, figures: &Figures) {
        self.add("gap", figures.gaps);
        self.add("frame dropped at the ring's end", figures.dropped);
        self.add("back to the log", figures.slow);
        self.add("catch-up", figures.catchups);
        self.add("step from the ring", figures.stepped);
        self.add("asked again", figures.asked_again);
        self.add("relinked room", figures.relinked);
        self.add("room on another link", figures.moved);
        self.add("redirected", figures.redirected);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (what, more) in &other.counts {
            self.add(what, *more);
        }
        self.most_waiting = self.most_waiting.max(other.most_waiting);
    }
}

impl Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, many) in &self.counts {
            writeln!(f, "  {many:>10}  {what}")?;
        }
        writeln!(
            f,
            "  {:>10}  most bytes that waited for a connection",
            self.most_waiting
        )
    }
}
