//! HTTP.
//!
//! | file | what it holds |
//! |---|---|
//! | `doors` | the ports, and their threads |
//! | `listen` | accepts connections |
//! | `secure` | TLS at the door |
//! | `gate` | how many there are, in all and by address |
//! | `queue` | newcomers of addresses that cause much wait |
//! | `routes` | what is answered where, on both ports |
//! | `fronts` | whose address counts where trusted proxies bring a connection |
//! | `proxied` | the PROXY protocol |
//! | `door` | who may come in |
//! | `request` | what a request says of itself |
//! | `upgrade` | from HTTP to WebSocket |
//! | `offered` | subprotocols, and a token among them |
//! | `pages` | the demo page |

pub(crate) mod door;
pub(crate) mod doors;
pub(crate) mod fronts;
pub(crate) mod gate;
mod listen;
mod offered;
mod pages;
mod proxied;
mod queue;
pub(crate) mod request;
mod routes;
mod secure;
mod upgrade;
