//! What a request says of itself, by the letter of RFC 9112 and RFC 6455: what may be there once is there once.

use super::door::Knock;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use data_encoding::BASE64;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Bytes in a `Sec-WebSocket-Key` (RFC 6455, section 4.2.1).
const KEY_LEN: usize = 16;

/// A request that cannot be answered, as a sentence.
pub(crate) type Bad = String;

/// What the door judges by; a trusted proxy is believed which host it was asked for.
pub(crate) fn knock(request: &Request, is_trusted: bool) -> Result<Knock<'_>, Bad> {
    let headers = request.headers();
    let host = match once(headers, &header::HOST)? {
        // RFC 9112, section 3.2.
        None if request.version() >= Version::HTTP_11 => {
            return Err("the header Host is missing".to_owned());
        }
        host => host.unwrap_or_default(),
    };
    let forwarded = headers
        .keys()
        .map(HeaderName::as_str)
        .find(|name| matches!(*name, "forwarded" | "via") || name.starts_with("x-forwarded-"));
    Ok(Knock {
        // RFC 9112, section 3.2.2: an address in the request line stands above the header.
        host: request
            .uri()
            .authority()
            .map_or(host, |there| there.as_str()),
        forwarded_host: is_trusted
            .then(|| last(headers, "x-forwarded-host"))
            .flatten(),
        forwarded,
        origin: once(headers, &header::ORIGIN)?,
    })
}

/// The last one of a header's values: the one that the nearest proxy added.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim)
}

/// The values of `X-Forwarded-For`, in their order.
pub(super) fn forwarded_for(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = &str> {
    let values = headers.get_all("x-forwarded-for").iter();
    // What cannot be read is nobody's address.
    values.map(|value| value.to_str().unwrap_or_default())
}

/// A header that may be there once.
fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Bad> {
    let mut values = headers.get_all(name).iter();
    let (first, more) = (values.next(), values.next());
    if more.is_some() {
        return Err(format!("the header {name} is there more than once"));
    }
    let text = first.map(HeaderValue::to_str).transpose();
    text.map_err(|_| format!("the header {name} has other characters than ASCII's"))
}

/// RFC 6455, section 4.2.1: somebody wants a WebSocket.
pub(super) fn wants_websocket(headers: &HeaderMap) -> bool {
    let has = |name: HeaderName, wanted: &str| {
        let values = headers.get_all(name);
        let mut tokens = values
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        tokens.any(|token| token.trim().eq_ignore_ascii_case(wanted))
    };
    has(header::UPGRADE, "websocket") && has(header::CONNECTION, "upgrade")
}

/// Whether the version is the one that is understood.
pub(super) fn is_version_13(headers: &HeaderMap) -> bool {
    matches!(
        once(headers, &header::SEC_WEBSOCKET_VERSION),
        Ok(Some("13"))
    )
}

/// The answer to the client's key, if the request is one for a WebSocket by the letter.
pub(super) fn accept(request: &Request) -> Result<String, Bad> {
    if request.method() != Method::GET {
        return Err(format!(
            "a WebSocket is asked for by GET, not {}",
            request.method()
        ));
    }
    if request.version() < Version::HTTP_11 {
        return Err("a WebSocket is asked for by HTTP/1.1".to_owned());
    }
    let headers = request.headers();
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || once(headers, &header::CONTENT_LENGTH)?.is_some_and(|len| len != "0");
    if has_body {
        return Err("a request for a WebSocket has no body".to_owned());
    }
    let Some(key) = once(headers, &header::SEC_WEBSOCKET_KEY)? else {
        return Err("the header Sec-WebSocket-Key is missing".to_owned());
    };
    match BASE64.decode(key.as_bytes()) {
        Ok(bytes) if bytes.len() == KEY_LEN => Ok(derive_accept_key(key.as_bytes())),
        _ => Err(format!(
            "the header Sec-WebSocket-Key is not {KEY_LEN} bytes in Base64"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    /// As a browser asks, with these lines more or instead (`name: value`; without a value it is left out).
    fn request(lines: &[&str]) -> Request {
        let usual = [
            "host: localhost:8080",
            "upgrade: websocket",
            "connection: keep-alive, Upgrade",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
            "sec-websocket-version: 13",
        ];
        let name = |line: &str| line.split(": ").next().map(str::to_owned);
        let is_usual = |line: &&&str| lines.iter().all(|other| name(other) != name(line));
        let mut request = axum::http::Request::builder();
        for line in usual.iter().filter(is_usual).chain(lines) {
            if let Some((name, value)) = line.split_once(": ") {
                request = request.header(name, value);
            }
        }
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn the_example_of_the_rfc() {
        let accepted = accept(&request(&[]));
        assert_eq!(accepted.as_deref(), Ok("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert!(wants_websocket(request(&[]).headers()) && is_version_13(request(&[]).headers()));
    }

    #[test]
    fn what_is_not_by_the_letter() {
        for (lines, part) in [
            (&["sec-websocket-key"][..], "missing"),
            (&["sec-websocket-key: x"], "16 bytes"),
            (&["sec-websocket-key: "], "16 bytes"),
            (&["sec-websocket-key: AAAAAAAAAAAAAAAAAAAA"], "16 bytes"),
            (&["sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAAAA"], "16 bytes"),
            (&["sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA"], "16 bytes"),
            (
                &[
                    "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
                    "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
                ],
                "more than once",
            ),
            (&["content-length: 5"], "no body"),
            (&["transfer-encoding: chunked"], "no body"),
        ] {
            let said = accept(&request(lines)).unwrap_err();
            assert!(said.contains(part), "{lines:?}: {said}");
        }
        let mut posted = request(&[]);
        *posted.method_mut() = Method::POST;
        assert!(accept(&posted).unwrap_err().contains("POST"));
        let mut old = request(&[]);
        *old.version_mut() = Version::HTTP_10;
        assert!(accept(&old).unwrap_err().contains("HTTP/1.1"));
        for lines in [
            &["sec-websocket-version: 8"][..],
            &["sec-websocket-version"],
        ] {
            assert!(!is_version_13(request(lines).headers()), "{lines:?}");
        }
    }

    #[test]
    fn host_and_origin_are_there_once() {
        for (lines, part) in [
            (&["host"][..], "Host is missing"),
            (&["host: a", "host: a"], "host is there more than once"),
            (&["origin: http://a", "origin: http://a"], "more than once"),
        ] {
            let request = request(lines);
            let said = knock(&request, false).unwrap_err();
            assert!(said.contains(part), "{lines:?}: {said}");
        }
        let twice = request(&[
            "x-forwarded-host: evil.org",
            "x-forwarded-host: a, chat.org",
        ]);
        for (is_trusted, host) in [(true, Some("chat.org")), (false, None)] {
            let asked = knock(&twice, is_trusted).map(|knock| knock.forwarded_host);
            assert_eq!(asked, Ok(host));
        }
        let mut old = request(&["host"]);
        *old.version_mut() = Version::HTTP_10;
        assert_eq!(knock(&old, false).map(|knock| knock.host), Ok(""));
        let mut absolute = request(&[]);
        *absolute.uri_mut() = "http://evil.org/ws".parse().unwrap();
        assert_eq!(
            knock(&absolute, false).map(|knock| knock.host),
            Ok("evil.org")
        );
        for header in [
            "via",
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-anything",
        ] {
            let line = format!("{header}: 1.1 x");
            let request = request(&[&line]);
            assert_eq!(
                knock(&request, false).map(|knock| knock.forwarded),
                Ok(Some(header))
            );
        }
    }
}
