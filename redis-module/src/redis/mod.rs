//! Redis' functions as safe ones. Together with `hooks`, which holds what Redis calls, the only `unsafe` code.
//!
//! Redis calls a module on its main thread only, with two exceptions: a room may be freed on a background thread, and
//! saved in a forked child. Both touch nothing but the room itself. Names `RM_…` in comments are those of Redis' module
//! API documentation.
//!
//! | file | what it holds |
//! |---|---|
//! | `api` | calling a function of the module API |
//! | `memory` | the allocator |
//! | `guard` | a panic becomes a line in the log |
//! | `ctx` | what Redis hands to every callback: arguments, flags, the log |
//! | `key`, `scan` | rooms under keys |
//! | `reply` | writing replies |
//! | `send` | replicating, publishing, keyspace events |
//! | `channel` | whether a caller may publish on a channel |
//! | `clock` | reading the clocks, random bits |
//! | `cluster` | which slots are this node's |
//! | `saved` | reading and writing saved parts |
//! | `describe` | telling Redis of a command |

pub(crate) mod api;
pub(crate) mod channel;
pub(crate) mod clock;
pub(crate) mod cluster;
pub(crate) mod ctx;
pub(crate) mod describe;
pub(crate) mod guard;
pub(crate) mod key;
mod memory;
pub(crate) mod reply;
pub(crate) mod saved;
pub(crate) mod scan;
pub(crate) mod send;
