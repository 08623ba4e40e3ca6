//! Newcomers pay for coming. Whoever comes from an address that causes as much work as it may waits a little before anything
//! of it is read: those who come again and again are slowed by it, and all get in who stay for it.

use super::gate::Group;
use crate::budget::Budgets;
use crate::clock;
use crate::metrics::Metrics;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Charges so much work to an address, and waits if that is too much. False: the client has gone meanwhile.
pub(super) async fn queue(
    budgets: &Budgets,
    metrics: &Metrics,
    (address, work): (IpAddr, u64),
    stream: &TcpStream,
) -> bool {
    let payer = budgets.address(Group::of(address));
    let wait = budgets.charge(clock::now_ms(), payer, work);
    if wait == 0 {
        return true;
    }
    metrics.queued.inc();
    // Nothing is read: this is ready at the end of the connection only, and then its place is another one's.
    let gone = stream.ready(Interest::PRIORITY);
    timeout(Duration::from_millis(wait), gone).await.is_err()
}
