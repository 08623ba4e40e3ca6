//! The accounts that all connections share, behind a few locks; and who is known by which number in them.

use crate::config::Config;
use crate::http::gate::Group;
use crate::newcomers::Newcomers;
use crate::speech::Speech;
use hub_core::budget::account::Rate;
use hub_core::budget::payer::{Payer, Rates};
use hub_core::budget::purse::Purse;
use hub_core::budget::strikes::Strikes;
use hub_core::budget::table::{Table, moves};
use parking_lot::{Mutex, MutexGuard};
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};

/// Tables, each with its lock.
const SHARDS: usize = 16;

/// See the top of the file.
pub(crate) struct Budgets {
    rates: Rates,
    shards: Vec<Mutex<Table>>,
    /// Of those who have no number.
    rest: Mutex<Table>,
    strikes: Mutex<Strikes>,
    pub(crate) newcomers: Newcomers,
    pub(crate) speech: Speech,
    hasher: RandomState,
}

impl fmt::Debug for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budgets").finish_non_exhaustive()
    }
}

impl Budgets {
    pub(crate) fn new(config: &Config) -> Self {
        let rates = Rates {
            address: Rate(config.limits.work_per_address.into()),
            uid: Rate(config.limits.work_per_uid.into()),
            frames: config.limits.max_rate,
        };
        Self {
            rates,
            shards: (0..SHARDS).map(|_| Mutex::new(Table::new(rates))).collect(),
            rest: Mutex::new(Table::new(rates)),
            strikes: Mutex::default(),
            newcomers: Newcomers::new(config),
            speech: Speech::new(config),
            hasher: RandomState::new(),
        }
    }

    fn number(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }

    pub(crate) fn address(&self, group: Group) -> Payer {
        Payer::Address(self.number(group))
    }

    pub(crate) fn uid(&self, uid: &str) -> Payer {
        Payer::Uid(self.number(uid))
    }

    fn shard(&self, payer: Payer) -> MutexGuard<'_, Table> {
        let shard = match payer {
            Payer::Address(number) | Payer::Uid(number) => {
                self.shards.get(number as usize % SHARDS)
            }
            Payer::Rest => None,
        };
        shard.unwrap_or(&self.rest).lock()
    }

    /// A connection begins.
    pub(crate) fn open(&self, now: u64, payer: Payer) -> Purse {
        Purse::new(payer, &self.rates, now)
    }

    /// What a connection spent is charged; how long nothing more is to be read of it (ms).
    pub(crate) fn settle(&self, now: u64, purse: &mut Purse) -> u64 {
        self.shard(purse.payer()).settle(now, purse)
    }

    /// Something is done for somebody who has no connection yet; how long they are to wait for more (ms).
    pub(crate) fn charge(&self, now: u64, payer: Payer, work: u64) -> u64 {
        self.shard(payer).charge(now, payer, work)
    }

    /// A token proved whose connection this is.
    pub(crate) fn belongs(&self, now: u64, purse: &mut Purse, uid: &str) {
        let payer = self.uid(uid);
        if purse.payer() == payer {
            return;
        }
        let (before, paid) = moves(purse, payer);
        self.shard(before).give_back(now, before, paid);
    }

    /// Somebody with this uid, as a number: without tokens anybody may say that it is theirs, so only what they do from here counts.
    pub(crate) fn somebody(&self, payer: Payer, uid: Option<&str>) -> Option<u64> {
        match payer {
            Payer::Uid(number) => Some(number),
            Payer::Address(number) => uid.map(|uid| self.number((number, uid))),
            Payer::Rest => None,
        }
    }

    /// A connection is closed for more than its budget, on which this uid logged in: whether that is once too often. It is
    /// never for an address alone.
    pub(crate) fn strike(&self, now: u64, payer: Payer, uid: Option<&str>) -> bool {
        let who = self.somebody(payer, uid);
        who.is_some_and(|who| Strikes::is_too_often(self.strikes.lock().strike(now, who)))
    }
}
