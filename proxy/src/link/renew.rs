//! Renews a pair's lease, and sees whether both connections answer, and whether it is still a primary that does.

use super::itself::other_role;
use super::means::Means;
use super::value::fault_of;
use crate::inbox::Input;
use hub_core::ask::Fault;
use redis::aio::MultiplexedConnection;
use redis::{Value, cmd};
use tokio::time::{sleep, timeout};
use tracing::warn;

/// Goes on until the pair is not to be kept: why.
pub(super) async fn renew(
    means: &Means,
    generation: u64,
    (mut commands, mut announcements): (MultiplexedConnection, MultiplexedConnection),
    mut lacks_id: bool,
) -> &'static str {
    loop {
        sleep(means.lease / 3).await;
        let hello = means
            .identity
            .hello(&mut commands, means.lease, &mut lacks_id);
        match timeout(means.timeout, hello).await {
            Ok(Ok(true)) => {
                warn!("Redis had ended the sessions: announcing all of them again");
                means.inboxes.tell_all(|| Input::Announce(generation));
            }
            Ok(Ok(false)) => {}
            Ok(Err(error)) if fault_of(&error) != Fault::Down => {
                // Busy with a script, say. The lease lasts a while longer.
                warn!(%error, "the lease is not renewed yet");
            }
            _ => return "the lease could not be renewed",
        }
        match timeout(means.timeout, other_role(&mut commands)).await {
            Ok(None) => {}
            Ok(Some(_)) => return "this server is no primary any more",
            Err(_) => return "it does not say its role",
        }
        let ping = cmd("PING");
        let ping = ping.query_async::<Value>(&mut announcements);
        match timeout(means.timeout, ping).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) if fault_of(&error) != Fault::Down => {}
            _ => return "the connection for announcements does not answer",
        }
    }
}
