//! Bytes a second that somebody may publish, stored or not: on one connection, and as one uid on all of them. Ten seconds'
//! worth may come at once.

use crate::clock;
use crate::config::Config;
use hub_core::budget::debts::Debts;
use hub_core::budget::too_fast::TooFast;
use parking_lot::Mutex;

/// Seconds' worth of bytes that may come at once.
pub(crate) const BURST_SECONDS: u64 = 10;

/// See the top of the file. Only who spoke a moment ago is known here: a connection at rest takes no place.
pub(crate) struct Speech {
    of_connection: Limit,
    of_uid: Limit,
}

struct Limit {
    debts: Mutex<Debts>,
    told: TooFast,
}

/// Whose limit it was.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose {
    Connection,
    Uid,
}

impl Limit {
    fn new(whose: &'static str, most: u32, option: &'static str) -> Self {
        let rate = u64::from(most);
        Self {
            debts: Mutex::new(Debts::new(rate, rate * BURST_SECONDS)),
            told: TooFast {
                whose,
                what: TooFast::BYTES,
                most: rate,
                option,
                after: 0,
            },
        }
    }

    fn take(&self, now: u64, who: u64, bytes: u64) -> Result<(), TooFast> {
        let taken = self.debts.lock().take(now, who, bytes, 0);
        taken.map_err(|after| TooFast { after, ..self.told })
    }
}

impl Speech {
    pub(crate) fn new(config: &Config) -> Self {
        let (connection, uid) = (
            config.limits.publish_bytes_per_connection,
            config.limits.publish_bytes_per_uid,
        );
        Self {
            of_connection: Limit::new(
                "this connection",
                connection,
                "--publish-bytes-per-connection",
            ),
            of_uid: Limit::new("this uid", uid, "--publish-bytes-per-uid"),
        }
    }

    /// Somebody says so much on a connection; each is known by a number.
    pub(crate) fn say(
        &self,
        connection: u64,
        uid: Option<u64>,
        bytes: u64,
    ) -> Result<(), (Whose, TooFast)> {
        let now = clock::now_ms();
        let said = self.of_connection.take(now, connection, bytes);
        said.map_err(|told| (Whose::Connection, told))?;
        let Some(uid) = uid else {
            return Ok(());
        };
        let said = self.of_uid.take(now, uid, bytes);
        said.map_err(|told| {
            let mut debts = self.of_connection.debts.lock();
            debts.give_back(now, connection, bytes);
            (Whose::Uid, told)
        })
    }
}
