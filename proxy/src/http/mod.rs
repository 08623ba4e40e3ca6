//! HTTP.
//!
//! | file | what it holds |
//! |---|---|
//! | `listen` | accepts connections |
//! | `routes` | what is answered where, on both ports |
//! | `upgrade` | from HTTP to WebSocket |
//! | `pages` | the demo page |

pub(crate) mod listen;
mod pages;
mod routes;
mod upgrade;
