//! With sentinels: which server a proxy takes for the primary. Each hears of a switch when it hears of it.

use super::end::State;
use super::{Around, Proxy};
use crate::planted::Planted;

/// See the top of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Belief {
    /// What it was told last.
    told: usize,
    /// Where its pair is to go; another one only with a planted defect.
    goes_to: usize,
    /// What it is about to hear, and when.
    hears: Option<(u64, usize)>,
}

impl Belief {
    pub(crate) const fn new(primary: usize) -> Self {
        Self {
            told: primary,
            goes_to: primary,
            hears: None,
        }
    }

    /// It will hear of a switch.
    pub(crate) const fn will_hear(&mut self, at: u64, primary: usize) {
        self.hears = Some((at, primary));
    }
}

impl Proxy {
    /// There are sentinels, and no slots.
    pub(crate) fn with_sentinels(mut self, belief: Belief) -> Self {
        self.map = None;
        self.belief = Some(belief);
        self
    }

    /// The primary that it was told, if sentinels tell it.
    pub(crate) fn told(&self) -> Option<usize> {
        self.belief.map(|belief| belief.told)
    }

    /// Whether a pair to a server is what it wants.
    pub(super) fn goes_to(&self, node: usize) -> bool {
        self.belief.is_none_or(|belief| belief.goes_to == node)
    }

    pub(super) fn hears_at(&self) -> Option<u64> {
        Some(self.belief?.hears?.0)
    }

    /// It hears of a switch, if it is time: the pair is dropped at once, and another one made.
    pub(super) fn hear_of_switch(&mut self, now: u64, around: &mut Around<'_>) {
        let Some(belief) = &mut self.belief else {
            return;
        };
        let Some((_, primary)) = belief.hears.filter(|(at, _)| *at <= now) else {
            return;
        };
        belief.hears = None;
        let old = belief.goes_to;
        if std::mem::replace(&mut belief.told, primary) == primary {
            return;
        }
        around.stats.add("switch heard", 1);
        if around.trace {
            println!(
                "{now:>6} p{} hears that the primary is {primary}",
                self.index
            );
        }
        self.defect.switches();
        if self.defect.strikes(Planted::StaleLinked, 2) {
            return self.link_down(now, old, around);
        }
        if let Some(belief) = &mut self.belief {
            belief.goes_to = primary;
        }
        self.link_down(now, old, around);
        // What failed there says nothing of this one.
        self.ends[primary].state = State::Down { retry_at: now };
        self.ends[primary].backoff = 50;
    }
}
