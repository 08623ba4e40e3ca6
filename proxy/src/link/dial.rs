//! One connection to Redis: over TCP, a Unix socket, or TLS.

use super::lane::MOST_OPEN;
use super::refusal::Refusal;
use super::turns::Turns;
use super::way::{Endpoint, Opened, Spot};
use crate::tls::trust::speak;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, RedisConnectionInfo};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
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
        // Each request has its own deadline, which begins when it is handed over.
        .set_response_timeout(None)
        .set_pipeline_buffer_size(2 * MOST_OPEN)
        .set_push_sender(heard);
    let settings = &opened.settings;
    let unreachable = |error: io::Error| Refusal::Unreachable(error.to_string());
    let (host, port) = match at.spot() {
        Spot::Socket(path) => {
            let stream = UnixStream::connect(path).await.map_err(unreachable)?;
            return speaks(settings, stream, options).await;
        }
        Spot::Port(host, port) => (host, port),
    };
    let stream = TcpStream::connect((host, port)).await;
    let stream = stream.map_err(unreachable)?;
    let _ = stream.set_nodelay(true);
    let Some(config) = &opened.tls else {
        return speaks(settings, stream, options).await;
    };
    // By ourselves: the library reads all of the system's authorities for each connection, and tells errors as words only.
    // A server without TLS may wait for the end of a line that never comes.
    match timeout(within / 2, speak(config.clone(), host, stream)).await {
        Ok(Ok(stream)) => speaks(settings, stream, options).await,
        Ok(Err(wrong)) if wrong.lasts => Err(Refusal::Tls(wrong.why)),
        Ok(Err(wrong)) => Err(Refusal::Unreachable(wrong.why)),
        Err(_) => {
            let said = "it says nothing to a handshake of TLS: does this port speak TLS?";
            Err(Refusal::Unreachable(said.to_owned()))
        }
    }
}

/// Logs in over what is connected.
async fn speaks(
    settings: &RedisConnectionInfo,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    options: AsyncConnectionConfig,
) -> Result<Dialled, Refusal> {
    let made = MultiplexedConnection::new_with_config(settings, Turns(stream), options).await;
    let (connection, driver) = made.map_err(|error| Refusal::from(&error))?;
    let mut driving = JoinSet::new();
    driving.spawn(driver);
    Ok(Dialled {
        connection,
        driving,
    })
}
