//! What cannot work, and what is said of it.

use super::*;
use clap::Parser;

fn checked(args: &[&str]) -> Result<Vec<String>, String> {
    check(&Config::parse_from(
        ["roomcast-proxy"].iter().chain(args).copied(),
    ))
}

#[test]
fn the_defaults_are_wise() {
    assert_eq!(checked(&[]), Ok(Vec::new()));
}

#[test]
fn what_cannot_work_is_said_in_a_sentence() {
    for (args, part) in [
        (&["--heartbeat", "45s"][..], "--dead-after"),
        (&["--heartbeat", "2s", "--dead-after", "1s"], "--dead-after"),
        (&["--lease", "50ms"], "--lease is at least 500ms"),
        (&["--origins", "https://a.org/"], "without a slash"),
        (&["--origins", "https://a.org, https://b.org"], "a blank"),
        (&["--origins", ""], "empty"),
        (&["--origins", "https://a.org,"], "empty"),
        (&["--origins", "a.org"], "no scheme"),
        (&["--origins", "https://A.org"], "small letters"),
        (&["--origins", "https://a.org:443"], "usual port"),
        (&["--max-rooms", "0"], "--max-rooms is at least 1"),
        (&["--max-bans", "0"], "--max-bans is at least 1"),
        (
            &["--publish-bytes-per-room", "6553"],
            "--publish-bytes-per-room 6553 lets 65530 bytes",
        ),
        (&["--publish-bytes-per-uid", "0"], "--max-event"),
        (&["--memberships-per-uid", "9"], "is at least 10, not 9"),
        (
            &["--memberships-per-address", "0"],
            "--memberships-per-address",
        ),
        (&["--key-prefix", ""], "covers 'roomcast:'"),
        (&["--key-prefix", "r"], "--key-prefix 'r'"),
        (&["--key-prefix", "room"], "--key-prefix 'room' covers"),
        (&["--key-prefix", "roomcast"], "covers"),
        (&["--key-prefix", "roomcast:"], "covers"),
        (&["--key-prefix", "roomcast:bans"], "covers"),
        (&["--key-prefix", "roomcast:rooms:"], "covers"),
        (&["--outbox", "10"], "--outbox"),
        (&["--workers", "1000"], "--workers"),
        (&["--name", ""], "--name"),
        (&["--api-listen", "127.0.0.1:1"], "needs --api-key-file"),
        (&["--api-requests", "0"], "--api-requests is at least 1"),
        (&["--api-connections", "1"], "--api-connections"),
        (&["--api-body", "65535"], "--max-event says is 65536"),
        (&["--proxy-protocol"], "needs --trusted-proxies"),
        (&["--proxy-protocol", "--trusted-proxies", "::1"], "--open"),
        (&["--max-per-address", "0"], "--max-per-address"),
        (&["--handshake-timeout", "40s"], "--http-timeout"),
        (&["--listen", "0.0.0.0:80"], "--open"),
        (&["--listen", "[::]:80"], "no loopback address"),
        (&["--token-key", ""], "--token-key"),
        (&["--token-key", "RS256:f"], "says itself"),
        (&["--token-key", "http://a.org/keys"], "https"),
        (
            &["--token-key", "http://u:p@localhost/"],
            "name and password",
        ),
        (&["--tls-cert", "c.pem"], "two halves"),
        (&["--redis", "rediss://h", "--redis-key", "k"], "two halves"),
        (&["--redis-ca", "ca.pem"], "rediss://"),
        (&["--redis-user", "ann"], "needs a password"),
        (
            &["--redis-password", "p", "--redis-password-file", "f"],
            "both given",
        ),
        (
            &["--redis", "redis://ann@h", "--redis-user", "bob"],
            "given twice",
        ),
        (
            &["--redis", "redis://:p@h", "--redis-password", "q"],
            "given twice",
        ),
        (
            &["--sentinel-password", "p", "--sentinel-password-file", "f"],
            "both given",
        ),
        (&["--sentinel-password", "p"], "redis+sentinel://"),
        (
            &["--redis", "redis+sentinel://h/n", "--sentinel-user", "u"],
            "--sentinel-user needs",
        ),
        (
            &["--redis", "redis+sentinel://ann@h/n", "--redis-user", "bob"],
            "given twice",
        ),
        (&["--token-in-query"], "--token-key"),
        (&["--token-audience", "a"], "--token-key"),
        (
            &["--token-key", "f", "--default-rooms", "[]"],
            "--default-rooms",
        ),
    ] {
        let said = checked(args).unwrap_err();
        assert!(said.contains(part), "{args:?}: {said}");
    }
    for prefix in ["room:", "roomcast2:", "chat:roomcast:"] {
        assert_eq!(checked(&["--key-prefix", prefix]), Ok(Vec::new()));
    }
    let token = ["--token-key", "https://a.org/keys"];
    assert_eq!(checked(&token), Ok(Vec::new()));
    for origin in ["https://a.org", "http://localhost:3000", "null"] {
        assert_eq!(checked(&["--origins", origin]), Ok(Vec::new()));
    }
}

#[test]
fn what_is_unwise_is_a_warning() {
    let open = ["--open", "--listen", "0.0.0.0:80"];
    let api = ["--api-key-file", "f", "--api-listen", "0.0.0.0:81"];
    for unwise in [&["--lease", "2s"][..], &["--open"], &open, &api] {
        assert_eq!(checked(unwise).map(|said| said.len()), Ok(1), "{unwise:?}");
    }
}
