//! Who is connected to this node: sessions, the leases of their connections, and what others are told about it.
//!
//! A session is (connection, room, uid). It is a fact about a connection: when that dies its sessions are gone at once.
//! What they had acknowledged holds the uid's cursor back for a while longer, as **ghosts**: the device may come back.
//! Nothing of this is saved or replicated.
//!
//! What others are told lags behind on purpose. Arrivals are gathered until the next [`flush`](Sessions::flush), and a
//! departure is told only after a grace period, so that a blip flaps nobody.
//!
//! No call takes longer because many sessions are there: what a large thing leaves behind when it goes is cleared away a
//! piece at a time by [`chores`](Sessions::chores) and its like, which are to be called at each tick. All times are
//! monotonic milliseconds that the caller gives.
//!
//! | file | what it holds |
//! |---|---|
//! | `keys`, `values` | what callers give and get |
//! | `looks` | looking |
//! | `connections` | HELLO, leases, dead connections |
//! | `commands` | JOIN, ATTACH, AWAY, DETACH, ACK, KICK, LEAVE |
//! | `rooms` | keys and databases that go |
//! | `telling` | presence and cursors that rise, at each tick |
//! | `chores` | clearing away, at each tick |
//! | `devices` | one uid's sessions and ghosts |
//! | `state` | all rows: finding, making, counting, freeing |
//! | `rows`, `names` | what the rows are |
//! | `slab`, `list`, `index`, `agenda` | what holds rows without ever moving many at once |

mod agenda;
mod chores;
mod commands;
mod connections;
mod devices;
mod index;
mod keys;
mod list;
mod looks;
mod names;
mod rooms;
mod rows;
mod slab;
mod state;
mod telling;
#[cfg(test)]
mod tests;
mod values;

pub use keys::{ClientId, RoomKey, RoomName};
pub use state::Sessions;
pub use values::{Change, Ghost, Greeting, Hello, Kicked, NameTaken, Risen, Totals};
