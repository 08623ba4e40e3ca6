//! What a login pays for a membership that may be new. Whoever cannot pay comes in as a member only.

use super::shared::Conn;
use crate::budget::Budgets;
use crate::http::gate::Group;
use hub_core::budget::admission::{Admission, Fee, NEW_ROOM};
use hub_core::budget::payer::Payer;
use hub_core::event::Login;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Who pays for what a uid does on a connection: the uid where tokens prove it, else the address.
pub(super) fn payer(conn: &Conn, budgets: &Budgets, tokens: bool, uid: &str) -> Payer {
    match tokens {
        true => budgets.uid(uid),
        false => budgets.address(Group::of(conn.client)),
    }
}

/// With a token the uid pays for a new room, without one the address; a guest becomes no member.
pub(super) fn pay(conn: &Arc<Conn>, budgets: &Arc<Budgets>, tokens: bool, login: &mut Login) {
    if !login.guest {
        let payer = payer(conn, budgets, tokens, &login.uid);
        login.admission = admission(conn, budgets, payer);
    }
}

fn admission(conn: &Arc<Conn>, budgets: &Arc<Budgets>, payer: Payer) -> Admission {
    let had = &conn.memberships;
    match budgets.newcomers.pay(payer, had.load(Ordering::Relaxed)) {
        Ok(()) => {
            had.fetch_add(NEW_ROOM as u32, Ordering::Relaxed);
            Admission::Paid(Box::new(Paid {
                conn: conn.clone(),
                budgets: budgets.clone(),
                payer,
                left: NEW_ROOM,
            }))
        }
        Err(told) => Admission::Members(Box::new(told)),
    }
}

/// See the top of the file.
struct Paid {
    conn: Arc<Conn>,
    budgets: Arc<Budgets>,
    payer: Payer,
    left: u64,
}

impl fmt::Debug for Paid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paid").finish_non_exhaustive()
    }
}

impl Fee for Paid {
    fn used(&mut self, cost: u64) {
        self.left = self.left.saturating_sub(cost);
    }
}

impl Drop for Paid {
    fn drop(&mut self) {
        self.budgets.newcomers.give_back(self.payer, self.left);
        let had = &self.conn.memberships;
        had.fetch_sub(self.left as u32, Ordering::Relaxed);
    }
}
