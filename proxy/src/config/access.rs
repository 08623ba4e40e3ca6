//! The options that say as whom we come to Redis and its sentinels, and whom we trust there.

use clap::Args;
use std::path::PathBuf;

/// See the top of the file. They are beside the address, which may hold a user and a password as well.
#[derive(Clone, Debug, Default, Args)]
pub struct AccessOptions {
    /// The user that this proxy is to Redis, where --redis names none
    #[arg(
        long,
        env = "ROOMCAST_REDIS_USER",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub redis_user: Option<String>,

    /// Its password, where --redis names none. Others of this machine can see a command line: better by the variable or
    /// --redis-password-file
    #[arg(
        long,
        env = "ROOMCAST_REDIS_PASSWORD",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub redis_password: Option<String>,

    /// A file with its password; read again for each new link
    #[arg(long, env = "ROOMCAST_REDIS_PASSWORD_FILE", value_name = "FILE")]
    pub redis_password_file: Option<PathBuf>,

    /// Authorities (PEM) whose certificates are good for a Redis by rediss:// and its sentinels [default: the system's]
    #[arg(long, env = "ROOMCAST_REDIS_CA", value_name = "FILE")]
    pub redis_ca: Option<PathBuf>,

    /// Our own certificate (PEM) for a Redis that asks for one
    #[arg(long, env = "ROOMCAST_REDIS_CERT", value_name = "FILE")]
    pub redis_cert: Option<PathBuf>,

    /// The private key (PEM) of --redis-cert
    #[arg(long, env = "ROOMCAST_REDIS_KEY", value_name = "FILE")]
    pub redis_key: Option<PathBuf>,

    /// The user that this proxy is to the sentinels of a redis+sentinel:// address
    #[arg(
        long,
        env = "ROOMCAST_SENTINEL_USER",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub sentinel_user: Option<String>,

    /// Its password there; better by the variable or --sentinel-password-file
    #[arg(
        long,
        env = "ROOMCAST_SENTINEL_PASSWORD",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub sentinel_password: Option<String>,

    /// A file with its password there; read again for each new connection
    #[arg(long, env = "ROOMCAST_SENTINEL_PASSWORD_FILE", value_name = "FILE")]
    pub sentinel_password_file: Option<PathBuf>,
}
