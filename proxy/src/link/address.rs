//! Where Redis is, and how that is shown: without the name and password that an address may hold, whatever its spelling.

use super::access::Access;
use super::several::{Kind, Several};
use super::way::{Endpoint, Way};
use crate::config::Config;
use redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    RedisResult,
};
use std::sync::Arc;

/// An address that cannot be used: why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadAddress(pub(crate) String);

/// See the top of the file.
#[derive(Clone)]
pub(crate) struct Address {
    pub(super) servers: Servers,
    /// How we come to each server that holds rooms.
    pub(super) way: Arc<Way>,
    /// The database that the rooms are in.
    pub(crate) db: i32,
    pub(crate) shown: String,
}

/// Which server a room is on.
#[derive(Clone)]
pub(super) enum Servers {
    /// This one.
    One(Endpoint),
    /// The primary that the sentinels know by this name.
    Sentinels {
        name: String,
        sentinels: Vec<Endpoint>,
    },
    /// The owner of its slot, which each of these knows.
    Cluster(Vec<Endpoint>),
}

const SPELLING: &str = "an address of Redis is written redis://host:6379, rediss://host:6379 (with TLS) or unix:///path, with /2 or ?db=2 for database 2; redis+sentinel://host:26379,host:26379/name; or redis+cluster://host:6379,host:6379";
const INSECURE: &str =
    "nothing stands behind a #: a certificate that nobody vouches for is given with --redis-ca";

impl Address {
    /// The one that the options say.
    pub(crate) fn of(config: &Config) -> Result<Self, BadAddress> {
        Self::new(
            &config.redis.redis,
            Access::of(config),
            Access::of_sentinels(config),
        )
    }

    fn new(url: &str, access: Access, of_sentinels: Access) -> Result<Self, BadAddress> {
        let bad = |why: &str| BadAddress(format!("{}: {why}", shown_anyway(url)));
        match Several::read(url) {
            Some(Ok(several)) => Ok(Self::several(several, access, of_sentinels)),
            Some(Err(why)) => Err(bad(&why)),
            None => Self::one(url, access).map_err(bad),
        }
    }

    fn one(url: &str, access: Access) -> Result<Self, &'static str> {
        let plain = without_tls(url);
        if plain.is_some() && url.contains('#') {
            return Err(INSECURE);
        }
        let info = read(plain.as_deref().unwrap_or(url)).map_err(|_| SPELLING)?;
        let way = Arc::new(Way {
            settings: info.redis_settings().clone(),
            is_tls: plain.is_some(),
            access,
            scheme: scheme(url).to_owned(),
        });
        let db = i32::try_from(way.settings.db());
        let db = db.map_err(|_| "there is no database of that number")?;
        let endpoint = way.to(info.addr().clone());
        Ok(Self {
            shown: endpoint.shown.clone(),
            servers: Servers::One(endpoint),
            way,
            db,
        })
    }

    fn several(several: Several, access: Access, of_sentinels: Access) -> Self {
        let Several {
            kind,
            scheme,
            settings,
            hosts,
        } = several;
        let is_tls = matches!(&*scheme, "rediss" | "valkeys");
        let way = |settings, access| {
            let settings = restrained(settings);
            let scheme = scheme.clone();
            Arc::new(Way {
                settings,
                is_tls,
                access,
                scheme,
            })
        };
        let at =
            |way: &Arc<Way>, (host, port): (String, u16)| way.to(ConnectionAddr::Tcp(host, port));
        let list = hosts.iter().map(|(host, port)| match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        });
        let list: Vec<String> = list.collect();
        let list = list.join(",");
        let db = settings.db() as i32;
        let to_rooms = way(settings, access);
        let (servers, shown) = match kind {
            Kind::Sentinels { name } => {
                let mut shown = format!("{scheme}+sentinel://{list}/{name}");
                if db != 0 {
                    shown = format!("{shown}?db={db}");
                }
                let to_them = way(RedisConnectionInfo::default(), of_sentinels);
                let sentinels = hosts.into_iter().map(|host| at(&to_them, host)).collect();
                (Servers::Sentinels { name, sentinels }, shown)
            }
            Kind::Cluster => {
                let seeds = hosts.into_iter().map(|host| at(&to_rooms, host)).collect();
                (
                    Servers::Cluster(seeds),
                    format!("{scheme}+cluster://{list}"),
                )
            }
        };
        Self {
            servers,
            way: to_rooms,
            db,
            shown,
        }
    }

    /// Whom Redis is to know; `proxy` if nothing says it.
    pub(crate) fn user(&self) -> &str {
        let by_option = self.way.access.user.as_deref();
        let named = by_option.or_else(|| self.way.settings.username());
        named.unwrap_or("proxy")
    }

    /// Whether the address speaks TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.way.is_tls
    }

    /// Whether it is one of sentinels.
    pub(crate) const fn is_sentinels(&self) -> bool {
        matches!(self.servers, Servers::Sentinels { .. })
    }

    /// Whether it is one of a cluster.
    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self.servers, Servers::Cluster(_))
    }

    /// Whether a user, and a password, stand in the address itself.
    pub(crate) fn has_own(&self) -> (bool, bool) {
        let settings = &self.way.settings;
        (settings.username().is_some(), settings.password().is_some())
    }
}

fn scheme(url: &str) -> &str {
    url.split_once("://").map_or("redis", |(scheme, _)| scheme)
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
    let settings = restrained(info.redis_settings().clone());
    Ok(info.set_redis_settings(settings))
}

fn restrained(settings: RedisConnectionInfo) -> RedisConnectionInfo {
    settings
        .set_skip_set_lib_name()
        .set_protocol(ProtocolVersion::RESP3)
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

    fn address(url: &str) -> Result<Address, BadAddress> {
        Address::new(url, Access::default(), Access::default())
    }

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
            (
                "rediss+sentinel://u:secret@a,[::1]:2/main?db=3",
                "rediss+sentinel://a:26379,[::1]:2/main?db=3",
            ),
            ("redis+sentinel://a/main", "redis+sentinel://a:26379/main"),
            (
                "redis+cluster://:secret@a:1,b/",
                "redis+cluster://a:1,b:6379",
            ),
        ] {
            let address = address(given).map(|address| address.shown);
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
            "redis+sentinel://u:secret@host",
            "redis+cluster://u:secret@host/2",
            "redis+secret://u:secret@host",
        ] {
            let BadAddress(why) = address(bad).map(|_| ()).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
            assert!(why.contains("redis") || bad.contains('#'), "{why}");
        }
    }

    #[test]
    fn the_database_is_known() {
        for (given, db) in [
            ("redis://h", 0),
            ("redis://h/7", 7),
            ("unix:///s?db=3", 3),
            ("redis+sentinel://h/n?db=4", 4),
            ("redis+cluster://h", 0),
        ] {
            assert_eq!(address(given).map(|address| address.db), Ok(db));
        }
    }

    #[test]
    fn whether_it_speaks_tls_is_known() {
        for (given, tls) in [
            ("redis://h", false),
            ("rediss://h", true),
            ("valkeys://h", true),
            ("unix:///s", false),
            ("redis+sentinel://h/n", false),
            ("valkey+cluster://h", false),
            ("rediss+sentinel://h/n", true),
            ("valkeys+cluster://h", true),
        ] {
            assert_eq!(address(given).map(|address| address.is_tls()), Ok(tls));
        }
    }

    #[test]
    fn sentinels_are_met_by_another_name_than_their_primary() {
        let url = "rediss+sentinel://ann:p@a,b/main?db=2";
        let user = |name: &str| Access {
            user: Some(name.into()),
            ..Access::default()
        };
        let address = Address::new(url, Access::default(), user("watch")).unwrap();
        assert_eq!((address.user(), address.is_tls()), ("ann", true));
        let Servers::Sentinels { name, sentinels } = &address.servers else {
            panic!("an address of sentinels");
        };
        let shown: Vec<&str> = sentinels.iter().map(|it| &*it.shown).collect();
        assert_eq!(
            (&**name, &shown[..]),
            ("main", &["rediss://a:26379", "rediss://b:26379"][..])
        );
        let of = |endpoint: &Endpoint| {
            let opened = endpoint.open().unwrap();
            let settings = opened.settings;
            let named = settings.username().map(str::to_owned);
            (named, settings.password().map(str::to_owned), settings.db())
        };
        assert_eq!(of(&sentinels[0]), (Some("watch".into()), None, 0));
        let primary = address.way.to(ConnectionAddr::Tcp("c".into(), 1));
        assert_eq!(of(&primary), (Some("ann".into()), Some("p".into()), 2));
        assert_eq!(primary.shown, "rediss://c:1/2");
    }
}
