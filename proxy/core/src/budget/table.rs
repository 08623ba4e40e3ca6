//! The accounts of all who owe something. Who owes nothing needs none: so they are few, and who comes back finds their own.

use super::account::{Account, Rate};
use super::known::Known;
use super::payer::{Payer, Rates};
use super::purse::Purse;

/// Accounts at most; who comes after that shares one with others who do.
const MOST: usize = 16_384;
/// A pause for frames that is shorter is not worth its timer; after a longer one it is looked at again.
const LEAST_PAUSE: u64 = 50;
const MOST_PAUSE: u64 = 500;

/// See the top of the file.
#[derive(Debug)]
pub struct Table {
    rates: Rates,
    accounts: Known<Payer, Account>,
    /// Of those who have none of their own.
    rest: Account,
}

impl Table {
    /// Where nobody owes anything.
    pub fn new(rates: Rates) -> Self {
        Self {
            rates,
            accounts: Known::new(MOST),
            rest: Account::new(rates.of(Payer::Rest), 0),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether nobody owes anything.
    pub fn is_empty(&self) -> bool {
        self.accounts.len() == 0
    }

    /// Somebody's account, and what it may be charged.
    fn account(&mut self, now: u64, payer: Payer) -> (&mut Account, Rate) {
        let rates = self.rates;
        let rate = rates.of(payer);
        if payer == Payer::Rest {
            return (&mut self.rest, rate);
        }
        let is_settled =
            |payer: &Payer, account: &mut Account| account.is_settled(rates.of(*payer), now);
        let new = || Account::new(rate, now);
        match self.accounts.of(now, payer, new, is_settled) {
            Some(account) => (account, rate),
            None => (&mut self.rest, rates.of(Payer::Rest)),
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
