//! Addresses that name several servers, as they are written: `redis+sentinel://h1:p,h2:p/name?db=n` and
//! `redis+cluster://h1:p,h2:p`. Pure.

use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};

/// Servers that one address may name.
const MOST: usize = 64;
const SENTINEL_PORT: u16 = 26379;
const REDIS_PORT: u16 = 6379;

/// See the top of the file.
#[derive(Debug)]
pub(super) struct Several {
    pub(super) kind: Kind,
    /// Of an address of one of the servers.
    pub(super) scheme: String,
    /// As whom.
    pub(super) settings: RedisConnectionInfo,
    pub(super) hosts: Vec<(String, u16)>,
}

/// What the servers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They say where the primary is that they know by this name.
    Sentinels {
        name: String,
    },
    Cluster,
}

impl Several {
    /// Nothing if the address is of another kind; else what it says, or why it cannot be used (in words without any part
    /// of it, as there may be a password in each).
    pub(super) fn read(url: &str) -> Option<Result<Self, String>> {
        let (scheme, rest) = url.split_once("://")?;
        let (scheme, kind) = scheme.split_once('+')?;
        let is_cluster = match kind {
            "sentinel" => false,
            "cluster" => true,
            _ => return None,
        };
        Some(Self::of(scheme, is_cluster, rest))
    }

    fn of(scheme: &str, is_cluster: bool, rest: &str) -> Result<Self, String> {
        if rest.contains('#') {
            return Err("nothing stands behind a #".to_owned());
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, behind) = rest.split_at(end);
        let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
        let path = path.strip_prefix('/').unwrap_or(path);
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        let (kind, db, port) = if is_cluster {
            if !path.is_empty() || !query.is_empty() {
                return Err("a cluster has database 0 only, so nothing follows its servers".into());
            }
            (Kind::Cluster, 0, REDIS_PORT)
        } else {
            let name = name(path)?;
            (Kind::Sentinels { name }, database(query)?, SENTINEL_PORT)
        };
        let (settings, hosts) = servers(scheme, &user, hosts, port)?;
        Ok(Self {
            kind,
            scheme: scheme.to_owned(),
            settings: settings.set_db(db),
            hosts,
        })
    }
}

/// Sentinels take no other letters in it.
fn name(path: &str) -> Result<String, String> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    if path.is_empty() {
        return Err(
            "behind the sentinels stands the name by which they know the primary: redis+sentinel://host,host/name"
                .into(),
        );
    }
    if !path.chars().all(is_letter) {
        return Err(
            "the name by which sentinels know a primary has letters, digits and .-_ only".into(),
        );
    }
    Ok(path.to_owned())
}

fn database(query: &str) -> Result<i64, String> {
    if query.is_empty() {
        return Ok(0);
    }
    let db = query.strip_prefix("db=");
    let db = db.and_then(|number| number.parse::<u16>().ok());
    db.map(i64::from)
        .ok_or_else(|| "behind the ? stands the database's number, as in ?db=2".into())
}

/// As whom, and where each of them is.
fn servers(
    scheme: &str,
    user: &str,
    hosts: &str,
    port: u16,
) -> Result<(RedisConnectionInfo, Vec<(String, u16)>), String> {
    let mut settings = None;
    let mut all: Vec<(String, u16)> = Vec::new();
    for host in hosts.split(',') {
        // A colon within the brackets of IPv6 begins no port.
        let has_port = host.rfind(':') > host.rfind(']');
        let port = if has_port {
            String::new()
        } else {
            format!(":{port}")
        };
        // The library decodes what is encoded, and knows what a host may look like. TLS is ours to speak.
        let url = match scheme {
            "redis" | "rediss" | "valkey" | "valkeys" if !host.ends_with(':') => {
                format!("redis://{user}{host}{port}")
            }
            _ => String::new(),
        };
        let info = url.into_connection_info();
        let (ConnectionAddr::Tcp(host, port), as_whom) = info
            .map(|info| (info.addr().clone(), info.redis_settings().clone()))
            .map_err(|_| SPELLING.to_owned())?
        else {
            return Err(SPELLING.to_owned());
        };
        if all.contains(&(host.clone(), port)) {
            return Err("one server is named twice".to_owned());
        }
        settings = Some(as_whom);
        all.push((host, port));
    }
    if all.len() > MOST {
        return Err(format!("it names more than {MOST} servers"));
    }
    settings
        .map(|settings| (settings, all))
        .ok_or_else(|| SPELLING.to_owned())
}

const SPELLING: &str = "several servers are written redis+sentinel://host:26379,host:26379/name or redis+cluster://host:6379,host:6379 (rediss+… with TLS)";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Several {
        Several::read(url).unwrap().unwrap()
    }

    #[test]
    fn what_stands_where_it_belongs_is_understood() {
        let sentinels = |name: &str| Kind::Sentinels { name: name.into() };
        for (url, kind, db, hosts) in [
            (
                "redis+sentinel://a,b:1,[::1]/main",
                sentinels("main"),
                0,
                &[("a", 26379), ("b", 1), ("::1", 26379)][..],
            ),
            (
                "rediss+sentinel://[fe80::1]:7/x.y-z_1?db=3",
                sentinels("x.y-z_1"),
                3,
                &[("fe80::1", 7)],
            ),
            (
                "redis+cluster://a:1,b",
                Kind::Cluster,
                0,
                &[("a", 1), ("b", 6379)],
            ),
            ("valkeys+cluster://a/", Kind::Cluster, 0, &[("a", 6379)]),
        ] {
            let several = read(url);
            assert_eq!((several.kind, several.settings.db()), (kind, db), "{url}");
            let hosts = hosts.iter().map(|(host, port)| ((*host).to_owned(), *port));
            assert_eq!(several.hosts, hosts.collect::<Vec<_>>(), "{url}");
            assert_eq!(several.scheme, url.split_once('+').unwrap().0);
        }
        let several = read("redis+sentinel://ann:p%40s@s@a,b/main");
        assert_eq!(several.settings.username(), Some("ann"));
        assert_eq!(several.settings.password(), Some("p@s@s"));
        assert_eq!(several.hosts.len(), 2);
    }

    #[test]
    fn what_does_not_is_refused_without_showing_it() {
        let many: Vec<String> = (0..65).map(|i| format!("h{i}")).collect();
        let many = format!("redis+cluster://{}", many.join(","));
        for (url, part) in [
            ("redis+sentinel://u:secret@a,b", "stands the name"),
            ("redis+sentinel://u:secret@a/", "stands the name"),
            ("redis+sentinel://u:secret@a/n/m", "letters, digits"),
            ("redis+sentinel://u:secret@a/secret!", "letters, digits"),
            ("redis+sentinel://u:secret@a/n?db=x", "?db=2"),
            ("redis+sentinel://u:secret@a/n?db=-1", "?db=2"),
            ("redis+sentinel://u:secret@a/n?db=1&pass=secret", "?db=2"),
            ("redis+sentinel://u:secret@a/n#insecure", "behind a #"),
            ("redis+sentinel://u:secret@a,,b/n", "are written"),
            ("redis+sentinel://u:secret@/n", "are written"),
            ("redis+sentinel:///n", "are written"),
            ("redis+sentinel://u:secret@a:port/n", "are written"),
            ("redis+sentinel://u:secret@a:/n", "are written"),
            ("redis+sentinel://u:secret@a:1,a:1/n", "named twice"),
            ("redis+sentinel://u:secret@a,a:26379/n", "named twice"),
            ("unix+sentinel://u:secret@a/n", "are written"),
            ("redis+cluster://u:secret@a,b/2", "database 0 only"),
            ("redis+cluster://u:secret@a?db=2", "database 0 only"),
            (&many, "more than 64"),
        ] {
            let why = Several::read(url).unwrap().unwrap_err();
            assert!(why.contains(part), "{url}: {why}");
            assert!(!why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn other_addresses_are_none_of_ours() {
        for url in ["redis://a", "unix:///a", "redis+unix:///a", "nonsense", ""] {
            assert!(Several::read(url).is_none(), "{url}");
        }
    }
}
