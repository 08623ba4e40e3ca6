//! How many may come, and what each may cost.

use crate::times::duration;
use clap::Args;
use std::time::Duration;

/// See the top of the file.
#[derive(Clone, Debug, Args)]
pub struct LimitOptions {
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

    /// Bans that are held at most (`roomcast:bans` in Redis); those beyond are not enforced, and told
    #[arg(
        long,
        env = "ROOMCAST_MAX_BANS",
        default_value_t = 100_000,
        value_name = "N"
    )]
    pub max_bans: usize,
}
