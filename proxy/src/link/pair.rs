//! A new pair of connections, and what can be wrong with it.

use super::dial::{Dialled, dial};
use super::identity::Identity;
use super::refusal::Refusal;
use super::value::{Pairs, text};
use super::way::Endpoint;
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, RedisResult, Value, cmd};
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
            if is_cluster(&mut commands).await {
                return Err(Refusal::Cluster);
            }
            let mut lacks_id = false;
            let hello = identity.hello(&mut commands, lease, &mut lacks_id).await;
            hello.map_err(|error| Refusal::from(&error))?;
            is_primary(&mut commands).await?;
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

/// `HELLO` needs no right.
async fn is_cluster(commands: &mut MultiplexedConnection) -> bool {
    let hello: RedisResult<Value> = cmd("HELLO").query_async(commands).await;
    let mode = hello.ok().map(Pairs::of);
    let mode = mode.and_then(|hello| hello.get("mode").and_then(text));
    mode.as_deref() == Some("cluster")
}

/// Sessions begin on a primary only. Where an ACL forbids the question, the commands themselves will tell.
async fn is_primary(commands: &mut MultiplexedConnection) -> Result<(), Refusal> {
    let role = cmd("ROLE").query_async::<Vec<Value>>(commands).await;
    let role = role.ok().and_then(|role| text(role.first()?));
    match role {
        Some(role) if role != "master" => Err(Refusal::Unreachable(format!("it is a {role}"))),
        _ => Ok(()),
    }
}
