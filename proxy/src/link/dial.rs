//! One connection to Redis: over TCP, a Unix socket, or TLS.

use super::lane::MOST_OPEN;
use super::refusal::Refusal;
use super::way::{Endpoint, Opened};
use crate::tls::trust::speak;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A connection, and what keeps it going as long as this value lives.
pub(super) struct Dialled {
    pub(super) connection: MultiplexedConnection,
    pub(super) driving: JoinSet<()>,
}

/// Connects and logs in; `heard` gets what is announced.
pub(super) async fn dial(
    at: &Endpoint,
    opened: &Opened,
    within: Duration,
    heard: impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static,
) -> Result<Dialled, Refusal> {
    let options = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(within))
        // Each request has its own deadline, which begins when it is handed over.
        .set_response_timeout(None)
        .set_pipeline_buffer_size(2 * MOST_OPEN)
        .set_push_sender(heard);
    let mut driving = JoinSet::new();
    let Some(config) = &opened.tls else {
        let client = &opened.client;
        let made = client.get_multiplexed_async_connection_with_config(&options);
        let connection = made.await.map_err(|error| Refusal::from(&error))?;
        return Ok(Dialled {
            connection,
            driving,
        });
    };
    // By ourselves: the library reads all of the system's authorities for each connection, and tells errors as words only.
    let (host, port) = at.host();
    let unreachable = |why: String| Refusal::Unreachable(why);
    let stream = TcpStream::connect((host, port)).await;
    let stream = stream.map_err(|error| unreachable(error.to_string()))?;
    let _ = stream.set_nodelay(true);
    // A server without TLS may wait for the end of a line that never comes.
    let stream = match timeout(within / 2, speak(config.clone(), host, stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(wrong)) if wrong.lasts => return Err(Refusal::Tls(wrong.why)),
        Ok(Err(wrong)) => return Err(unreachable(wrong.why)),
        Err(_) => {
            let said = "it says nothing to a handshake of TLS: does this port speak TLS?";
            return Err(unreachable(said.to_owned()));
        }
    };
    let settings = opened.client.get_connection_info().redis_settings();
    let made = MultiplexedConnection::new_with_config(settings, stream, options).await;
    let (connection, driver) = made.map_err(|error| Refusal::from(&error))?;
    driving.spawn(driver);
    Ok(Dialled {
        connection,
        driving,
    })
}
