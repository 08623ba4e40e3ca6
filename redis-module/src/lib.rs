//! The Redis module: the data type `roomcast1` and the commands `ROOM.*` around the model of `room-core`.
//!
//! | file | what it holds |
//! |---|---|
//! | `commands/` | one command a file: its documentation, and reading its arguments |
//! | `spec`, `command` | what a command declares; its arguments and failures |
//! | `call` | running a command of the model: opens the key once, and does with Redis what came of it |
//! | `announce`, `effects` | the only places that publish and that replicate |
//! | `tick`, `sweep` | what happens without a command |
//! | `events` | what Redis tells of connections, keys and databases |
//! | `graves` | rooms that went with their database, and are freed a piece at a time |
//! | `state` | this node's sessions and clocks |
//! | `data_type` | RDB, AOF rewrite |
//! | `config`, `info`, `register` | settings, `INFO room`, and the table of commands |
//! | `redis/` | Redis' functions as safe ones |
//! | `hooks/` | what Redis calls |
//!
//! What a command does is in `room_core::commands`: it checks everything, changes the room, and returns an outcome. The
//! clock is read and random bits are drawn once, on the primary; replicas get the resolved effects.

mod announce;
mod call;
mod command;
mod commands;
mod config;
mod data_type;
mod effects;
mod events;
mod graves;
mod hooks;
mod info;
mod redis;
mod register;
mod spec;
mod state;
mod sweep;
mod tick;
