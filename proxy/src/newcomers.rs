//! New memberships an hour: of a uid that a token proved, else of an address. Each may have an hour's worth at once.

use crate::clock;
use crate::config::Config;
use hub_core::budget::admission::NEW_ROOM;
use hub_core::budget::debts::Debts;
use hub_core::budget::payer::Payer;
use hub_core::budget::too_fast::TooFast;
use parking_lot::Mutex;

/// One membership costs as many units as an hour has seconds: so a limit by the hour is as many units a second.
const ONE: u64 = 3600;

/// See the top of the file.
pub(crate) struct Newcomers {
    of_uid: Limit,
    of_address: Limit,
}

struct Limit {
    debts: Mutex<Debts>,
    told: TooFast,
}

impl Limit {
    fn new(whose: &'static str, most: u32, option: &'static str) -> Self {
        let most = most.into();
        Self {
            debts: Mutex::new(Debts::new(most, most.saturating_mul(ONE))),
            told: TooFast {
                whose,
                what: "new memberships an hour, and a new room counts as ten",
                most,
                option,
                after: 0,
            },
        }
    }
}

impl Newcomers {
    pub(crate) fn new(config: &Config) -> Self {
        let (uid, address) = (
            config.limits.memberships_per_uid,
            config.limits.memberships_per_address,
        );
        Self {
            of_uid: Limit::new("this uid", uid, "--memberships-per-uid"),
            of_address: Limit::new("this address", address, "--memberships-per-address"),
        }
    }

    /// Whose limit it is, by which number, and whether many share it.
    const fn of(&self, payer: Payer) -> (&Limit, u64, bool) {
        match payer {
            Payer::Uid(number) => (&self.of_uid, number, false),
            Payer::Address(number) => (&self.of_address, number, true),
            Payer::Rest => (&self.of_address, 0, true),
        }
    }

    /// Pays for a new room, on a connection that had so many memberships. Of an address it gets no more than is left for the
    /// others: its first ones are never refused for what others took, as long as there is anything.
    pub(crate) fn pay(&self, payer: Payer, had: u32) -> Result<(), TooFast> {
        let (limit, number, is_shared) = self.of(payer);
        let own = if is_shared { u64::from(had) * ONE } else { 0 };
        let mut debts = limit.debts.lock();
        let taken = debts.take(clock::now_ms(), number, NEW_ROOM * ONE, own);
        taken.map_err(|after| TooFast {
            after,
            ..limit.told
        })
    }

    /// So many were paid for and not had.
    pub(crate) fn give_back(&self, payer: Payer, count: u64) {
        let (limit, number, _) = self.of(payer);
        let mut debts = limit.debts.lock();
        debts.give_back(clock::now_ms(), number, count.saturating_mul(ONE));
    }
}
