//! The proxy's logic: what happens comes in as a value, what is to be done goes out as one. Nothing here waits, and nothing
//! here knows Redis' client, a socket, a thread, a clock or chance: times are given in milliseconds of a clock that does
//! not go back.
//!
//! | file | what it holds |
//! |---|---|
//! | [`wire`] | what clients say: reads their events |
//! | [`events`] | every event that the server sends, as a frame |
//! | [`event`] | what a connection tells a room |
//! | [`ask`] | what Redis is asked, and what it answers |
//! | [`desk`] | questions of backends |
//! | [`backend`] | what those are answered in clients' words |
//! | [`handle`] | how a room hands bytes to a connection |
//! | [`client`] | a connection: what its events are for which room |
//! | [`beats`] | a connection's heartbeats and their answers |
//! | [`budget`] | what somebody may cost |
//! | [`rights`] | what somebody may do in which room |
//! | [`pass`] | what a token says |
//! | [`bans`] | who is banned |
//! | [`history`] | pages of what was said before |
//! | `holder` | the token that a connection holds |
//! | [`close`] | why a connection is closed |
//! | [`frame`] | WebSocket frames |
//! | `json` | JSON objects into bytes |
//! | [`settings`] | limits and times |
//! | [`hub`] | the rooms of one thread |
//! | [`routes`] | which server the rooms of a slot are on |
//! | `lines`, `window` | rooms that are to be attached there, and how many of them at a time |
//! | `moves` | questions of clients whose room went to another server |
//! | `pace` | how long rooms gather what was confirmed |
//! | `places` | rooms by name and by number |
//! | `room` | one room |
//! | `visit` | where a guest begins |
//! | `stray` | why a room is to go to another server |
//! | `seat` | a connection's place in a room |
//! | `ring` | a room's last frames |
//! | `served` | when messages were stamped that all who are here have |
//! | `pages` | pages of the log, for those who catch up |
//! | `book` | what was confirmed, and what of it Redis has answered |
//! | `groups` | uids by position |
//! | `table` | rows by key |
//! | `counts` | members and who is online, as last told |
//! | `cx` | what a room needs while it handles one thing |
//! | [`Figures`] | what is counted |
//! | [`spread`] | how long something took, each time |

#![forbid(unsafe_code)]

pub mod ask;
pub mod backend;
pub mod bans;
pub mod beats;
mod book;
pub mod budget;
pub mod client;
pub mod close;
mod counts;
mod cx;
pub mod desk;
pub mod event;
pub mod events;
mod figures;
pub mod frame;
mod groups;
pub mod handle;
pub mod history;
mod holder;
pub mod hub;
mod json;
mod lines;
mod moves;
mod pace;
mod pages;
pub mod pass;
mod places;
pub mod rights;
mod ring;
mod room;
pub mod routes;
mod seat;
mod served;
pub mod settings;
pub mod spread;
mod stray;
mod table;
mod turns;
mod visit;
mod window;
pub mod wire;

pub use cx::Asks;
pub use figures::Figures;
