//! Where Redis is, and how long it may take.

use crate::times::duration;
use clap::Args;
use std::time::Duration;

/// See the top of the file.
#[derive(Clone, Debug, Args)]
pub struct RedisOptions {
    /// The Redis server: redis://host:port; redis+sentinel://host:port,host:port/name for the primary that most of these
    /// sentinels know by that name; rediss:// and rediss+sentinel:// with TLS
    #[arg(
        long,
        env = "ROOMCAST_REDIS",
        hide_env_values = true,
        default_value = "redis://127.0.0.1:6379",
        value_name = "URL"
    )]
    pub redis: String,

    /// The key of room `lobby` is this and `lobby`
    #[arg(
        long,
        env = "ROOMCAST_KEY_PREFIX",
        default_value = "room:",
        value_name = "TEXT"
    )]
    pub key_prefix: String,

    /// How long the first connection to Redis may take before the program gives up
    #[arg(long, env = "ROOMCAST_REDIS_WAIT", default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub redis_wait: Duration,

    /// How long an answer of Redis may take before the connection counts as dead
    #[arg(long, env = "ROOMCAST_REDIS_TIMEOUT", default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub redis_timeout: Duration,

    /// How long Redis believes in this proxy's sessions without hearing from it
    #[arg(long, env = "ROOMCAST_LEASE", default_value = "10s", value_parser = duration, value_name = "TIME")]
    pub lease: Duration,
}
