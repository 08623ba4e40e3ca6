//! The accounts of all who owe something. Who owes nothing needs none: so they are few, and who comes back finds their own.

use super::account::{Account, Rate};
use super::payer::{Payer, Rates};
use super::purse::Purse;
use std::collections::HashMap;

/// Accounts at most; who comes after that shares one with others who do.
const MOST: usize = 16_384;
/// With fewer nobody looks for those that are settled.
const FEW: usize = 64;
/// When none could be found, nobody looks again before that (ms): it takes a while, and whoever comes then shares one.
const SWEEP_EVERY: u64 = 1000;
/// A pause for frames that is shorter is not worth its timer; after a longer one it is looked at again.
const LEAST_PAUSE: u64 = 50;
const MOST_PAUSE: u64 = 500;

/// See the top of the file.
#[derive(Debug)]
pub struct Table {
    rates: Rates,
    accounts: HashMap<Payer, Account>,
    /// With so many accounts those that are settled are looked for.
    sweep_at: usize,
    /// When that was last done in vain.
    in_vain: Option<u64>,
}

impl Table {
    /// Where nobody owes anything.
    pub fn new(rates: Rates) -> Self {
        Self {
            rates,
            accounts: HashMap::new(),
            sweep_at: FEW,
            in_vain: None,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether nobody owes anything.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Somebody's account, and what it may be charged.
    fn account(&mut self, now: u64, payer: Payer) -> (&mut Account, Rate) {
        let mut payer = payer;
        if !self.accounts.contains_key(&payer) {
            if self.accounts.len() >= self.sweep_at && self.may_sweep(now) {
                self.sweep(now);
            }
            if self.accounts.len() >= MOST {
                payer = Payer::Rest;
            }
        }
        let rate = self.rates.of(payer);
        let account = self.accounts.entry(payer);
        (account.or_insert_with(|| Account::new(rate, now)), rate)
    }

    fn may_sweep(&self, now: u64) -> bool {
        self.in_vain
            .is_none_or(|last| now.saturating_sub(last) >= SWEEP_EVERY)
    }

    fn sweep(&mut self, now: u64) {
        let rates = self.rates;
        let owes =
            |payer: &Payer, account: &mut Account| !account.is_settled(rates.of(*payer), now);
        self.accounts.retain(|payer, account| owes(payer, account));
        self.sweep_at = (2 * self.accounts.len()).clamp(FEW, MOST);
        self.in_vain = (self.accounts.len() >= MOST).then_some(now);
        if self.accounts.len() * 8 < self.accounts.capacity() {
            self.accounts.shrink_to(2 * self.accounts.len());
        }
    }

    /// What a connection spent is charged; how long nothing more is to be read of it (ms), 0 if it may go on.
    pub fn settle(&mut self, now: u64, purse: &mut Purse) -> u64 {
        let (account, rate) = self.account(now, purse.payer());
        let spent = purse.hand_in(now);
        account.charge(rate, now, spent);
        let turn = purse.has_turn(now).unwrap_or_else(|| {
            let wait = account.wait(rate, now, purse.age(), purse.recent());
            purse.is_to_wait(now, wait);
            wait
        });
        let frames = match purse.wait(now) {
            0 => 0,
            wait => wait.clamp(LEAST_PAUSE, MOST_PAUSE),
        };
        turn.max(frames)
    }

    /// Something is done for somebody who has no connection yet; how long they are to wait for more (ms).
    pub fn charge(&mut self, now: u64, payer: Payer, work: u64) -> u64 {
        let (account, rate) = self.account(now, payer);
        account.charge(rate, now, work);
        account.queue(rate, now)
    }

    /// Somebody's work was another one's.
    pub fn give_back(&mut self, now: u64, payer: Payer, work: u64) {
        self.account(now, payer).0.give_back(work);
    }
}

/// Somebody else pays for a connection from now on, also for what it has spent until now: who is to be given back how much.
pub fn moves(purse: &mut Purse, payer: Payer) -> (Payer, u64) {
    let before = purse.payer();
    (before, purse.moves_to(payer))
}
