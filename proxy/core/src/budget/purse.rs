//! What one connection has spent. It is told to the account of who pays in small sums, so that a frame costs no lock; and
//! a connection has its own part of any budget: so many frames a second.

use super::account::TURN;
use super::allowance::Allowance;
use super::payer::{Payer, Rates};
use std::num::NonZeroU64;

/// Half of what was spent counts no more after so long.
const HALF: u64 = 10_000;

/// See the top of the file.
#[derive(Clone, Debug)]
pub struct Purse {
    payer: Payer,
    frames: Allowance,
    /// Work that the account has not heard of.
    spent: u64,
    /// What it may come to: nothing while the account refuses.
    advance: u64,
    /// When it has its turn, if it waits for one (ms).
    turn: Option<NonZeroU64>,
    /// Work that the account has heard of in all.
    paid: u64,
    /// Work of late: what is longer ago counts less.
    recent: u64,
    began: u64,
    reckoned: u64,
}

impl Purse {
    /// Of a connection that begins at `now` (ms) for which somebody pays.
    pub fn new(payer: Payer, rates: &Rates, now: u64) -> Self {
        Self {
            payer,
            frames: Allowance::new(rates.frames, now),
            spent: 0,
            advance: TURN,
            turn: None,
            paid: 0,
            recent: 0,
            began: now,
            reckoned: now,
        }
    }

    /// Who pays.
    pub const fn payer(&self) -> Payer {
        self.payer
    }

    /// So many frames came.
    pub fn frames(&mut self, count: u64) {
        self.frames.take(count);
    }

    /// Something was done for the connection.
    pub const fn spend(&mut self, work: u64) {
        self.spent = self.spent.saturating_add(work);
    }

    /// Nothing more is to be read before its account was asked.
    pub const fn is_due(&self) -> bool {
        self.spent >= self.advance || self.frames.is_used_up()
    }

    /// Lets it spend so much more, whatever its account says: for a goodbye.
    pub fn lend(&mut self, work: u64, frames: u32) {
        self.advance = self.spent.saturating_add(work);
        self.frames.give(frames);
    }

    /// How long its own part of the budget is used up (ms).
    pub(super) fn wait(&mut self, now: u64) -> u64 {
        self.frames.wait(now)
    }

    /// What the account has not heard of; it has now.
    pub(super) fn hand_in(&mut self, now: u64) -> u64 {
        let passed = now.saturating_sub(self.reckoned);
        self.reckoned = self.reckoned.max(now);
        let halves = u32::try_from(passed / HALF).unwrap_or(u32::MAX);
        let left = self.recent.checked_shr(halves).unwrap_or(0);
        let left = left - left.saturating_mul(passed % HALF) / (2 * HALF);
        let spent = std::mem::take(&mut self.spent);
        self.recent = left.saturating_add(spent);
        self.paid = self.paid.saturating_add(spent);
        spent
    }

    /// What it spent of late, when it last handed in.
    pub(super) const fn recent(&self) -> u64 {
        self.recent
    }

    /// How long the connection was there when it last handed in.
    pub(super) const fn age(&self) -> u64 {
        self.reckoned - self.began
    }

    /// How long it still waits for its turn (ms); `None` if it waits for none. It has it once.
    pub(super) fn has_turn(&mut self, now: u64) -> Option<u64> {
        let left = self.turn?.get().saturating_sub(now);
        if left == 0 {
            self.turn = None;
            self.advance = TURN;
        }
        Some(left)
    }

    /// The account lets it go on (0), or has it wait for its turn (ms).
    pub(super) fn is_to_wait(&mut self, now: u64, wait: u64) {
        let turn = NonZeroU64::new(now.saturating_add(wait));
        self.turn = turn.filter(|_| wait > 0);
        self.advance = if wait > 0 { 0 } else { TURN };
    }

    /// Somebody else pays from now on, also for what was spent until now: what the payer until now is to be given back.
    pub(super) const fn moves_to(&mut self, payer: Payer) -> u64 {
        self.payer = payer;
        self.turn = None;
        let paid = self.paid;
        self.paid = 0;
        // It is handed in anew, and counts once.
        self.recent = self.recent.saturating_sub(paid);
        self.spent = self.spent.saturating_add(paid);
        paid
    }
}
