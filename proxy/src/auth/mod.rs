//! Who may enter: tokens (JWT, RFC 7519), and the keys that they are signed with.
//!
//! | file | what it holds |
//! |---|---|
//! | `keys` | keys as they stand in files; which of them a token may be of |
//! | `token` | whether a token is good, and what it says |
//! | `source` | where keys come from, and when they are looked at again |
//! | `fetch` | gets keys over HTTP and HTTPS |
//! | `judge` | what connections ask |

mod fetch;
pub(crate) mod judge;
mod keys;
pub(crate) mod source;
mod token;
