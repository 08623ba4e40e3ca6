//! The options of the webhook that is told of waiting mail.

use crate::times::duration;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// See the top of the file.
#[derive(Clone, Debug, Args)]
pub struct WebhookOptions {
    /// Where it is posted that mail waits for somebody who is away, by https:// (or http:// on loopback): in rooms that have a
    /// room.waiting-delay. At least once, normally once
    #[arg(long, env = "ROOMCAST_WEBHOOK", value_name = "URL")]
    pub webhook: Option<String>,

    /// A file with secrets by which posts are signed (Standard Webhooks), one in each line: whsec_ and Base64 of 24 to 64 bytes.
    /// With several each signs. Read again when it changes
    #[arg(long, env = "ROOMCAST_WEBHOOK_SECRET_FILE", value_name = "FILE")]
    pub webhook_secret_file: Option<PathBuf>,

    /// Members whom one post tells of at most
    #[arg(
        long,
        env = "ROOMCAST_WEBHOOK_BATCH",
        default_value_t = 100,
        value_name = "N"
    )]
    pub webhook_batch: usize,

    /// How often Redis is asked for whom mail waits
    #[arg(long, env = "ROOMCAST_WEBHOOK_EVERY", default_value = "1s", value_parser = duration, value_name = "TIME")]
    pub webhook_every: Duration,

    /// How long a post may take
    #[arg(long, env = "ROOMCAST_WEBHOOK_TIMEOUT", default_value = "10s", value_parser = duration, value_name = "TIME")]
    pub webhook_timeout: Duration,

    /// For how long members are leased: whoever dies with a lease holds up those for so long. At least two posts
    #[arg(long, env = "ROOMCAST_WEBHOOK_LEASE", default_value = "60s", value_parser = duration, value_name = "TIME")]
    pub webhook_lease: Duration,

    /// For how long one telling is tried that is refused or not answered; then it is given up and counted
    #[arg(long, env = "ROOMCAST_WEBHOOK_GIVE_UP", default_value = "24h", value_parser = duration, value_name = "TIME")]
    pub webhook_give_up: Duration,
}
