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
    /// Whether there were keys in that.
    is_good: bool,
    keys: Keys,
}

/// Those that are asked, and when that was.
#[derive(Default)]
struct Asked {
    last: Option<Instant>,
    /// All have answered then.
    answered: bool,
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
            // One that is given twice would keep its first keys the second time.
            if all.iter().any(|found: &Found| found.place == place) {
                continue;
            }
            let mut found = Found {
                place,
                content: Vec::new(),
                is_good: true,
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
        let mut all = Keys::of_places(self.asks());
        for found in self.found.lock().iter() {
            all.add(found.keys.clone());
        }
        *self.keys.lock() = Arc::new(all);
    }

    /// Takes what was read at a place, unless it is what was there before. Whether its keys are those that are known.
    fn take(&self, place: &Place, content: Result<Vec<u8>, String>) -> bool {
        let mut all = self.found.lock();
        let Some(found) = all.iter_mut().find(|found| found.place == *place) else {
            return false;
        };
        let shown = place.shown();
        // An error is remembered as a content too: it is said once.
        let content = content.map_err(|why| (format!("(error) {why}").into_bytes(), why));
        let news = match &content {
            Ok(content) | Err((content, _)) => *content != found.content,
        };
        if !news {
            return found.is_good;
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
                found.is_good = true;
                found.keys = told(&shown, read);
                drop(all);
                self.gather();
                true
            }
            Err(why) => {
                found.is_good = false;
                warn!(
                    place = shown,
                    why, "keys could not be read: the last ones stay"
                );
                false
            }
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

    /// Asks the URLs, unless that was done a moment ago. Whether all have answered now.
    pub(crate) async fn ask(&self, again: Duration) -> bool {
        let came = Instant::now();
        // Whoever comes meanwhile waits for the same answers.
        let mut asked = self.asked.lock().await;
        if asked.last.is_some_and(|last| last.elapsed() < again) {
            return asked.last.is_some_and(|last| last >= came) && asked.answered;
        }
        // Also if whoever asks goes meanwhile: strangers who come and go are not to ask again and again.
        asked.last = Some(Instant::now());
        asked.answered = false;
        let mut answered = true;
        for url in &self.urls {
            let answer = tokio::time::timeout(ASK_WITHIN, fetch(url, MAX_BYTES)).await;
            let late = |_| Err(format!("no answer within {ASK_WITHIN:?}"));
            let answer = answer.unwrap_or_else(late);
            answered &= self.take(&Place::Url(url.clone()), answer);
        }
        asked.answered = answered;
        answered
    }

    /// Asks for a key that is not known. Whether all that are there are known now.
    pub(crate) async fn ask_again(&self) -> bool {
        self.ask(ASK_AGAIN).await
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

#[cfg(test)]
mod tests {
    use super::super::token::{Rules, look};
    use super::*;
    use hub_core::pass::Refused;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    const NOW: u64 = 1_000_000_000;
    const EC: &[u8] = include_bytes!("testkeys/ec.der");
    /// Another key: the example of RFC 7515, appendix A.3.
    const OTHER: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

    /// A server that gives these answers, one after the other.
    fn serve(answers: Vec<(u16, String)>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for (status, body) in answers {
                let mut stream = listener.accept().unwrap().0;
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).unwrap();
                let length = body.len();
                let head = format!("HTTP/1.1 {status} Some\r\nContent-Length: {length}\r\n\r\n");
                stream.write_all((head + &body).as_bytes()).unwrap();
            }
        });
        url
    }

    fn ours() -> String {
        let key = EncodingKey::from_ec_der(EC);
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        json!({"keys": [jwk]}).to_string()
    }

    fn token() -> String {
        let claims = json!({"sub": "bob", "exp": NOW / 1000 + 60});
        let header = Header::new(Algorithm::ES256);
        encode(&header, &claims, &EncodingKey::from_ec_der(EC)).unwrap()
    }

    fn code(keys: &Keys) -> &'static str {
        let found = look(keys, &Rules::default(), &token(), NOW);
        found.map_or_else(|refused: Refused| refused.code(), |_| "good")
    }

    #[tokio::test]
    async fn a_key_without_a_name_may_take_anothers_place() {
        let answers = [
            (200, OTHER.to_owned()),
            (500, ours()),
            (200, OTHER.to_owned()),
            (200, ours()),
        ];
        let source = Source::open(&[serve(answers.into())]).unwrap();
        assert_eq!(code(&source.keys()), "NOKEY", "nobody was asked");
        assert!(source.ask(Duration::ZERO).await);
        assert_eq!(code(&source.keys()), "NOKEY");
        assert!(!source.ask_again().await, "a moment ago");
        assert!(!source.ask(Duration::ZERO).await, "an error");
        assert_eq!(code(&source.keys()), "NOKEY");
        assert!(source.ask(Duration::ZERO).await);
        assert_eq!(code(&source.keys().for_good()), "BADTOKEN");
        assert!(source.ask(Duration::ZERO).await);
        assert_eq!(code(&source.keys()), "good");
    }

    #[test]
    fn what_is_given_twice_is_there_once() {
        let name = format!("roomcast-twice-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, "0123456789abcdef0123456789abcdef").unwrap();
        let option = path.to_str().unwrap().to_owned();
        let url = "https://localhost:1/keys".to_owned();
        let source = Source::open(&[option.clone(), url.clone(), option, url]).unwrap();
        assert_eq!((source.keys().len(), source.urls.len()), (1, 1));
        std::fs::write(&path, "another one of thirty-two bytes!").unwrap();
        let old = source.keys();
        source.look_at_files();
        let new = source.keys();
        assert_eq!(new.len(), 1, "the first one is gone");
        assert!(!Arc::ptr_eq(&old, &new));
        std::fs::remove_file(path).unwrap();
    }
}
