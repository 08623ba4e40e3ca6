//! The Redis module: the data type `roomcast1` and the commands `ROOM.*` around the model of `room-core`.
//!
//! | file | what it holds |
//! |---|---|
//! | `commands/` | one command a file: its documentation, its checks, its reply |
//! | `command` | what a command is: its declaration, its failures, its arguments |
//! | `effects` | the only place that replicates, and what replicas and the AOF do with it |
//! | `announce` | the only place that publishes |
//! | `acknowledge` | cursors that rise |
//! | `presence` | this node's sessions (the model's `Sessions`) |
//! | `events` | the timer, and what Redis tells of connections and databases |
//! | `sweep` | limits in rooms where nobody does anything |
//! | `data_type` | RDB, AOF rewrite |
//! | `config`, `info`, `register` | settings, `INFO room`, and the table of commands |
//! | `ffi` | the only `unsafe` code: Redis' functions and callbacks |
//!
//! A command on the primary reads the clock and draws random bits once, checks everything, then changes the room, and
//! replicates what came of it (`effects`), never its own text.

mod acknowledge;
mod announce;
mod command;
mod commands;
mod config;
mod data_type;
mod effects;
mod events;
mod ffi;
mod info;
mod presence;
mod redis;
mod register;
mod sweep;
