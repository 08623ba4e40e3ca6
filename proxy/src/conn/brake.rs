//! What is done about a connection that is above its budget: it is read more slowly, told so, and closed in the end.

use super::shared::Conn;
use crate::budget::Budgets;
use crate::metrics::Metrics;
use crate::said::Said;
use hub_core::budget::payer::Payer;
use hub_core::budget::pressure::{Press, Pressure};
use hub_core::close::Close;
use hub_core::events;
use hub_core::wire::About;
use std::sync::Arc;
use tracing::info;

/// What the brakes of all connections need.
pub(crate) struct Brakes {
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) metrics: Arc<Metrics>,
    /// For how long a connection may be above its budget (ms).
    pub(crate) busy_timeout: u64,
    /// Clients that were closed above it.
    pub(crate) told: Said,
}

/// See the top of the file. One that never was above it has next to nothing.
#[derive(Debug, Default)]
pub(super) struct Brake {
    pressure: Option<Box<Pressure>>,
}

impl Brake {
    /// Reading pauses at `now` for `wait` ms; what the connection is closed with if it did for long enough. `payer` pays
    /// for it, and `uid` logged in.
    pub(super) fn press(
        &mut self,
        (now, wait): (u64, u64),
        (payer, uid): (Payer, Option<&str>),
        conn: &Conn,
        brakes: &Brakes,
    ) -> Option<Close> {
        brakes.metrics.pauses.inc();
        let pressure = self
            .pressure
            .get_or_insert_with(|| Box::new(Pressure::new(now)));
        match pressure.pauses(now, now + wait, brakes.busy_timeout) {
            Press::Pause => None,
            Press::Tell => {
                brakes.metrics.slowdowns.inc();
                let what = "this connection is above its budget: it is read more slowly; send less";
                conn.say(&events::error("SLOWDOWN", what, &About::default()));
                None
            }
            Press::Close => Some(close(now, (payer, uid), conn, brakes)),
        }
    }
}

fn close(now: u64, (payer, uid): (Payer, Option<&str>), conn: &Conn, brakes: &Brakes) -> Close {
    let too_often = brakes.budgets.strike(now, payer, uid);
    let (why, counter) = match too_often {
        true => (Close::Flood, &brakes.metrics.floods),
        false => (Close::Busy, &brakes.metrics.busy),
    };
    counter.inc();
    if let Some(left_out) = brakes.told.again() {
        let address = conn.stream().peer_addr().ok();
        info!(
            conn = conn.id(),
            ?address,
            client = %conn.client,
            left_out,
            code = why.code(),
            "closed a connection that stayed above its budget"
        );
    }
    why
}
