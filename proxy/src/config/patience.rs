//! How long clients may be silent, or slow.

use crate::times::duration;
use clap::Args;
use std::time::Duration;

/// See the top of the file.
#[derive(Clone, Debug, Args)]
pub struct PatienceOptions {
    /// A silent connection is asked for a sign of life this often
    #[arg(long, env = "ROOMCAST_HEARTBEAT", default_value = "20s", value_parser = duration, value_name = "TIME")]
    pub heartbeat: Duration,

    /// A connection that gave no sign of life for so long is closed
    #[arg(long, env = "ROOMCAST_DEAD_AFTER", default_value = "45s", value_parser = duration, value_name = "TIME")]
    pub dead_after: Duration,

    /// A WebSocket on which nobody logged in for so long is closed
    #[arg(long, env = "ROOMCAST_LOGIN_TIMEOUT", default_value = "60s", value_parser = duration, value_name = "TIME")]
    pub login_timeout: Duration,

    /// A message must be whole so long after its first byte
    #[arg(long, env = "ROOMCAST_MESSAGE_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "TIME")]
    pub message_timeout: Duration,

    /// A connection that read nothing of what waits for it for so long is closed, whatever it sends
    #[arg(long, env = "ROOMCAST_WRITE_TIMEOUT", default_value = "60s", value_parser = duration, value_name = "TIME")]
    pub write_timeout: Duration,

    /// How long a client may take to send an HTTP request, and before that for the handshake of TLS
    #[arg(long, env = "ROOMCAST_HANDSHAKE_TIMEOUT", default_value = "10s", value_parser = duration, value_name = "TIME")]
    pub handshake_timeout: Duration,

    /// How long a connection may speak HTTP: by then it is a WebSocket, or has read its pages
    #[arg(long, env = "ROOMCAST_HTTP_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "TIME")]
    pub http_timeout: Duration,
}
