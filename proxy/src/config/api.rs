//! The options of the HTTP API for backends.

use crate::times::duration;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// See the top of the file.
#[derive(Clone, Debug, Args)]
pub struct ApiOptions {
    /// A file with keys for the HTTP API (/api), one in each line, of at least 32 bytes: whoever holds one publishes as
    /// anybody, reads, invites, kicks and bans. Read again when it changes; without it there is no API
    #[arg(long, env = "ROOMCAST_API_KEY_FILE", value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,

    /// Where the API is served, with TLS if there is --tls-cert [default: at --listen]
    #[arg(long, env = "ROOMCAST_API_LISTEN", value_name = "ADDR:PORT")]
    pub api_listen: Option<SocketAddr>,

    /// Connections to --api-listen at most, half of them of one address
    #[arg(
        long,
        env = "ROOMCAST_API_CONNECTIONS",
        default_value_t = 256,
        value_name = "N"
    )]
    pub api_connections: usize,

    /// Requests to the API that are worked on at the same time; more are refused with TOOFAST
    #[arg(
        long,
        env = "ROOMCAST_API_REQUESTS",
        default_value_t = 64,
        value_name = "N"
    )]
    pub api_requests: u32,

    /// The largest body of a request to the API
    #[arg(long, env = "ROOMCAST_API_BODY", default_value_t = 1024 * 1024, value_name = "BYTES")]
    pub api_body: usize,

    /// How long a request to the API may wait for Redis; what has no answer then may have been done
    #[arg(long, env = "ROOMCAST_API_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "TIME")]
    pub api_timeout: Duration,
}
