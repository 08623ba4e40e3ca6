//! How TLS is computed: by ring, whatever else is built in.

use rustls::crypto::CryptoProvider;
use std::sync::{Arc, LazyLock};

/// The same for all.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static RING: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));
    RING.clone()
}
