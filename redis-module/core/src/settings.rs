//! What an operator sets for all rooms of a server.

use crate::dedupe::DedupePolicy;
use crate::limits::Limits;

/// See the top of the file. Times are milliseconds, sizes bytes; docs/operating.md says what each is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Of rooms that set none for themselves.
    pub limits: Limits,
    /// The largest payload.
    pub max_payload: u64,
    /// Members of one room.
    pub max_members: u64,
    /// Uids that one command may name.
    pub max_uids: u64,
    /// Publish ids that are remembered.
    pub dedupe: DedupePolicy,
    /// Ids of `ROOMID` that one room remembers.
    pub room_ids: u64,
    /// How long others are not told that somebody went.
    pub grace: u64,
    /// For how long after a start or a promotion nobody counts as absent.
    pub start_grace: u64,
    /// For how long the position of a device that went holds the log.
    pub device_grace: u64,
    /// Where more are online, or came and went at once, only the counters travel.
    pub presence_names: u64,
    /// How long a newcomer who never read anything stays a member while it is away; 0: for ever.
    pub newcomer_ttl: u64,
    /// How long any member stays one while it is away; 0: for ever.
    pub forget_after: u64,
    /// How long a room stays in which nothing happens; 0: for ever.
    pub idle_ttl: u64,
    /// After which time mail that waits is told once more, although nothing was done about it; 0: never.
    pub waiting_again: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            max_payload: 64 * 1024,
            max_members: 1_000_000,
            max_uids: 2_000,
            dedupe: DedupePolicy::default(),
            room_ids: 10_000,
            grace: 5_000,
            start_grace: 10_000,
            device_grace: 60_000,
            presence_names: 200,
            newcomer_ttl: 0,
            forget_after: 0,
            idle_ttl: 0,
            waiting_again: 0,
        }
    }
}
