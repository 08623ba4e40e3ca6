//! The options of the admin page.

use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// See the top of the file.
#[derive(Clone, Debug, Args)]
pub struct AdminOptions {
    /// A file with keys for the admin page beside /metrics, one in each line, of at least 32 bytes. Read again when it changes.
    /// On another address than loopback there is no page without it; /metrics never needs it
    #[arg(long, env = "ROOMCAST_ADMIN_KEY_FILE", value_name = "FILE")]
    pub admin_key_file: Option<PathBuf>,
}

impl AdminOptions {
    /// What cannot work where the port listens there, as a sentence.
    pub(crate) fn check(&self, listen: Option<SocketAddr>) -> Result<(), String> {
        if listen.is_none() && self.admin_key_file.is_some() {
            let why = "--admin-key-file is for the page at --admin-listen, which is not given";
            return Err(why.to_owned());
        }
        Ok(())
    }
}
