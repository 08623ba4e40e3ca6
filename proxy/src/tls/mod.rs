//! TLS (RFC 8446), by rustls.
//!
//! | file | what it holds |
//! |---|---|
//! | `provider` | how it is computed |
//! | `pems` | certificates and keys as they stand in files |
//! | `shown` | the certificate that the listener shows, which may change |
//! | `trust` | whom we trust as a client, and what is wrong with a server |

mod pems;
mod provider;
pub(crate) mod shown;
pub(crate) mod trust;
