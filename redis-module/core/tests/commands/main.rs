//! The commands on a server in plain memory, with a replica, table by table and by random steps.
//!
//! | file | what it holds |
//! |---|---|
//! | `value` | replies as trees |
//! | `server`, `calls`, `ticks` | the server, the commands, a tick |
//! | `world`, `judge`, `random` | random steps of proxies and devices, and what must hold after each |
//! | the others | a table each |

mod acks;
mod calls;
mod device;
mod devices;
mod effects;
mod hellos;
mod joins;
mod judge;
mod limits;
mod looks;
mod losses;
mod members;
mod presences;
mod publishes;
mod random;
mod server;
mod sweeps;
mod ticks;
mod value;
mod waitings;
mod world;
