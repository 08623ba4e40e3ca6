//! What a client offers in its handshake: the subprotocol that we speak, and a token beside it.
//!
//! A page cannot set a header of its own, but it can name subprotocols: `roomcast.v1, roomcast.token.<JWT>`. Only the first is
//! answered, so that the token stands in no answer.

use crate::config::Config;
use axum::extract::Request;
use axum::http::header;
use hub_core::pass::Token;

/// The subprotocol.
const PROTOCOL: &str = "roomcast.v1";
/// What a subprotocol begins with that is a token.
const TOKEN: &str = "roomcast.token.";

/// See the top of the file.
#[derive(Debug, Default)]
pub(super) struct Offered {
    pub(super) protocol: Option<&'static str>,
    pub(super) token: Option<Token>,
}

/// What this request offers. Where no token is asked for, none is looked for.
pub(super) fn offered<B>(request: &Request<B>, config: &Config) -> Offered {
    let values = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let all = values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    let mut found = Offered::default();
    for name in all {
        if name == PROTOCOL {
            found.protocol = Some(PROTOCOL);
        } else if let Some(token) = name.strip_prefix(TOKEN) {
            found.token = Some(Token(token.into()));
        }
    }
    if config.tokens.token_in_query && found.token.is_none() {
        let mut pairs = request.uri().query().unwrap_or_default().split('&');
        // A JWT has no characters that are written in another way there.
        let token = pairs.find_map(|pair| pair.strip_prefix("token="));
        found.token = token.map(|token| Token(token.into()));
    }
    if !config.has_key() {
        found.token = None;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn found(uri: &str, protocols: &[&str], options: &[&str]) -> (bool, Option<String>) {
        let mut request = Request::builder().uri(uri);
        for protocol in protocols {
            request = request.header(header::SEC_WEBSOCKET_PROTOCOL, *protocol);
        }
        let config = Config::parse_from(["roomcast-proxy"].iter().chain(options).copied());
        let offered = offered(&request.body(()).unwrap(), &config);
        let token = offered.token.map(|token| token.0.to_string());
        (offered.protocol.is_some(), token)
    }

    #[test]
    fn a_token_may_come_as_a_subprotocol_or_where_allowed_in_the_query() {
        let keyed = &["--token-key", "f"][..];
        let query = &["--token-key", "f", "--token-in-query"][..];
        let both = &["roomcast.v1, roomcast.token.a.b.c"][..];
        let lines = &["roomcast.v1", "roomcast.token.a.b.c"][..];
        for (uri, protocols, options, wanted) in [
            ("/ws", both, keyed, (true, Some("a.b.c"))),
            ("/ws", lines, keyed, (true, Some("a.b.c"))),
            ("/ws", both, &[], (true, None)),
            ("/ws", &["other"], keyed, (false, None)),
            ("/ws?token=x.y.z", &[], keyed, (false, None)),
            ("/ws?a=1&token=x.y.z", &[], query, (false, Some("x.y.z"))),
            ("/ws?token=x.y.z", both, query, (true, Some("a.b.c"))),
            ("/ws", &[], query, (false, None)),
        ] {
            let (protocol, token) = found(uri, protocols, options);
            assert_eq!((protocol, token.as_deref()), wanted, "{uri} {protocols:?}");
        }
    }
}
