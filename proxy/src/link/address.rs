//! Where Redis is, and how that is shown: without the name and password that an address may hold, whatever its spelling.

use redis::{Client, IntoConnectionInfo, ProtocolVersion, RedisResult};

/// An address that cannot be used: why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadAddress(pub(crate) String);

/// See the top of the file.
#[derive(Clone)]
pub(crate) struct Address {
    pub(super) client: Client,
    /// The database that the rooms are in.
    pub(crate) db: i32,
    pub(crate) shown: String,
}

impl Address {
    pub(crate) fn new(url: &str) -> Result<Self, BadAddress> {
        let bad = |why: &str| BadAddress(format!("{}: {why}", shown_anyway(url)));
        const SPELLING: &str = "an address of Redis is written redis://host:6379 or unix:///path, with /2 or ?db=2 for database 2";
        let client = open(url).map_err(|_| bad(SPELLING))?;
        let info = client.get_connection_info();
        let db = info.redis_settings().db();
        let scheme = url.split_once("://").map_or("redis", |(scheme, _)| scheme);
        let mut shown = format!("{scheme}://{}", info.addr());
        if db != 0 {
            shown = format!("{shown}/{db}");
        }
        let db = i32::try_from(db).map_err(|_| bad("there is no database of that number"))?;
        Ok(Self { client, db, shown })
    }

    /// Whom Redis is to know; `proxy` if the address does not say.
    pub(crate) fn user(&self) -> &str {
        let settings = self.client.get_connection_info().redis_settings();
        settings.username().unwrap_or("proxy")
    }
}

/// Nothing that the rights of a proxy need not allow is asked behind our back.
fn open(url: &str) -> RedisResult<Client> {
    let info = url.into_connection_info()?;
    let settings = info.redis_settings().clone();
    let settings = settings
        .set_skip_set_lib_name()
        .set_protocol(ProtocolVersion::RESP3);
    Client::open(info.set_redis_settings(settings))
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
        ] {
            let BadAddress(why) = Address::new(bad).map(|_| ()).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
            assert!(why.contains("redis://"), "{why}");
        }
    }

    #[test]
    fn the_database_is_known() {
        for (given, db) in [("redis://h", 0), ("redis://h/7", 7), ("unix:///s?db=3", 3)] {
            assert_eq!(Address::new(given).map(|address| address.db), Ok(db));
        }
    }
}
