//! As whom we come to Redis, and whom we trust there. What is in files is read anew for each pair of connections, so that it
//! may change.

use crate::config::Config;
use crate::config::access::AccessOptions;
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
    /// And the option that says so.
    File(PathBuf, &'static str),
}

impl Access {
    pub(super) fn of(config: &Config) -> Self {
        let options = &config.access;
        let (given, file) = (&options.redis_password, &options.redis_password_file);
        Self {
            user: options.redis_user.clone(),
            password: Password::of(given.as_ref(), file.as_ref(), "--redis-password-file"),
            files: files(options),
        }
    }

    /// The same for sentinels, which know users of their own.
    pub(super) fn of_sentinels(config: &Config) -> Self {
        let options = &config.access;
        let (given, file) = (&options.sentinel_password, &options.sentinel_password_file);
        Self {
            user: options.sentinel_user.clone(),
            password: Password::of(given.as_ref(), file.as_ref(), "--sentinel-password-file"),
            files: files(options),
        }
    }

    /// The password as it is now.
    pub(super) fn password(&self) -> Result<Option<String>, String> {
        match &self.password {
            Password::None => Ok(None),
            Password::Given(given) => Ok(Some(given.clone())),
            Password::File(path, option) => in_file(path)
                .map(Some)
                .map_err(|why| format!("{option}: {}: {why}", path.display())),
        }
    }
}

impl Password {
    fn of(given: Option<&String>, file: Option<&PathBuf>, option: &'static str) -> Self {
        match (given, file) {
            (Some(given), _) => Self::Given(given.clone()),
            (None, Some(path)) => Self::File(path.clone(), option),
            (None, None) => Self::None,
        }
    }
}

fn files(options: &AccessOptions) -> Files {
    let own = options.redis_cert.clone().zip(options.redis_key.clone());
    Files {
        ca: options.redis_ca.clone(),
        own,
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
            password: Password::File(path.clone(), "--redis-password-file"),
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
