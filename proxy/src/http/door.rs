//! Who may knock: whether a request may come in at all, by what the proxy was told and what the request says of itself.
//! Pure: a function of its arguments.
//!
//! Without a key whoever connects may be anybody. That is safe only where nobody but this machine's own people can reach
//! the port, so a page of the web must not get there through a browser (by its origin, or by a name that it points at
//! 127.0.0.1), nor a stranger through a reverse proxy.

use crate::config::Config;
use std::fmt;
use std::net::IpAddr;

/// What the proxy was told.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// Logins are judged by a key: where somebody comes from proves nothing, and is no danger.
    pub(crate) has_key: bool,
    /// `--open`: anybody may come in without a key.
    pub(crate) open: bool,
    /// Where it listens.
    pub(crate) listen: IpAddr,
    /// `--origins`.
    pub(crate) origins: Vec<String>,
}

/// What a request says of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Knock<'a> {
    /// Host and port that the client wanted.
    pub(crate) host: &'a str,
    /// The same as a trusted proxy was asked for it.
    pub(crate) forwarded_host: Option<&'a str>,
    /// A header that only a reverse proxy adds.
    pub(crate) forwarded: Option<&'a str>,
    /// Where the page comes from; a program has none.
    pub(crate) origin: Option<&'a str>,
}

/// Why a request is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// By this header it came through a reverse proxy, to a door that is open for this machine only.
    Forwarded(String),
    /// It asked for this name, which is none of this machine.
    Host(String),
    /// It is by a page from elsewhere.
    Origin(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forwarded(header) => write!(
                f,
                "the header {header} says that this came through a reverse proxy, but without a key the proxy serves this machine only: give it a key, or --open if everybody may be anybody"
            ),
            Self::Host(host) => write!(
                f,
                "'{host}' is no name of this machine, which alone is served without a key: use localhost or 127.0.0.1"
            ),
            Self::Origin(origin) if origin == "null" => f.write_str(
                "pages of the origin 'null' (opened from disk, say) may not connect: --origins null lets them in",
            ),
            Self::Origin(origin) => write!(
                f,
                "pages of the origin '{origin}' may not connect: --origins '{origin}' lets them in"
            ),
        }
    }
}

impl Door {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            has_key: config.has_key(),
            open: config.entrance.open,
            listen: config.listen.ip(),
            origins: config.entrance.origins.clone(),
        }
    }

    /// Whether only this machine's own people can reach the port.
    pub(crate) fn is_on_loopback(&self) -> bool {
        self.listen.to_canonical().is_loopback()
    }

    /// Whether this proxy may begin: an open door on another address than loopback must be meant.
    pub(crate) fn may_begin(&self) -> bool {
        self.has_key || self.open || self.is_on_loopback()
    }

    /// Whether a request of any kind is answered.
    pub(crate) fn lets_in(&self, knock: &Knock<'_>) -> Result<(), Refused> {
        if self.has_key || !self.is_on_loopback() {
            return Ok(());
        }
        match knock.forwarded {
            Some(header) if !self.open => Err(Refused::Forwarded(header.to_owned())),
            // No page can add such a header to what it asks a WebSocket for: this is a reverse proxy, which is meant.
            Some(_) => Ok(()),
            None if is_loopback(knock.host) => Ok(()),
            None => Err(Refused::Host(knock.host.to_owned())),
        }
    }

    /// Whether a WebSocket may begin for whoever is let in.
    pub(crate) fn connects(&self, knock: &Knock<'_>) -> Result<(), Refused> {
        let Some(origin) = knock.origin else {
            return Ok(());
        };
        let is_named = self.origins.iter().any(|known| known == origin);
        let is_fine = if self.has_key {
            is_named || self.origins.is_empty()
        } else {
            is_named || self.is_ours(origin, knock)
        };
        is_fine
            .then_some(())
            .ok_or_else(|| Refused::Origin(origin.to_owned()))
    }

    /// The page is our own, or one of this machine.
    fn is_ours(&self, origin: &str, knock: &Knock<'_>) -> bool {
        let Some((scheme, place)) = origin.split_once("://") else {
            return false;
        };
        let host = knock.forwarded_host.unwrap_or(knock.host);
        let same = without_port(scheme, host).eq_ignore_ascii_case(without_port(scheme, place));
        same || self.is_on_loopback() && is_loopback(knock.host) && is_loopback(place)
    }
}

/// Host and port as the origin of a page names them: without the port that is usual.
fn without_port<'a>(scheme: &str, place: &'a str) -> &'a str {
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return place,
    };
    place.strip_suffix(usual).unwrap_or(place)
}

/// Whether a host, with or without a port, is this machine for whoever writes it.
fn is_loopback(place: &str) -> bool {
    let host = match place.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(host, _)| host),
        None => place.split_once(':').map_or(place, |(host, _)| host),
    };
    let host = host.to_ascii_lowercase();
    let name = host.strip_suffix('.').unwrap_or(&host);
    match name.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of `door host forwarded origin`, with `-` for what is not there. The host that a trusted proxy was
    /// asked for stands for any forwarding header.
    fn judged(line: &str) -> &'static str {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [door, host, forwarded, origin] = words[..] else {
            panic!("{line}")
        };
        let lan = door.contains("lan");
        let listen = if lan { "192.168.0.7" } else { "127.0.0.1" };
        let named = door
            .contains("named")
            .then_some(["https://ours.org", "null"]);
        let door = Door {
            has_key: door.contains("key"),
            open: door.contains("open"),
            listen: listen.parse().unwrap(),
            origins: named.into_iter().flatten().map(str::to_owned).collect(),
        };
        let given = |word| (word != "-").then_some(word);
        let knock = Knock {
            host,
            forwarded: given(forwarded).map(|_| "x-forwarded-for"),
            forwarded_host: given(forwarded).filter(|host| host.contains('.')),
            origin: given(origin),
        };
        match door.lets_in(&knock).and_then(|()| door.connects(&knock)) {
            Ok(()) => "in",
            Err(Refused::Forwarded(_)) => "forwarded",
            Err(Refused::Host(_)) => "host",
            Err(Refused::Origin(_)) => "origin",
        }
    }

    #[test]
    fn who_comes_in() {
        for (line, becomes) in [
            // Loopback without a key: programs, our own page, pages of this machine.
            ("loopback 127.0.0.1:8080 - -", "in"),
            ("loopback localhost:8080 - http://localhost:8080", "in"),
            ("loopback 127.0.0.1:8080 - http://localhost:3000", "in"),
            ("loopback 127.0.0.1:8080 - http://[::1]:3000", "in"),
            ("loopback [::1]:8080 - http://127.9.9.9", "in"),
            ("loopback app.localhost:8080 - https://LOCALHOST.", "in"),
            // Not the web's pages, and not those from disk.
            ("loopback 127.0.0.1:8080 - https://evil.org", "origin"),
            (
                "loopback 127.0.0.1:8080 - http://localhost.evil.org",
                "origin",
            ),
            (
                "loopback 127.0.0.1:8080 - http://127.0.0.1.evil.org",
                "origin",
            ),
            (
                "loopback 127.0.0.1:8080 - http://127.0.0.1@evil.org",
                "origin",
            ),
            ("loopback 127.0.0.1:8080 - null", "origin"),
            ("loopback+named 127.0.0.1:8080 - null", "in"),
            ("loopback+named 127.0.0.1:8080 - https://ours.org", "in"),
            ("loopback+named 127.0.0.1:8080 - http://ours.org", "origin"),
            // A name of the web that points here.
            ("loopback evil.org:8080 - http://evil.org:8080", "host"),
            ("loopback evil.org:8080 - -", "host"),
            ("loopback+open evil.org:8080 - http://evil.org:8080", "host"),
            // A reverse proxy in front of an open door, unless it is meant.
            ("loopback 127.0.0.1:8080 yes -", "forwarded"),
            (
                "loopback+named 127.0.0.1:8080 yes https://ours.org",
                "forwarded",
            ),
            ("loopback+open 127.0.0.1:8080 yes -", "in"),
            ("loopback+open chat.org yes https://chat.org", "in"),
            ("loopback+open chat.org yes http://localhost:3000", "origin"),
            (
                "loopback+open 127.0.0.1:8080 chat.org https://chat.org",
                "in",
            ),
            (
                "loopback+open 127.0.0.1:8080 chat.org https://evil.org",
                "origin",
            ),
            // Another address without a key: our own page by whatever name, and what is named.
            ("lan+open chat.org:8080 - http://chat.org:8080", "in"),
            ("lan+open Chat.org - https://chat.org", "in"),
            ("lan+open chat.org:443 - https://chat.org", "in"),
            ("lan+open chat.org:443 - http://chat.org", "origin"),
            ("lan+open chat.org:8080 - http://chat.org", "origin"),
            ("lan+open chat.org - https://evil.org", "origin"),
            ("lan+open localhost:8080 - http://localhost:3000", "origin"),
            ("lan+open+named chat.org - https://ours.org", "in"),
            // With a key nothing is ambient.
            ("loopback+key evil.org - http://evil.org", "in"),
            ("loopback+key 127.0.0.1:8080 yes https://any.org", "in"),
            ("lan+key chat.org - null", "in"),
            ("lan+key+named chat.org - https://ours.org", "in"),
            ("lan+key+named chat.org - https://chat.org", "origin"),
            ("lan+key+named chat.org - -", "in"),
        ] {
            assert_eq!(judged(line), becomes, "{line}");
        }
    }

    #[test]
    fn an_open_door_to_others_must_be_meant() {
        for (has_key, open, listen, begins) in [
            (false, false, "127.0.0.1", true),
            (false, false, "::1", true),
            (false, false, "::ffff:127.0.0.1", true),
            (false, false, "0.0.0.0", false),
            (false, false, "::", false),
            (false, true, "0.0.0.0", true),
            (true, false, "0.0.0.0", true),
        ] {
            let door = Door {
                has_key,
                open,
                listen: listen.parse().unwrap(),
                origins: Vec::new(),
            };
            assert_eq!(door.may_begin(), begins, "{door:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        for (refused, part) in [
            (Refused::Forwarded("via".into()), "--open"),
            (Refused::Host("evil.org".into()), "localhost"),
            (Refused::Origin("null".into()), "--origins null"),
            (
                Refused::Origin("https://a.org".into()),
                "--origins 'https://a.org'",
            ),
        ] {
            assert!(refused.to_string().contains(part), "{refused}");
        }
    }
}
