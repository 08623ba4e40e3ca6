//! The options of the admin page.

use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// See the top of the file.
#[derive(Clone, Debug, Args)]
pub struct AdminOptions {
    /// A file with keys for the admin page beside /metrics, one in each line, of at least 32 bytes. Read again when it changes.
    /// On another address than loopback the page needs it; /metrics never does
    #[arg(long, env = "ROOMCAST_ADMIN_KEY_FILE", value_name = "FILE")]
    pub admin_key_file: Option<PathBuf>,
}

impl AdminOptions {
    /// What cannot work where the port listens there, as a sentence.
    pub(crate) fn check(&self, listen: Option<SocketAddr>) -> Result<(), String> {
        let has_keys = self.admin_key_file.is_some();
        match listen {
            None if has_keys => Err(
                "--admin-key-file is for the page at --admin-listen, which is not given".to_owned(),
            ),
            Some(listen) if !has_keys && !listen.ip().to_canonical().is_loopback() => Err(format!(
                "--admin-listen {listen} is no loopback address, and whoever reaches it could look into every queue: give --admin-key-file, or listen on 127.0.0.1"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(listen: Option<&str>, has_keys: bool) -> Result<(), String> {
        let options = AdminOptions {
            admin_key_file: has_keys.then(|| "keys".into()),
        };
        options.check(listen.map(|listen| listen.parse().unwrap()))
    }

    #[test]
    fn off_loopback_there_is_a_key() {
        for at in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1"] {
            let said = checked(Some(at), false).unwrap_err();
            assert!(said.contains("--admin-key-file"), "{said}");
            assert_eq!(checked(Some(at), true), Ok(()));
        }
        for at in [
            "127.0.0.1:1",
            "127.0.0.2:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(checked(Some(at), false), Ok(()), "{at}");
        }
        assert_eq!(checked(None, false), Ok(()));
        assert!(checked(None, true).unwrap_err().contains("--admin-listen"));
    }
}
