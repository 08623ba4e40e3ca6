//! Where keys come from, and when they are looked at again: files when they change, URLs when a token names a key that is not
//! known. What cannot be read changes nothing: the last good keys stay.

use super::fetch::fetch;
use super::keys::{Keys, Read, jwks, read};
use crate::contents;
use jsonwebtoken::Algorithm;
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// How large a file or an answer may be.
pub(super) const MAX_BYTES: usize = 64 * 1024;
/// A URL is asked no sooner again: tokens with names of keys that nobody knows cost nothing to make.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// It is asked so often in any case: a key that was withdrawn is to go too.
const ASK_ANYWAY: Duration = Duration::from_secs(600);
/// How long it may take.
const ASK_WITHIN: Duration = Duration::from_secs(5);

/// Where keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file; what a secret in it is used for, if that was said.
    File(PathBuf, Option<Algorithm>),
    /// Behind a URL.
    Url(String),
}

impl Place {
    /// Reads an option's value.
    ///
    /// # Errors
    /// With the rest of a sentence that begins with the value.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return check_url(text).map(|()| Self::Url(text.to_owned()));
        }
        let (algorithm, path) = match text.split_once(':') {
            Some(("HS256", path)) => (Some(Algorithm::HS256), path),
            Some(("HS384", path)) => (Some(Algorithm::HS384), path),
            Some(("HS512", path)) => (Some(Algorithm::HS512), path),
            Some(("RS256" | "ES256" | "EdDSA", _)) => {
                return Err(
                    "names an algorithm, and a public key says itself what it is used for"
                        .to_owned(),
                );
            }
            _ => (None, text),
        };
        if path.is_empty() {
            return Err("names no file".to_owned());
        }
        Ok(Self::File(path.into(), algorithm))
    }

    fn shown(&self) -> String {
        match self {
            Self::File(path, _) => path.display().to_string(),
            Self::Url(url) => url.clone(),
        }
    }
}

/// Whoever can change the answer on its way can let anybody in.
fn check_url(url: &str) -> Result<(), String> {
    let parsed: hyper::Uri = url.parse().map_err(|error| format!("is no URL: {error}"))?;
    let authority = parsed
        .authority()
        .map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err("has a name and password in it, which are not sent".to_owned());
    }
    let host = parsed.host().unwrap_or_default().trim_matches(['[', ']']);
    let ip = host.parse::<std::net::IpAddr>();
    let loopback = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
    match parsed.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if loopback => Ok(()),
        _ => Err(
            "is neither https nor http on loopback: others could change the keys on their way"
                .to_owned(),
        ),
    }
}

/// One place, and what was found there.
struct Found {
    place: Place,
    /// As it was read last, good or not.
    content: Vec<u8>,
    keys: Keys,
}

/// Those that are asked, and when that was.
#[derive(Default)]
struct Asked {
    last: Option<Instant>,
}

/// See the top of the file.
pub(crate) struct Source {
    found: Mutex<Vec<Found>>,
    keys: Mutex<Arc<Keys>>,
    asked: tokio::sync::Mutex<Asked>,
    urls: Vec<String>,
}

impl Source {
    /// Reads all files; URLs are asked later.
    ///
    /// # Errors
    /// With a sentence, if one has no key that can be used.
    pub(crate) fn open(options: &[String]) -> Result<Self, String> {
        let mut all = Vec::new();
        for option in options {
            let place =
                Place::read(option).map_err(|why| format!("--token-key: '{option}' {why}"))?;
            let mut found = Found {
                place,
                content: Vec::new(),
                keys: Keys::default(),
            };
            if let Place::File(path, hmac) = &found.place {
                let shown = found.place.shown();
                let wrong = |why: String| format!("--token-key: {shown}: {why}");
                found.content =
                    contents::read(path, MAX_BYTES).map_err(|error| wrong(error.to_string()))?;
                let read = read(&found.content, *hmac).map_err(wrong)?;
                found.keys = told(&shown, read);
            }
            all.push(found);
        }
        let url = |found: &Found| match &found.place {
            Place::Url(url) => Some(url.clone()),
            Place::File(..) => None,
        };
        let source = Self {
            urls: all.iter().filter_map(url).collect(),
            found: Mutex::new(all),
            keys: Mutex::default(),
            asked: tokio::sync::Mutex::default(),
        };
        source.gather();
        Ok(source)
    }

    /// All keys that are known.
    pub(crate) fn keys(&self) -> Arc<Keys> {
        self.keys.lock().clone()
    }

    /// Whether a key that is not known may come.
    pub(crate) fn asks(&self) -> bool {
        !self.urls.is_empty()
    }

    fn gather(&self) {
        let mut all = Keys::default();
        for found in self.found.lock().iter() {
            all.add(found.keys.clone());
        }
        *self.keys.lock() = Arc::new(all);
    }

    /// Takes what was read at a place, unless it is what was there before.
    fn take(&self, place: &Place, content: Result<Vec<u8>, String>) {
        let mut all = self.found.lock();
        let Some(found) = all.iter_mut().find(|found| found.place == *place) else {
            return;
        };
        let shown = place.shown();
        // An error is remembered as a content too: it is said once.
        let content = content.map_err(|why| (format!("(error) {why}").into_bytes(), why));
        let news = match &content {
            Ok(content) | Err((content, _)) => *content != found.content,
        };
        if !news {
            return;
        }
        let read = match (&content, place) {
            (Err((_, why)), _) => Err(why.clone()),
            (Ok(content), Place::File(_, hmac)) => read(content, *hmac),
            (Ok(content), Place::Url(_)) => jwks(&String::from_utf8_lossy(content)),
        };
        found.content = match content {
            Ok(content) | Err((content, _)) => content,
        };
        match read {
            Ok(read) => {
                found.keys = told(&shown, read);
                drop(all);
                self.gather();
            }
            Err(why) => warn!(
                place = shown,
                why, "keys could not be read: the last ones stay"
            ),
        }
    }

    /// Reads files that have changed. What is no file (a pipe, say) was read once, and would be waited for in vain.
    pub(crate) fn look_at_files(&self) {
        let places: Vec<Place> = self
            .found
            .lock()
            .iter()
            .map(|found| found.place.clone())
            .collect();
        for place in places {
            if let Place::File(path, _) = &place {
                if contents::is_read_once(path) {
                    continue;
                }
                let content = contents::read(path, MAX_BYTES);
                let content = content.map_err(|error| error.to_string());
                self.take(&place, content);
            }
        }
    }

    /// Asks the URLs, unless that was done a moment ago.
    pub(crate) async fn ask(&self, again: Duration) {
        // Whoever comes meanwhile waits for the same answers.
        let mut asked = self.asked.lock().await;
        if asked.last.is_some_and(|last| last.elapsed() < again) {
            return;
        }
        // Also if whoever asks goes meanwhile: strangers who come and go are not to ask again and again.
        asked.last = Some(Instant::now());
        for url in &self.urls {
            let answer = tokio::time::timeout(ASK_WITHIN, fetch(url, MAX_BYTES)).await;
            let late = |_| Err(format!("no answer within {ASK_WITHIN:?}"));
            self.take(&Place::Url(url.clone()), answer.unwrap_or_else(late));
        }
    }

    /// Asks for a key that is not known.
    pub(crate) async fn ask_again(&self) {
        self.ask(ASK_AGAIN).await;
    }

    /// Asks for keys that were withdrawn.
    pub(crate) async fn ask_anyway(&self) {
        self.ask(ASK_ANYWAY).await;
    }
}

fn told(place: &str, read: Read) -> Keys {
    for why in &read.passed_over {
        warn!(place, why, "a key is not used");
    }
    info!(place, keys = read.keys.len(), "keys for tokens");
    read.keys
}
