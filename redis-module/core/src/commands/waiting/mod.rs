//! `ROOM.WAITING`: which members somebody outside is to tell that mail waits for them, because somebody else's message has waited for
//! a while. Each is leased to whoever asks, and told of when that one says so (`ROOM.TOLD`).
//!
//! | file | what it holds |
//! |---|---|
//! | `scan` | who of a room's members is to be told of |
//! | `heads` | how old a message is at least, whatever its stamp says |
//! | `agenda` | rooms in which somebody may be, and who is leased: of this node only |
//! | `row` | a row of the reply |

mod agenda;
mod heads;
mod row;
mod scan;

pub use agenda::{Agenda, MOST_LEASES};
pub use row::{Found, MOST_WAITING, Waiting};
pub use scan::{Lease, Leases, Look, Row, Scan, Step};
