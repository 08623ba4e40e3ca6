//! HTTP.
//!
//! | file | what it holds |
//! |---|---|
//! | `listen` | accepts connections |
//! | `gate` | how many there are, in all and by address |
//! | `routes` | what is answered where, on both ports |
//! | `door` | who may come in |
//! | `request` | what a request says of itself |
//! | `upgrade` | from HTTP to WebSocket |
//! | `pages` | the demo page |

pub(crate) mod door;
pub(crate) mod gate;
pub(crate) mod listen;
mod pages;
mod request;
mod routes;
mod upgrade;
