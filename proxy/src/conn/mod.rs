//! Connections.
//!
//! | file | what it holds |
//! |---|---|
//! | `shared` | the half that everybody shares: rooms push into it, the clock looks at it |
//! | `outbox` | the writing half: try at once, queue what the socket does not take |
//! | `tls` | a session of TLS between outbox and socket |
//! | `patience` | what a connection is given up for, besides silence |
//! | `who` | who logged in on it |
//! | `seam` | whether what came ends within a message |
//! | `socket` | the socket as the WebSocket library sees it |
//! | `admission` | what a login pays for a membership that may be new |
//! | `brake` | what is done about a connection above its budget |
//! | `speech` | what a connection may publish |
//! | `goodbye` | how a connection is closed |
//! | `read` | reads it, and hands the client's events to the rooms |
//! | `life` | its task, from the handshake to the goodbye |

mod admission;
pub(crate) mod brake;
mod goodbye;
pub(crate) mod life;
mod outbox;
pub(crate) mod patience;
pub(crate) mod read;
mod seam;
pub(crate) mod shared;
mod socket;
mod speech;
pub(crate) mod tls;
mod who;
