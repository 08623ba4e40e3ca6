//! The proxy's logic: what happens comes in as a value, what is to be done goes out as one. Nothing here waits, and nothing
//! here knows Redis' client, a socket, a thread, a clock or chance: times are given in milliseconds of a clock that does
//! not go back.
//!
//! | file | what it holds |
//! |---|---|
//! | [`ask`] | what Redis is asked, and what it answers |
//! | [`handle`] | how a room hands bytes to a connection |
//! | [`settings`] | limits and times |

pub mod ask;
pub mod handle;
mod pages;
mod ring;
pub mod settings;
mod table;
