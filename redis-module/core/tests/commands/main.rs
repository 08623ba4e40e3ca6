//! The commands on a server in plain memory, with a replica, table by table.
//!
//! | file | what it holds |
//! |---|---|
//! | `value` | replies as trees |
//! | `server`, `calls`, `ticks` | the server, the commands, a tick |
//! | the others | a table each |

mod acks;
mod calls;
mod devices;
mod effects;
mod hellos;
mod joins;
mod limits;
mod looks;
mod members;
mod presences;
mod publishes;
mod server;
mod sweeps;
mod ticks;
mod value;
