//! A new pair of connections, and what can be wrong with it.

use super::commands::Channels;
use super::dial::{Dialled, dial};
use super::identity::Identity;
use super::itself::{mode, other_role};
use super::refusal::Refusal;
use super::way::Endpoint;
use redis::PushInfo;
use redis::aio::MultiplexedConnection;
use std::time::Duration;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

/// A pair of connections.
pub(super) struct Pair {
    pub(super) commands: MultiplexedConnection,
    pub(super) announcements: MultiplexedConnection,
    /// What keeps them going. With it both end, whatever a server that stands still has not taken yet.
    pub(super) driving: [JoinSet<()>; 2],
    /// See [`Identity::hello`].
    pub(super) lacks_id: bool,
}

impl Pair {
    /// Connects, says who we are, and sees whether this is a server for us. `heard` gets what is announced.
    pub(super) async fn new(
        at: &Endpoint,
        identity: &Identity,
        (lease, within): (Duration, Duration),
        channels: Channels,
        heard: impl Fn(PushInfo) -> Result<(), ()> + Clone + Send + Sync + 'static,
    ) -> Result<Self, Refusal> {
        let made = async {
            let files = at.clone();
            let opened = spawn_blocking(move || files.open()).await;
            let opened = opened.map_err(|error| Refusal::Files(error.to_string()))?;
            let opened = opened.map_err(Refusal::Files)?;
            let Dialled {
                connection: mut commands,
                driving,
            } = dial(at, &opened, within, heard.clone()).await?;
            match mode(&mut commands).await.as_deref() {
                Some("cluster") if channels == Channels::Plain => return Err(Refusal::Cluster),
                Some("standalone") if channels == Channels::Sharded => {
                    return Err(Refusal::NoCluster);
                }
                Some("sentinel") => return Err(Refusal::IsSentinel),
                _ => {}
            }
            let mut lacks_id = false;
            let hello = identity.hello(&mut commands, lease, &mut lacks_id).await;
            hello.map_err(|error| Refusal::from(&error))?;
            // Sessions begin on a primary only.
            if let Some(role) = other_role(&mut commands).await {
                return Err(Refusal::Unreachable(format!("it is a {role}")));
            }
            identity.show(&mut commands).await;
            let mut other = dial(at, &opened, within, heard).await?;
            identity.show(&mut other.connection).await;
            Ok(Self {
                commands,
                announcements: other.connection,
                driving: [driving, other.driving],
                lacks_id,
            })
        };
        match timeout(within, made).await {
            Ok(made) => made,
            Err(_) => Err(Refusal::Unreachable("it does not answer in time".into())),
        }
    }
}
