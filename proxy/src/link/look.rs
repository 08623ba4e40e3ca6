//! Asking a cluster's nodes who owns what.

use super::dial::{Dialled, dial};
use super::itself::mode;
use super::refusal::Refusal;
use super::slots::{Place, View};
use super::value::{checked, fault_of};
use super::way::Endpoint;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hub_core::ask::Fault;
use redis::aio::MultiplexedConnection;
use redis::{RedisError, cmd};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};

/// An answer takes so long at most; and when one has come, the others so long from then on.
const WITHIN: Duration = Duration::from_secs(1);
const MORE: Duration = Duration::from_millis(200);

/// How a node is asked.
pub(super) enum Look {
    /// On a connection that is there.
    Linked(MultiplexedConnection),
    /// On one for this question alone.
    Alone(Endpoint),
}

/// What one says.
pub(super) async fn look_at(place: &Place, how: Look) -> Result<View, Refusal> {
    let asked = async {
        match how {
            Look::Linked(mut connection) => view(place, &mut connection).await,
            Look::Alone(at) => alone(place, at).await,
        }
    };
    let late = |_| Err(Refusal::Unreachable("it does not answer in time".into()));
    timeout(WITHIN, asked).await.unwrap_or_else(late)
}

/// What all of them say who answer.
pub(super) async fn look(asked: Vec<(Place, Look)>) -> Vec<View> {
    let views = asked
        .into_iter()
        .map(|(place, how)| async move { look_at(&place, how).await });
    let mut views: FuturesUnordered<_> = views.collect();
    let mut said = Vec::new();
    let mut until = Instant::now() + WITHIN;
    while let Ok(Some(view)) = timeout_at(until, views.next()).await {
        if let Ok(view) = view {
            said.push(view);
            until = until.min(Instant::now() + MORE);
        }
    }
    said
}

async fn alone(place: &Place, at: Endpoint) -> Result<View, Refusal> {
    let files = at.clone();
    let opened = spawn_blocking(move || files.open()).await;
    let opened = opened.map_err(|error| Refusal::Files(error.to_string()))?;
    let opened = opened.map_err(Refusal::Files)?;
    let Dialled {
        mut connection,
        driving: _driving,
    } = dial(&at, &opened, WITHIN, |_| Ok(())).await?;
    match mode(&mut connection).await.as_deref() {
        Some("sentinel") => Err(Refusal::IsSentinel),
        Some("standalone") => Err(Refusal::NoCluster),
        _ => view(place, &mut connection).await,
    }
}

async fn view(place: &Place, connection: &mut MultiplexedConnection) -> Result<View, Refusal> {
    let mut slots = cmd("CLUSTER");
    slots.arg("SLOTS");
    let reply: Result<_, RedisError> = connection.send_packed_command(&slots).await;
    let reply = match reply {
        Err(error) if fault_of(&error) == Fault::Down => return Err(Refusal::from(&error)),
        reply => checked(reply),
    };
    let reply = reply.map_err(|fault| Refusal::Denied(fault.to_string()))?;
    let view = View::read(&reply, place);
    view.ok_or_else(|| Refusal::Denied("it answers CLUSTER SLOTS in an unknown way".to_owned()))
}
