//! The commands, and what happens without one, as functions over a room, the sessions, and an [`Env`].
//!
//! Each checks everything, then changes the room and the sessions, and returns an [`Outcome`]: what to answer, to announce, to
//! replicate. The module does that with Redis, the tests and the simulator with plain memory.
//!
//! | file | what it holds |
//! |---|---|
//! | [`env`](mod@env) | what a command knows of the world |
//! | [`outcome`] | what came of it |
//! | [`effect`] | what replicas and the AOF get |
//! | [`reply`] | how a reply is written |
//! | `publish`, `join`, `invite`, `leave`, `ack`, `attach`, `detach`, `kick`, `hello`, `limits`, `told` | commands that change something |
//! | `range`, `look`, `members`, [`waiting`] | commands that look |
//! | `apply` | what replicas do |
//! | `presence`, `rise`, `sweep` | parts of a tick |
//! | `enter`, `many` | what several share |

mod ack;
mod apply;
mod attach;
mod detach;
pub mod effect;
mod enter;
pub mod env;
mod hello;
mod invite;
mod join;
mod kick;
mod leave;
mod limits;
mod look;
mod many;
mod members;
pub mod outcome;
mod presence;
mod publish;
mod range;
pub mod reply;
mod rise;
mod sweep;
mod told;
pub mod waiting;

pub use ack::ack;
pub use apply::{Applied, apply};
pub use attach::{Attached, attach};
pub use detach::{away, detach};
pub use env::{Env, Place};
pub use hello::{MOST_ID, hello};
pub use invite::invite;
pub use join::{Join, Joined};
pub use kick::{MOST_REASON, kick};
pub use leave::leave;
pub use limits::{Trim, set_limits, trim};
pub use look::{Fate, HeadOf, Info, Pending, info, pending, why};
pub use many::MOST_LEAVING;
pub use members::{MOST_LAGGING, MOST_LOOKED_AT, MemberPage, MemberRows, Members, lag};
pub use outcome::Outcome;
pub use presence::presence;
pub use publish::{Publish, Published};
pub use range::{MOST_BYTES, MOST_ROWS, Page, Range, Rows, queue, range};
pub use rise::rise;
pub use sweep::{ROWS, Work, look, sweep};
pub use told::told;
