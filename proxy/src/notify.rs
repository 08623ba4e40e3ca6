//! What a service manager (systemd) is told, if one asks by `NOTIFY_SOCKET`: that we are ready, load again, stop, live.

use crate::server::Server;
use sd_notify::NotifyState;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tracing::{info, warn};

/// How often it is looked whether we are ready.
const LOOK_EVERY: Duration = Duration::from_millis(50);

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "the service manager (NOTIFY_SOCKET) cannot be told");
    }
}

/// We serve.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// We stop.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says that we are ready as soon as `/readyz` does, once, and then that we live as often as is asked. For ever.
pub(crate) async fn follow(server: Arc<Server>) {
    while server.why_not_ready().is_some() {
        sleep(LOOK_EVERY).await;
    }
    ready();
    info!("ready");
    let Some(within) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    loop {
        // This thread has the link, the others the rooms: all of them must have had their turn.
        server.all_threads_live().await;
        tell(&[NotifyState::Watchdog]);
        sleep(within / 3).await;
    }
}
