//! The WebSocket proxy: browsers' JSON events on one side, Redis with the Roomcast module on the other.
//!
//! | file | what it holds |
//! |---|---|
//! | [`config`] | the options |
//! | [`broken`] | defects on request, in builds for tests of the tests |
//! | [`wire`] | the JSON events (pure) |
//! | [`close`] | why a connection is closed (pure) |
//! | [`session`] | what one connection was sent and has confirmed (pure) |
//! | [`catchup`] | joining pages and live frames without a gap (pure) |
//! | [`frame`] | WebSocket frames, encoded once (pure) |
//! | `events` | what a client's events do |
//! | `conn`, `outbox`, `socket` | one connection: its task, its writing half, what the WebSocket library sees of it |
//! | `hub/` | one room: who is here, live frames, catch-up, acknowledgements |
//! | `redis/` | the link: two connections that live and die together, the commands |
//! | `http` | the upgrade, the demo page, health, metrics |
//! | `server` | what all connections share, and the clock that looks after them |
//! | [`metrics`] | every number that is counted |

mod clock;
mod conn;
mod events;
mod http;
mod hub;
mod outbox;
mod redis;
mod server;
mod socket;

pub mod broken;
pub mod catchup;
pub mod close;
pub mod config;
pub mod frame;
pub mod metrics;
pub mod session;
pub mod wire;

pub use redis::StartError;

use config::Config;
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;
use tracing::info;

/// Serves until `stop` is done. `admin` is where metrics are served, if anywhere.
pub async fn run(
    config: Config,
    listener: TcpListener,
    admin: Option<TcpListener>,
    stop: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let config = Arc::new(config);
    let hubs = hub::Hubs::new(config.clone());
    let redis = redis::Redis::start(&config, hubs.clone()).await?;
    hubs.start(redis.clone());
    let server = server::Server::new(config.clone(), redis, hubs);
    if let Ok(address) = listener.local_addr() {
        info!(%address, redis = config.redis_shown(), "serving");
    }
    let serving = http::listen(listener, server.clone());
    let metrics = async {
        match admin {
            Some(admin) => http::listen_admin(admin).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = serving => {}
        () = metrics => {}
        () = stop => {}
    }
    info!("stopping");
    server.stop().await;
    Ok(())
}
