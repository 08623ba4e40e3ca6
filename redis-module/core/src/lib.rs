//! The model of a Roomcast room, as plain data and plain functions.
//!
//! Nothing here knows Redis, sockets, a clock or a random source: time and random bits come in as arguments,
//! so that the same calls give the same room everywhere.
//!
//! | file | what it holds |
//! |---|---|
//! | [`room`] | the room: log, members, limits, and what may be done to them |
//! | [`reading`] | where a session reads on, and what it has lost |
//! | [`due`] | what the limits drop |
//! | [`log`] | every message once, in segments; numbers, tags, freeing from the front, why messages went |
//! | `members` | the table of uids and cursors |
//! | `came` | since when a room is on this node |
//! | [`limits`] | how much log is kept |
//! | [`dedupe`] | publish ids that were seen, by uid |
//! | [`room_ids`] | those that a room remembers whoever published |
//! | [`snapshot`] | a room as bytes, and back without trusting them |
//! | [`sessions`] | who is connected, on this node only: leases, presence |
//! | [`position`] | `seq`, `tag` and the `<seq>-<tag>` that clients see |
//! | [`chain`] | the running hash that makes a position exact; the proxy checks live frames with it |
//! | [`uid`] | what a uid may look like |
//! | [`announce`] | the pub/sub frame: written by the module, read by the proxy |
//! | [`clock`] | the times that everything goes by |
//! | [`settings`] | what an operator sets for all rooms |
//! | [`slots`] | the slots of a cluster's node |
//! | [`commands`] | the commands and the parts of a tick, as functions |
//! | [`told`] | what was told of members for whom mail waited |
//! | [`turns`] | parts of a tick that share its time |
//! | [`units`] | numbers as people write them: `64mb`, `30d` |
//! | [`error`] | what can be wrong, with stable codes |
#![forbid(unsafe_code)]

pub mod announce;
mod bytes;
mod came;
pub mod chain;
pub mod clock;
pub mod commands;
pub mod dedupe;
pub mod due;
pub mod error;
pub mod limits;
pub mod log;
mod members;
pub mod position;
pub mod reading;
pub mod room;
pub mod room_ids;
pub mod sessions;
pub mod settings;
pub mod slots;
pub mod snapshot;
pub mod told;
pub mod turns;
pub mod uid;
pub mod units;

pub use came::Came;
pub use members::Member;
