//! The link to Redis: one connection for commands, to which this proxy's sessions are tied, and one for announcements.
//! They live and die together, and nothing is ever repeated behind anybody's back.
//!
//! | file | what it holds |
//! |---|---|
//! | `address` | where Redis is, and how that is shown |
//! | `backoff` | waits between attempts |
//! | `identity` | who this proxy is to Redis |
//! | `pair` | a new pair of connections, and what can be wrong with it |
//! | `lane` | requests on one connection, whose answers come in their order |
//! | `commands` | questions as commands, replies as answers |
//! | `value` | reading replies |
//! | `bans` | follows the stream of bans |
//! | `node` | keeps a pair up, and carries questions and answers |

mod address;
mod backoff;
mod bans;
mod commands;
mod identity;
mod lane;
pub(crate) mod node;
mod pair;
mod value;

pub(crate) use address::Address;
pub(crate) use pair::Refusal;
