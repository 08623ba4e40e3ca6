//! The JSON events of clients. Pure: text in, values out.
//!
//! A client's fields are carried as the text they came in, so that numbers and strings stay as written.
//!
//! | file | what it holds |
//! |---|---|
//! | [`types`] | what clients say, as values |
//! | [`mod@parse`] | how an event is read, and what is refused |
//! | `fields` | how its fields are read |
//! | [`scan`] | one pass over a JSON text |
//! | [`pieces`] | an object's fields without the server's |
//! | [`names`] | names that only the server uses |

mod fields;
pub mod names;
pub mod parse;
pub mod pieces;
pub mod scan;
pub mod types;

pub use fields::{check_roomid, digits, nfc, uid, uid_of};
pub use parse::{parse, spoken};
pub use types::{About, Bad, ClientEvent, Entry, Login, Outgoing, Role, Spoken};

#[cfg(test)]
mod tests;
