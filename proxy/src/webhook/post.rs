//! A post, and what its answer means.

use super::secrets::{Secret, sign};
use crate::clock;
use crate::errand::{Answered, Errand};
use crate::watched::Watched;
use hyper::{Method, StatusCode, Uri, header};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

/// Bytes of an answer that are read: what it says is of no interest, but it has to end.
const MOST_ANSWER: usize = 64 * 1024;
/// A receiver that wants to be left alone for longer is asked again all the same.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Where it is posted, and by which secrets it is signed.
pub(crate) struct Receiver {
    pub(crate) uri: Uri,
    pub(crate) secrets: Arc<Watched<Secret>>,
    pub(crate) timeout: Duration,
}

/// What became of a post.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is told.
    Told,
    /// The receiver cannot take it now: why, and when it wants to be asked again.
    Later(String, Option<Duration>),
    /// It does not want this one.
    Refused(String),
}

/// A URL that may be posted to: https, or http on loopback.
pub(crate) fn uri(text: &str) -> Result<Uri, String> {
    let wrong = |why: &str| Err(format!("--webhook {why}"));
    let Ok(uri) = text.parse::<Uri>() else {
        return wrong("is no URL such as https://example.org/waiting");
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse().is_ok_and(|of: IpAddr| of.is_loopback());
    let has_name = uri.authority().is_some_and(|of| of.as_str().contains('@'));
    match uri.scheme_str() {
        _ if host.is_empty() => wrong("names no host"),
        _ if has_name => wrong("has a name or password: receivers know us by the signature"),
        Some("https") => Ok(uri),
        Some("http") if is_loopback => Ok(uri),
        Some("http") => {
            wrong("is http:// to another machine, where others could read it: https:// is needed")
        }
        _ => wrong("must begin with https://"),
    }
}

impl Receiver {
    /// Where it is, for the log: paths and parameters may be secret.
    pub(crate) fn shown(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self.uri.authority().map_or("", |of| of.as_str());
        format!("{scheme}://{authority}")
    }

    /// Posts.
    pub(super) async fn post(&self, id: &str, body: String) -> Said {
        let seconds = clock::unix_ms() / 1000;
        let signed = sign(&self.secrets.current(), id, seconds, &body);
        let seconds = seconds.to_string();
        let errand = Errand {
            method: Method::POST,
            uri: &self.uri,
            headers: &[
                ("content-type", "application/json"),
                ("user-agent", "roomcast"),
                ("webhook-id", id),
                ("webhook-timestamp", &seconds),
                ("webhook-signature", &signed),
            ],
            body: body.into(),
            most: MOST_ANSWER,
        };
        match timeout(self.timeout, errand.run()).await {
            Err(_) => Said::Later(format!("no answer within {:?}", self.timeout), None),
            Ok(Err(why)) => Said::Later(why, None),
            Ok(Ok(answer)) => said(&answer, SystemTime::now()),
        }
    }
}

fn said(answer: &Answered, now: SystemTime) -> Said {
    let status = answer.status;
    let why = format!("the answer is {status}");
    if status.is_success() {
        return Said::Told;
    }
    let passes = [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT];
    if status.is_client_error() && !passes.contains(&status) {
        return Said::Refused(why);
    }
    let after = answer.headers.get(header::RETRY_AFTER);
    let after = after.and_then(|after| after.to_str().ok());
    Said::Later(why, after.and_then(|after| pause(after, now)))
}

/// Of `Retry-After`: seconds, or a date.
fn pause(after: &str, now: SystemTime) -> Option<Duration> {
    let seconds = after.trim().parse().ok().map(Duration::from_secs);
    let until = || {
        let then = httpdate::parse_http_date(after.trim()).ok()?;
        Some(then.duration_since(now).unwrap_or_default())
    };
    let pause = seconds.or_else(until)?;
    Some(pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use hyper::HeaderMap;

    #[test]
    fn only_https_and_loopback_are_posted_to() {
        for good in [
            "https://example.org/waiting?key=1",
            "http://127.0.0.1:9000/",
            "http://[::1]:9000/x",
            "http://localhost:9000/x",
        ] {
            assert!(uri(good).is_ok(), "{good}");
        }
        for (bad, part) in [
            ("http://example.org/", "another machine"),
            ("https://me:secret@example.org/", "name or password"),
            ("ftp://example.org/", "https://"),
            ("example.org", "https://"),
            ("/waiting", "no host"),
            ("https://", "URL"),
            ("not a url", "URL"),
        ] {
            let said = uri(bad).unwrap_err();
            assert!(said.contains(part), "{bad}: {said}");
        }
    }

    #[test]
    fn an_answer_is_told_later_or_refused() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_700);
        let answer = |status: u16, after: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(after) = after {
                headers.insert(header::RETRY_AFTER, after.parse().unwrap());
            }
            let answer = Answered {
                status: StatusCode::from_u16(status).unwrap(),
                headers,
                body: Ok(Bytes::new()),
            };
            said(&answer, now)
        };
        assert_eq!(
            (answer(200, None), answer(204, Some("5"))),
            (Said::Told, Said::Told)
        );
        for status in [400, 401, 404, 410, 422] {
            assert!(matches!(answer(status, None), Said::Refused(_)), "{status}");
        }
        let pause = |status, after| match answer(status, after) {
            Said::Later(_, pause) => pause.map(|pause| pause.as_secs()),
            other => panic!("{status}: {other:?}"),
        };
        for status in [302, 408, 429, 500, 503] {
            assert_eq!(pause(status, None), None);
        }
        assert_eq!(pause(503, Some("17")), Some(17));
        assert_eq!(pause(429, Some("Sun, 06 Nov 1994 08:49:37 GMT")), Some(77));
        assert_eq!(
            pause(429, Some("Sun, 06 Nov 1993 08:49:37 GMT")),
            None,
            "a wrong weekday"
        );
        assert_eq!(pause(429, Some("Sat, 06 Nov 1993 08:49:37 GMT")), Some(0));
        assert_eq!(pause(429, Some("999999")), Some(3600));
        assert_eq!(pause(429, Some("soon")), None);
    }
}
