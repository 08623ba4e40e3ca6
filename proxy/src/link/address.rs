//! Where Redis is, and how that is shown: without the name and password that an address may hold, whatever its spelling.

use super::access::Access;
use crate::config::Config;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisResult,
};
use rustls::ClientConfig;
use std::sync::Arc;

/// An address that cannot be used: why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadAddress(pub(crate) String);

/// See the top of the file.
#[derive(Clone)]
pub(crate) struct Address {
    info: ConnectionInfo,
    is_tls: bool,
    access: Access,
    /// The database that the rooms are in.
    pub(crate) db: i32,
    pub(crate) shown: String,
}

/// What a connection needs, as the files are now.
pub(super) struct Opened {
    pub(super) client: Client,
    /// How to speak TLS, if that is wanted.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

const SPELLING: &str = "an address of Redis is written redis://host:6379, rediss://host:6379 (with TLS) or unix:///path, with /2 or ?db=2 for database 2";
const INSECURE: &str =
    "nothing stands behind a #: a certificate that nobody vouches for is given with --redis-ca";

impl Address {
    /// The one that the options say.
    pub(crate) fn of(config: &Config) -> Result<Self, BadAddress> {
        let mut address = Self::new(&config.redis)?;
        address.access = Access::of(config);
        Ok(address)
    }

    fn new(url: &str) -> Result<Self, BadAddress> {
        let bad = |why: &str| BadAddress(format!("{}: {why}", shown_anyway(url)));
        let plain = without_tls(url);
        if plain.is_some() && url.contains('#') {
            return Err(bad(INSECURE));
        }
        let info = read(plain.as_deref().unwrap_or(url)).map_err(|_| bad(SPELLING))?;
        let db = info.redis_settings().db();
        let scheme = url.split_once("://").map_or("redis", |(scheme, _)| scheme);
        let mut shown = format!("{scheme}://{}", info.addr());
        if db != 0 {
            shown = format!("{shown}/{db}");
        }
        let db = i32::try_from(db).map_err(|_| bad("there is no database of that number"))?;
        Ok(Self {
            info,
            is_tls: plain.is_some(),
            access: Access::default(),
            db,
            shown,
        })
    }

    /// Whom Redis is to know; `proxy` if nothing says it.
    pub(crate) fn user(&self) -> &str {
        let by_option = self.access.user.as_deref();
        let named = by_option.or_else(|| self.info.redis_settings().username());
        named.unwrap_or("proxy")
    }

    /// Whether the address speaks TLS.
    pub(crate) const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Whether a user, and a password, stand in the address itself.
    pub(crate) fn has_own(&self) -> (bool, bool) {
        let settings = self.info.redis_settings();
        (settings.username().is_some(), settings.password().is_some())
    }

    /// Host and port; nothing for a Unix socket.
    pub(super) fn host(&self) -> (&str, u16) {
        match self.info.addr() {
            ConnectionAddr::Tcp(host, port) => (host, *port),
            _ => ("", 0),
        }
    }

    /// Reads the files that are part of it.
    ///
    /// # Errors
    /// With a sentence about one of them.
    pub(super) fn open(&self) -> Result<Opened, String> {
        let mut settings = self.info.redis_settings().clone();
        if let Some(user) = &self.access.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = self.access.password()? {
            settings = settings.set_password(password);
        }
        let info = self.info.clone().set_redis_settings(settings);
        let client = Client::open(info).map_err(|error| error.to_string())?;
        let files = || self.access.files.client();
        let tls = self.is_tls.then(files).transpose();
        let tls = tls.map_err(|why| format!("TLS with Redis: {why}"))?;
        Ok(Opened { client, tls })
    }
}

/// The same address in plain, if it is one with TLS: that is ours to speak.
fn without_tls(url: &str) -> Option<String> {
    let pairs = [("rediss://", "redis://"), ("valkeys://", "valkey://")];
    pairs
        .into_iter()
        .find_map(|(tls, plain)| Some(format!("{plain}{}", url.strip_prefix(tls)?)))
}

/// Nothing that the rights of a proxy need not allow is asked behind our back.
fn read(url: &str) -> RedisResult<ConnectionInfo> {
    let info = url.into_connection_info()?;
    let settings = info.redis_settings().clone();
    let settings = settings
        .set_skip_set_lib_name()
        .set_protocol(ProtocolVersion::RESP3);
    Ok(info.set_redis_settings(settings))
}

/// What can be shown of an address that cannot be read: all of it if there is no place for a secret.
fn shown_anyway(url: &str) -> &str {
    if url.contains(['@', '?', '#']) {
        "the address given by --redis (not shown, as it may hold a password)"
    } else {
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (given, shown) in [
            ("redis://u:p@ss@host:1/2", "redis://host:1/2"),
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://:secret@127.0.0.1", "redis://127.0.0.1:6379"),
            ("rediss://u:p@ss@host:1/2", "rediss://host:1/2"),
            ("valkeys://:secret@[::1]", "valkeys://::1:6379"),
            ("unix:///tmp/r.sock?pass=p@ss&db=3", "unix:///tmp/r.sock/3"),
            (
                "redis+unix:///tmp/r.sock?user=u&pass=secret",
                "redis+unix:///tmp/r.sock",
            ),
        ] {
            let address = Address::new(given).map(|address| address.shown);
            assert_eq!(address, Ok(shown.to_owned()), "{given}");
        }
        for bad in [
            "nonsense",
            "host:6379",
            "",
            "u:secret@host",
            "redis://u:secret@host:port",
            "http://u:secret@host",
            "redis://u:secret@host/db",
            "rediss://u:secret@host/#insecure",
            "rediss://u:secret@host:port",
        ] {
            let BadAddress(why) = Address::new(bad).map(|_| ()).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
            assert!(why.contains("redis://") || bad.contains('#'), "{why}");
        }
    }

    #[test]
    fn the_database_is_known() {
        for (given, db) in [("redis://h", 0), ("redis://h/7", 7), ("unix:///s?db=3", 3)] {
            assert_eq!(Address::new(given).map(|address| address.db), Ok(db));
        }
    }
}
