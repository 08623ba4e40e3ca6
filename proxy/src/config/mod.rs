//! Options of the program, each declared once: flag, environment variable, default, meaning.
//!
//! | file | options |
//! |---|---|
//! | `mod` | where it listens, its name, its threads, its log |
//! | [`tls`] | the certificate that browsers are shown |
//! | [`redis`], [`access`] | where Redis is; as whom we come there |
//! | [`patience`] | how long clients may be silent, or slow |
//! | [`entrance`] | who may connect, and on whose word |
//! | [`limits`] | how many may come, and what each may cost |
//! | [`service`] | how rooms are served |
//! | [`tokens`] | who clients are |
//! | [`admin`] | the admin page |
//! | [`api`], [`webhook`] | the HTTP API; waiting mail |

pub mod access;
pub mod admin;
pub mod api;
pub mod entrance;
pub mod limits;
pub mod patience;
pub mod redis;
pub mod service;
pub mod tls;
pub mod tokens;
pub mod webhook;

#[cfg(feature = "broken")]
use crate::broken::Broken;
use crate::times::drain;
use access::AccessOptions;
use admin::AdminOptions;
use api::ApiOptions;
use clap::Parser;
use clap::builder::BoolishValueParser;
use entrance::EntranceOptions;
use limits::LimitOptions;
use patience::PatienceOptions;
use redis::RedisOptions;
use service::ServiceOptions;
use std::net::SocketAddr;
use std::time::Duration;
use tls::TlsOptions;
use tokens::TokenOptions;
use webhook::WebhookOptions;

/// Serves browsers over WebSocket from a Redis that has the Roomcast module loaded.
#[derive(Clone, Debug, Parser)]
#[command(name = "roomcast-proxy", version, about, after_help = AFTER_HELP)]
pub struct Config {
    /// Where browsers connect: WebSocket on / and /ws, the demo page, /healthz, /readyz
    #[arg(
        long,
        env = "ROOMCAST_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDR:PORT"
    )]
    pub listen: SocketAddr,

    /// Where metrics are served (/metrics, in Prometheus' text format), and a page that shows rooms and queues (/); nowhere if
    /// not given
    #[arg(long, env = "ROOMCAST_ADMIN_LISTEN", value_name = "ADDR:PORT")]
    pub admin_listen: Option<SocketAddr>,

    /// The page there
    #[command(flatten)]
    pub admin: AdminOptions,

    /// The certificate that browsers are shown
    #[command(flatten)]
    pub tls: TlsOptions,

    /// Where Redis is, and how long it may take
    #[command(flatten)]
    pub redis: RedisOptions,

    /// As whom it comes to Redis, and whom it trusts there
    #[command(flatten)]
    pub access: AccessOptions,

    /// This proxy's name, unlike any other's [default: a random one]
    #[arg(long, env = "ROOMCAST_NAME", value_name = "TEXT")]
    pub name: Option<String>,

    /// How long clients may be silent, or slow
    #[command(flatten)]
    pub patience: PatienceOptions,

    /// Who may connect, and on whose word
    #[command(flatten)]
    pub entrance: EntranceOptions,

    /// How many may come, and what each may cost
    #[command(flatten)]
    pub limits: LimitOptions,

    /// How rooms are served
    #[command(flatten)]
    pub service: ServiceOptions,

    /// Who clients are
    #[command(flatten)]
    pub tokens: TokenOptions,

    /// The HTTP API for backends
    #[command(flatten)]
    pub api: ApiOptions,

    /// Waiting mail
    #[command(flatten)]
    pub webhook: WebhookOptions,

    /// Threads that serve rooms and connections [default: as many as there are cores, at most 8]
    #[arg(long, env = "ROOMCAST_WORKERS", value_name = "N")]
    pub workers: Option<usize>,

    /// How long saying goodbye to all clients takes when the proxy stops (SIGTERM, SIGINT): they come to other proxies one
    /// after the other. 0: at once. A second signal ends it
    #[arg(long, env = "ROOMCAST_DRAIN", default_value = "2s", value_parser = drain, value_name = "TIME")]
    pub drain: Duration,

    /// Logs as JSON, one object a line; RUST_LOG chooses what is logged
    #[arg(long, env = "ROOMCAST_LOG_JSON", value_parser = BoolishValueParser::new())]
    pub log_json: bool,

    /// Prints the rights that these options need from Redis, as a line for redis-cli, and ends
    #[arg(long, env = "ROOMCAST_PRINT_ACL", value_parser = BoolishValueParser::new())]
    pub print_acl: bool,

    /// A defect, for tests of the tests
    #[cfg(feature = "broken")]
    #[arg(long, env = "ROOMCAST_BROKEN", value_name = "DEFECT")]
    pub broken: Option<Broken>,
}

/// Threads beyond this gain little: what they share is one link.
const MOST_BY_ITSELF: usize = 8;

const AFTER_HELP: &str = "\
Times are written 500ms, 20s, 5m or 2h.

Exit codes: 0 stopped by a signal, 1 another failure, 2 wrong options,
3 Redis cannot be reached or used, 4 Redis has no Roomcast module, 5 the address is taken.";

impl Config {
    /// The defect that is wanted: none, but in builds for tests of the tests.
    #[cfg(not(feature = "broken"))]
    pub const fn defect(&self) -> Option<hub_core::settings::Broken> {
        None
    }

    /// The defect that is wanted.
    #[cfg(feature = "broken")]
    pub fn defect(&self) -> Option<hub_core::settings::Broken> {
        self.broken.and_then(Broken::of_core)
    }

    /// Whether some rooms' names make it panic.
    #[cfg(not(feature = "broken"))]
    pub const fn panics(&self) -> bool {
        false
    }

    /// Whether some rooms' names make it panic.
    #[cfg(feature = "broken")]
    pub fn panics(&self) -> bool {
        self.broken == Some(Broken::Panics)
    }

    /// Whether logins are judged by a key; without one the proxy runs open.
    pub const fn has_key(&self) -> bool {
        !self.tokens.token_key.is_empty()
    }

    /// Threads that serve rooms and connections.
    pub fn workers(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.unwrap_or_else(|| cores().min(MOST_BY_ITSELF))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_declaration_is_sound_and_each_option_has_its_variable() {
        let command = Config::command();
        command.clone().debug_assert();
        for arg in command
            .get_arguments()
            .filter(|arg| arg.get_id() != "help" && arg.get_id() != "version")
        {
            let flag = arg.get_long().unwrap_or_default();
            let variable = format!("ROOMCAST_{}", flag.to_uppercase().replace('-', "_"));
            assert_eq!(
                arg.get_env().and_then(|name| name.to_str()),
                Some(variable.as_str())
            );
            assert!(arg.get_help().is_some(), "--{flag} has no help");
        }
    }
}
