//! As whom we come to Redis, and whom we trust there. What is in files is read anew for each pair of connections, so that it
//! may change.

use crate::config::Config;
use crate::contents;
use crate::tls::trust::Files;
use std::path::{Path, PathBuf};

/// Bytes of a password at most, its line's end counted.
const MAX_PASSWORD: usize = 4096;

/// What the options say beside the address. Not shown by anything: there may be a password in it.
#[derive(Clone, Default)]
pub(super) struct Access {
    pub(super) user: Option<String>,
    pub(super) password: Password,
    pub(super) files: Files,
}

/// Where a password is.
#[derive(Clone, Default)]
pub(super) enum Password {
    /// Nowhere, or in the address.
    #[default]
    None,
    Given(String),
    File(PathBuf),
}

impl Access {
    pub(super) fn of(config: &Config) -> Self {
        let password = match (&config.redis_password, &config.redis_password_file) {
            (Some(given), _) => Password::Given(given.clone()),
            (None, Some(path)) => Password::File(path.clone()),
            (None, None) => Password::None,
        };
        let own = config.redis_cert.clone().zip(config.redis_key.clone());
        Self {
            user: config.redis_user.clone(),
            password,
            files: Files {
                ca: config.redis_ca.clone(),
                own,
            },
        }
    }

    /// The password as it is now.
    pub(super) fn password(&self) -> Result<Option<String>, String> {
        match &self.password {
            Password::None => Ok(None),
            Password::Given(given) => Ok(Some(given.clone())),
            Password::File(path) => in_file(path)
                .map(Some)
                .map_err(|why| format!("--redis-password-file: {}: {why}", path.display())),
        }
    }
}

/// A line's end is not part of it.
fn in_file(path: &Path) -> Result<String, String> {
    let content = contents::read(path, MAX_PASSWORD).map_err(|error| error.to_string())?;
    let text = String::from_utf8(content).map_err(|_| "it is no text in UTF-8".to_owned())?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err("there is no password in it".to_owned());
    }
    if password.contains(['\r', '\n']) {
        return Err("it has more than one line".to_owned());
    }
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line() {
        let name = format!("roomcast-password-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let access = Access {
            password: Password::File(path.clone()),
            ..Access::default()
        };
        for (content, found) in [
            (&b"s3cret"[..], Ok("s3cret")),
            (b"s3 cr#t\r\n", Ok("s3 cr#t")),
            (b"", Err("no password")),
            (b"\n", Err("no password")),
            (b"s3cret\nmore\n", Err("more than one line")),
            (b"s3cret\xff", Err("UTF-8")),
            (&[b'x'; 5000], Err("more than 4096 bytes")),
        ] {
            std::fs::write(&path, content).unwrap();
            match (access.password(), found) {
                (Ok(got), Ok(wanted)) => assert_eq!(got.as_deref(), Some(wanted)),
                (Err(said), Err(part)) => {
                    assert!(said.contains(part) && !said.contains("s3cret"), "{said}");
                }
                (got, _) => panic!("{got:?} of {content:?}"),
            }
        }
        std::fs::remove_file(path).unwrap();
        let gone = access.password().unwrap_err();
        assert!(gone.contains("--redis-password-file"), "{gone}");
    }
}
