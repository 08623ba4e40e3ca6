//! Options of the program, each declared once: flag, environment variable, default, meaning.

use crate::access_options::AccessOptions;
use crate::api_options::ApiOptions;
#[cfg(feature = "broken")]
use crate::broken::Broken;
use crate::http::fronts::network;
use crate::times::{duration, leeway};
use crate::webhook_options::WebhookOptions;
use clap::Parser;
use clap::builder::BoolishValueParser;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

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

    /// Where metrics are served (/metrics, in Prometheus' text format); nowhere if not given
    #[arg(long, env = "ROOMCAST_ADMIN_LISTEN", value_name = "ADDR:PORT")]
    pub admin_listen: Option<SocketAddr>,

    /// The HTTP API for backends
    #[command(flatten)]
    pub api: ApiOptions,

    /// Waiting mail
    #[command(flatten)]
    pub webhook: WebhookOptions,

    /// A certificate (PEM, with those that lead to its authority): browsers connect by https:// and wss:// then, not by
    /// http:// and ws://. Read again when it changes
    #[arg(long, env = "ROOMCAST_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// The private key (PEM) of --tls-cert
    #[arg(long, env = "ROOMCAST_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

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

    /// As whom it comes to Redis, and whom it trusts there
    #[command(flatten)]
    pub access: AccessOptions,

    /// The key of room `lobby` is this and `lobby`
    #[arg(
        long,
        env = "ROOMCAST_KEY_PREFIX",
        default_value = "room:",
        value_name = "TEXT"
    )]
    pub key_prefix: String,

    /// This proxy's name, unlike any other's [default: a random one]
    #[arg(long, env = "ROOMCAST_NAME", value_name = "TEXT")]
    pub name: Option<String>,

    /// How long the first connection to Redis may take before the program gives up
    #[arg(long, env = "ROOMCAST_REDIS_WAIT", default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub redis_wait: Duration,

    /// How long an answer of Redis may take before the connection counts as dead
    #[arg(long, env = "ROOMCAST_REDIS_TIMEOUT", default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub redis_timeout: Duration,

    /// How long Redis believes in this proxy's sessions without hearing from it
    #[arg(long, env = "ROOMCAST_LEASE", default_value = "10s", value_parser = duration, value_name = "TIME")]
    pub lease: Duration,

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

    /// The least time between two acknowledgement rounds of a room; it grows with the number of sessions
    #[arg(long, env = "ROOMCAST_ACK_INTERVAL", default_value = "50ms", value_parser = duration, value_name = "TIME")]
    pub ack_interval: Duration,

    /// Acknowledgements a second beyond which rooms gather what was confirmed for longer, up to 2 s, before each of them
    #[arg(
        long,
        env = "ROOMCAST_ACKS_PER_SECOND",
        default_value_t = 250,
        value_name = "N"
    )]
    pub acks_per_second: u32,

    /// How long a room that nobody is in any more stays subscribed
    #[arg(long, env = "ROOMCAST_ROOM_PAUSE", default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub room_pause: Duration,

    /// Connections at most; more are refused with HTTP status 503
    #[arg(
        long,
        env = "ROOMCAST_MAX_CONNECTIONS",
        default_value_t = 100_000,
        value_name = "N"
    )]
    pub max_connections: usize,

    /// Connections beyond that, which speak HTTP: pages, health, those that are told that there are too many
    #[arg(
        long,
        env = "ROOMCAST_MAX_HTTP",
        default_value_t = 256,
        value_name = "N"
    )]
    pub max_http: usize,

    /// Connections of one address at most (of one /64 for IPv6); more are closed before they are read
    /// [default: half of --max-connections, or of what there are file descriptors for]
    #[arg(long, env = "ROOMCAST_MAX_PER_ADDRESS", value_name = "N")]
    pub max_per_address: Option<usize>,

    /// Addresses or networks of proxies that are believed whom they connect for (X-Forwarded-For, X-Forwarded-Host, PROXY
    /// protocol), separated by commas; they have no limit by address themselves
    #[arg(long, env = "ROOMCAST_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network, value_name = "NETWORKS")]
    pub trusted_proxies: Vec<IpNet>,

    /// Each connection to --listen comes from a trusted proxy and begins with a line of the PROXY protocol (version 1 or 2)
    #[arg(long, env = "ROOMCAST_PROXY_PROTOCOL", value_parser = BoolishValueParser::new())]
    pub proxy_protocol: bool,

    /// How long a client may take to send an HTTP request, and before that for the handshake of TLS
    #[arg(long, env = "ROOMCAST_HANDSHAKE_TIMEOUT", default_value = "10s", value_parser = duration, value_name = "TIME")]
    pub handshake_timeout: Duration,

    /// How long a connection may speak HTTP: by then it is a WebSocket, or has read its pages
    #[arg(long, env = "ROOMCAST_HTTP_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "TIME")]
    pub http_timeout: Duration,

    /// Rooms that one connection may be in at most
    #[arg(
        long,
        env = "ROOMCAST_MAX_ROOMS",
        default_value_t = 100,
        value_name = "N"
    )]
    pub max_rooms: usize,

    /// The largest event of a client, in bytes
    #[arg(long, env = "ROOMCAST_MAX_EVENT", default_value_t = 64 * 1024, value_name = "BYTES")]
    pub max_event: usize,

    /// Frames a second that one connection may send for long (ten times as many at once), events and control frames;
    /// above it is read more slowly
    #[arg(
        long,
        env = "ROOMCAST_MAX_RATE",
        default_value_t = 200,
        value_name = "N"
    )]
    pub max_rate: u32,

    /// Work a second that one address may cause before a token proves whose it is, and without tokens (five times as much at
    /// once); one of work is about a microsecond of a core. Above it those of the address who cause most are read more slowly
    #[arg(
        long,
        env = "ROOMCAST_WORK_PER_ADDRESS",
        default_value_t = 400_000,
        value_name = "N"
    )]
    pub work_per_address: u32,

    /// The same for a uid that a token proved, over all its connections
    #[arg(
        long,
        env = "ROOMCAST_WORK_PER_UID",
        default_value_t = 100_000,
        value_name = "N"
    )]
    pub work_per_uid: u32,

    /// New memberships an hour that a uid may have, once a token proved it (an hour's worth at once); a room that nobody was in
    /// counts as ten. Above it only members come in
    #[arg(
        long,
        env = "ROOMCAST_MEMBERSHIPS_PER_UID",
        default_value_t = 1000,
        value_name = "N"
    )]
    pub memberships_per_uid: u32,

    /// The same for an address without tokens; one connection may have as many as are left for the others
    #[arg(
        long,
        env = "ROOMCAST_MEMBERSHIPS_PER_ADDRESS",
        default_value_t = 100_000,
        value_name = "N"
    )]
    pub memberships_per_address: u32,

    /// Bytes a second that may be published on one connection, stored or not (ten seconds' worth at once); what is more is
    /// refused, event by event
    #[arg(long, env = "ROOMCAST_PUBLISH_BYTES_PER_CONNECTION", default_value_t = 256 * 1024, value_name = "BYTES")]
    pub publish_bytes_per_connection: u32,

    /// The same for a uid, over all its connections; without tokens for who says from one address that it is this uid
    #[arg(long, env = "ROOMCAST_PUBLISH_BYTES_PER_UID", default_value_t = 512 * 1024, value_name = "BYTES")]
    pub publish_bytes_per_uid: u32,

    /// The same for a room, by all who are connected here; who says most there is refused first
    #[arg(long, env = "ROOMCAST_PUBLISH_BYTES_PER_ROOM", default_value_t = 1024 * 1024, value_name = "BYTES")]
    pub publish_bytes_per_room: u32,

    /// A connection that is above its budget for so long is closed; the third time within a minute its uid is told not to
    /// come back
    #[arg(long, env = "ROOMCAST_BUSY_TIMEOUT", default_value = "10s", value_parser = duration, value_name = "TIME")]
    pub busy_timeout: Duration,

    /// Bytes that wait for a slow connection before it is served from the log instead
    #[arg(long, env = "ROOMCAST_OUTBOX", default_value_t = 256 * 1024, value_name = "BYTES")]
    pub outbox: usize,

    /// Bytes that the kernel holds for a connection beyond that (it takes twice as many for its own use); what is in there
    /// cannot be asked for an acknowledgement before a slow reader has read it
    #[arg(long, env = "ROOMCAST_SEND_BUFFER", default_value_t = 32 * 1024, value_name = "BYTES")]
    pub send_buffer: usize,

    /// Bytes of messages that one page of a catch-up holds
    #[arg(long, env = "ROOMCAST_PAGE", default_value_t = 32 * 1024, value_name = "BYTES")]
    pub page: usize,

    /// Pages of rooms' logs that are read from Redis at the same time, for all who catch up; more wait for their turn
    #[arg(
        long,
        env = "ROOMCAST_CATCH_UPS",
        default_value_t = 128,
        value_name = "PAGES"
    )]
    pub catch_ups: usize,

    /// The same for lists of members: whoever asks for one asks for up to 100
    #[arg(
        long,
        env = "ROOMCAST_MEMBER_LISTS",
        default_value_t = 16,
        value_name = "LISTS"
    )]
    pub member_lists: usize,

    /// The same for pages of history, which clients read back
    #[arg(
        long,
        env = "ROOMCAST_HISTORIES",
        default_value_t = 16,
        value_name = "PAGES"
    )]
    pub histories: usize,

    /// Lets anybody be anybody although no key is set: on another address than loopback, or behind a reverse proxy
    #[arg(long, env = "ROOMCAST_OPEN", value_parser = BoolishValueParser::new())]
    pub open: bool,

    /// Origins that pages may come from, separated by commas (`null`: pages opened from disk). Without a key these come
    /// beside the proxy's own and, on loopback, those of this machine; with one they are the only ones [default: any]
    #[arg(
        long,
        env = "ROOMCAST_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGINS"
    )]
    pub origins: Vec<String>,

    /// Keys that clients' tokens (JWT) are signed with, separated by commas: files with a secret, a public key (PEM) or a JWKS, or
    /// URLs of a JWKS (https, or http on loopback). A secret is for HS256, or for what stands before it: `HS512:FILE`. Without a key
    /// everybody may do everything
    #[arg(
        long,
        env = "ROOMCAST_TOKEN_KEY",
        value_delimiter = ',',
        value_name = "FILE|URL"
    )]
    pub token_key: Vec<String>,

    /// Whom tokens must be for: one of these in `aud`; anybody if not given
    #[arg(
        long,
        env = "ROOMCAST_TOKEN_AUDIENCE",
        value_delimiter = ',',
        value_name = "NAMES"
    )]
    pub token_audience: Vec<String>,

    /// Who must have given tokens out: one of these in `iss`; anybody if not given
    #[arg(
        long,
        env = "ROOMCAST_TOKEN_ISSUER",
        value_delimiter = ',',
        value_name = "NAMES"
    )]
    pub token_issuer: Vec<String>,

    /// What the clock of whoever gives tokens out may differ by; at most 60s
    #[arg(long, env = "ROOMCAST_TOKEN_LEEWAY", default_value = "5s", value_parser = leeway, value_name = "TIME")]
    pub token_leeway: Duration,

    /// The rights of tokens that say nothing of rooms, as JSON like their `rooms`; none if not given
    #[arg(long, env = "ROOMCAST_DEFAULT_ROOMS", value_name = "JSON")]
    pub default_rooms: Option<String>,

    /// Also takes a token from the query of the address (`/ws?token=…`), where logs of others may show it
    #[arg(long, env = "ROOMCAST_TOKEN_IN_QUERY", value_parser = BoolishValueParser::new())]
    pub token_in_query: bool,

    /// Bans that are held at most (`roomcast:bans` in Redis); those beyond are not enforced, and told
    #[arg(
        long,
        env = "ROOMCAST_MAX_BANS",
        default_value_t = 100_000,
        value_name = "N"
    )]
    pub max_bans: usize,

    /// Threads that serve rooms and connections [default: as many as there are cores, at most 8]
    #[arg(long, env = "ROOMCAST_WORKERS", value_name = "N")]
    pub workers: Option<usize>,

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
        !self.token_key.is_empty()
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
