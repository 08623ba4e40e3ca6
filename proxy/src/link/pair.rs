//! A new pair of connections, and what can be wrong with it.

use super::address::Address;
use super::identity::Identity;
use super::lane::MOST_OPEN;
use super::value::{Pairs, fault_of, is_unknown_command, text};
use hub_core::ask::Fault;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, RedisError, RedisResult, Value, cmd};
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

/// Why there is no pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody answers, or not as Redis, or it is not ready yet.
    Unreachable(String),
    /// It answers, and will say the same the next time: a password is wrong, or a right is missing.
    Denied(String),
    /// It has no `ROOM.*` commands.
    NoModule,
    /// It is a part of a Redis Cluster.
    Cluster,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) | Self::Denied(why) => f.write_str(why),
            Self::NoModule => f.write_str("it has no ROOM.* commands"),
            Self::Cluster => f.write_str("it is in cluster mode"),
        }
    }
}

/// A pair of connections.
pub(super) struct Pair {
    pub(super) commands: MultiplexedConnection,
    pub(super) announcements: MultiplexedConnection,
}

impl Pair {
    /// Connects, says who we are, and sees whether this is a server for us. `heard` gets what is announced.
    pub(super) async fn new(
        address: &Address,
        identity: &Identity,
        (lease, within): (Duration, Duration),
        heard: impl Fn(PushInfo) -> Result<(), ()> + Clone + Send + Sync + 'static,
    ) -> Result<Self, Refusal> {
        let made = async {
            let mut commands = connect(address, within, heard.clone()).await?;
            if is_cluster(&mut commands).await {
                return Err(Refusal::Cluster);
            }
            identity.forget_module();
            let hello = identity.hello(&mut commands, lease).await;
            hello.map_err(|error| refusal(&error))?;
            is_primary(&mut commands).await?;
            identity.show(&mut commands).await;
            let mut announcements = connect(address, within, heard).await?;
            identity.show(&mut announcements).await;
            Ok(Self {
                commands,
                announcements,
            })
        };
        match timeout(within, made).await {
            Ok(made) => made,
            Err(_) => Err(Refusal::Unreachable("it does not answer in time".into())),
        }
    }
}

async fn connect(
    address: &Address,
    within: Duration,
    heard: impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static,
) -> Result<MultiplexedConnection, Refusal> {
    let options = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(within))
        // Each request has its own deadline, which begins when it is handed over.
        .set_response_timeout(None)
        .set_pipeline_buffer_size(2 * MOST_OPEN)
        .set_push_sender(heard);
    let client = &address.client;
    let made = client.get_multiplexed_async_connection_with_config(&options);
    made.await.map_err(|error| refusal(&error))
}

fn refusal(error: &RedisError) -> Refusal {
    let said = error.to_string();
    let denied = |said: &str| {
        ["WRONGPASS", "NOAUTH", "NOPERM", "AUTH", "invalid password"]
            .iter()
            .any(|word| said.contains(word))
    };
    match fault_of(error) {
        fault if is_unknown_command(&fault) => Refusal::NoModule,
        Fault::Refused { code, message } if denied(&code) || denied(&message) => {
            Refusal::Denied(format!("{code} {message}"))
        }
        Fault::Refused { code, message } => Refusal::Unreachable(format!("{code} {message}")),
        Fault::Down if denied(&said) || error.kind() == redis::ErrorKind::AuthenticationFailed => {
            Refusal::Denied(said)
        }
        Fault::Down => Refusal::Unreachable(said),
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
