//! Mail that waits: which members a backend is to be told of, because somebody else's message has waited for them for a while.
//!
//! Each telling is done by somebody outside who asks (`ROOM.WAITING`), tells, and says so (`ROOM.TOLD`).
//!
//! | file | what it holds |
//! |---|---|
//! | `told` | what was told of whom: a part of the room, saved and replicated |
//! | `scan` | who of a room's members is to be told of |
//! | `agenda` | rooms in which somebody may be, and who is leased: of this node only |

mod agenda;
mod scan;
mod told;

pub use agenda::{Agenda, MOST_LEASES};
pub use scan::{Leases, Look, Row, Scan, Step};
pub use told::{Telling, Told};
