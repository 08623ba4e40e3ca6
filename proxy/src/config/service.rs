//! How rooms are served: what waits, and what is read at the same time.

use crate::times::duration;
use clap::Args;
use std::time::Duration;

/// See the top of the file.
#[derive(Clone, Debug, Args)]
pub struct ServiceOptions {
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
}
