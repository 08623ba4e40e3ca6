//! The model of a Roomcast room, as plain data and plain functions.
//!
//! Nothing here knows Redis, sockets, a clock or a random source: time and random bits come in as arguments,
//! so that the same calls give the same room everywhere.
//!
//! | file | what it holds |
//! |---|---|
//! | [`position`] | `seq`, `tag` and the `<seq>-<tag>` that clients see |
//! | [`chain`] | the running hash that makes a position exact; the proxy checks live frames with it |
//! | [`uid`] | what a uid may look like |
//! | [`announce`] | the pub/sub frame: written by the module, read by the proxy |
#![forbid(unsafe_code)]

pub mod announce;
pub mod chain;
pub mod position;
pub mod uid;
