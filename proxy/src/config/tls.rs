//! The certificate that browsers are shown.

use clap::Args;
use std::path::PathBuf;

/// See the top of the file.
#[derive(Clone, Debug, Args)]
pub struct TlsOptions {
    /// A certificate (PEM, with those that lead to its authority): browsers connect by https:// and wss:// then, not by
    /// http:// and ws://. Read again when it changes
    #[arg(long, env = "ROOMCAST_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// The private key (PEM) of --tls-cert
    #[arg(long, env = "ROOMCAST_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}
