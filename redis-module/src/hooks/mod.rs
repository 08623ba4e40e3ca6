//! What Redis calls. Each callback is guarded: a panic must not reach Redis. Together with `redis`, the only `unsafe`
//! code.
//!
//! | file | what it holds |
//! |---|---|
//! | `load` | the module's entry |
//! | `command` | commands |
//! | `timer` | the tick, and what starts it again |
//! | `server` | connections, databases, roles, loading |
//! | `data_type` | saving, loading, freeing, copying rooms |
//! | `settings` | reading and writing settings |
//! | `info` | `INFO room` |

pub(crate) mod command;
mod data_type;
mod info;
mod load;
mod server;
pub(crate) mod settings;
mod timer;
