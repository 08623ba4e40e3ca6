//! Who gets to see the page. Pure: by where the port listens, and what a request says of itself.
//!
//! On loopback it is for this machine: a page of the web must not get there through a browser (by a name that it points at
//! 127.0.0.1, or by asking from elsewhere), nor a stranger through a reverse proxy that knows no key. A browser is asked for a name
//! and a password, which is the key (HTTP Basic): it can send nothing else by itself. Programs send the key as a Bearer's.

use crate::api::keys::Keys;
use crate::http::door::{Door, Knock, Refused};
use axum::http::StatusCode;
use data_encoding::BASE64;
use std::net::IpAddr;
use std::sync::Arc;

/// See the top of the file.
pub(super) struct Guard {
    door: Door,
    keys: Option<Arc<Keys>>,
}

/// What is said to whoever does not get in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turned {
    pub(super) status: StatusCode,
    pub(super) why: String,
    /// A name and a password are asked for.
    pub(super) asks: bool,
}

impl Turned {
    fn away(status: StatusCode, why: String) -> Self {
        Self {
            status,
            why,
            asks: false,
        }
    }
}

impl Guard {
    pub(super) const fn new(listen: IpAddr, keys: Option<Arc<Keys>>) -> Self {
        let door = Door {
            has_key: false,
            // Whoever comes through a reverse proxy shows the key.
            open: keys.is_some(),
            listen,
            origins: Vec::new(),
        };
        Self { door, keys }
    }

    /// `authorization`: that header. `site`: `Sec-Fetch-Site`, which browsers add.
    pub(super) fn lets_in(
        &self,
        knock: &Knock<'_>,
        authorization: Option<&str>,
        site: Option<&str>,
    ) -> Result<(), Turned> {
        match self.door.lets_in(knock) {
            Ok(()) => {}
            Err(Refused::Host(host)) => {
                return Err(Turned::away(
                    StatusCode::MISDIRECTED_REQUEST,
                    format!(
                        "'{host}' is no name of this machine, which alone is served at a loopback address: use localhost or 127.0.0.1"
                    ),
                ));
            }
            Err(refused @ (Refused::Forwarded(_) | Refused::Origin(_))) => {
                let header = match refused {
                    Refused::Forwarded(header) => header,
                    _ => "Origin".to_owned(),
                };
                return Err(Turned::away(
                    StatusCode::FORBIDDEN,
                    format!(
                        "the header {header} says that this came through a reverse proxy, but without a key the page is for this machine only: give --admin-key-file"
                    ),
                ));
            }
        }
        if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
            let why = "a page from elsewhere asks for this: open it by itself".to_owned();
            return Err(Turned::away(StatusCode::FORBIDDEN, why));
        }
        let Some(keys) = &self.keys else {
            if self.door.listen.to_canonical().is_loopback() {
                return Ok(());
            }
            let why = "whoever reaches this address could look into every queue: the page is shown here only with --admin-key-file";
            return Err(Turned::away(StatusCode::FORBIDDEN, why.to_owned()));
        };
        let key = authorization.and_then(key_of);
        if key.is_some_and(|key| keys.know(&key)) {
            return Ok(());
        }
        Err(Turned {
            status: StatusCode::UNAUTHORIZED,
            why: "the page is shown to whoever has a key of --admin-key-file: as the password, with any name, or as 'Authorization: Bearer <key>'".to_owned(),
            asks: true,
        })
    }
}

/// The key in the header, by either scheme.
fn key_of(header: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.as_bytes().to_vec());
    }
    let both = BASE64.decode(rest.as_bytes()).ok();
    let both = both.filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let colon = both.iter().position(|byte| *byte == b':')?;
    Some(both.get(colon + 1..)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn keys() -> Arc<Keys> {
        let name = format!("roomcast-admin-keys-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, KEY).unwrap();
        let keys = Keys::open("--admin-key-file", &path, "keys").unwrap();
        std::fs::remove_file(&path).unwrap();
        Arc::new(keys)
    }

    fn guard(listen: &str, with_key: bool) -> Guard {
        Guard::new(listen.parse().unwrap(), with_key.then(keys))
    }

    fn knock<'a>(host: &'a str, forwarded: Option<&'a str>) -> Knock<'a> {
        Knock {
            host,
            forwarded,
            ..Knock::default()
        }
    }

    fn status(of: Result<(), Turned>) -> u16 {
        of.map_or_else(|turned| turned.status.as_u16(), |()| 200)
    }

    #[test]
    fn on_loopback_it_is_for_this_machine() {
        for with_key in [false, true] {
            let guard = guard("127.0.0.1", with_key);
            let bearer = format!("Bearer {KEY}");
            let look = |host, site| status(guard.lets_in(&knock(host, None), Some(&bearer), site));
            for host in ["localhost:9600", "127.0.0.1", "[::1]:1"] {
                assert_eq!(look(host, None), 200, "{host}");
                assert_eq!(look(host, Some("none")), 200, "{host}");
                assert_eq!(look(host, Some("cross-site")), 403, "{host}");
            }
            for host in ["evil.example", "127.0.0.1.evil.example:9600", ""] {
                assert_eq!(look(host, None), 421, "{host}");
            }
        }
        let through = knock("localhost", Some("x-forwarded-for"));
        assert_eq!(
            status(guard("::1", false).lets_in(&through, None, None)),
            403
        );
        assert_eq!(
            status(guard("::1", true).lets_in(&through, None, None)),
            401
        );
    }

    #[test]
    fn off_loopback_nobody_sees_it_without_keys() {
        for listen in ["0.0.0.0", "::", "10.0.0.1"] {
            let guard = guard(listen, false);
            for host in ["localhost", "proxy.example"] {
                let turned = guard.lets_in(&knock(host, None), None, None).unwrap_err();
                assert_eq!(turned.status.as_u16(), 403, "{listen}, {host}");
                assert!(turned.why.contains("--admin-key-file"), "{}", turned.why);
            }
        }
        for listen in ["127.0.0.2", "::1", "::ffff:127.0.0.1"] {
            let seen = guard(listen, false).lets_in(&knock("localhost", None), None, None);
            assert_eq!(seen, Ok(()), "{listen}");
        }
    }

    #[test]
    fn with_keys_one_of_them_is_shown_in_either_way() {
        let guard = guard("10.0.0.1", true);
        let look =
            |header: Option<&str>| guard.lets_in(&knock("proxy.example", None), header, None);
        let basic = |text: &str| format!("Basic {}", BASE64.encode(text.as_bytes()));
        for good in [
            format!("Bearer {KEY}"),
            format!("bearer  {KEY} "),
            basic(&format!("ann:{KEY}")),
            basic(&format!(":{KEY}")),
        ] {
            assert_eq!(look(Some(&good)), Ok(()), "{good}");
        }
        for bad in [
            format!("Bearer {KEY}x"),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            format!("Digest {KEY}"),
            basic(KEY),
            basic(&format!("{KEY}:")),
            format!("Basic {KEY}"),
            "Basic !".to_owned(),
        ] {
            let turned = look(Some(&bad)).unwrap_err();
            assert_eq!((turned.status.as_u16(), turned.asks), (401, true), "{bad}");
            assert!(!turned.why.contains(KEY));
        }
        assert_eq!(status(look(None)), 401);
    }
}
