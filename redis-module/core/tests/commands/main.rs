//! The commands on a server in plain memory, with a replica, table by table and by random steps.
//!
//! | file | what it holds |
//! |---|---|
//! | `value` | replies as trees |
//! | `server`, `calls`, `ticks` | the server, the commands, a tick |
//! | `waits` | what a worker is told of who waits |
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
mod tellings;
mod ticks;
mod value;
mod waitings;
mod waits;
mod world;
