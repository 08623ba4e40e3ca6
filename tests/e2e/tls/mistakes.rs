//! What is wrong with files, or with a Redis that is to speak TLS: each has its sentence.

use super::link::Secure;
use crate::start::fails;
use harness::certs::{Authority, Pair, text};
use harness::redis::Redis;
use harness::value::ok;
use std::path::Path;

#[test]
fn each_mistake_about_a_redis_with_tls_has_its_sentence() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (ca, other_ca) = (authority.file(), other.file());
    let good = Secure::start(&authority, &authority.certify("localhost"), false);
    let expired = Secure::start(
        &authority,
        &authority.certify_until("localhost", 2020),
        false,
    );
    let asking = Secure::start(&authority, &authority.certify("localhost"), true);
    let trust = ["--redis-ca", text(&ca)];
    let port = good.port;
    let plain = good.redis.port;
    let stranger = other.certify("proxy");
    let of_stranger = stranger.options("--redis-cert", "--redis-key");
    let both = [&trust[..], &of_stranger].concat();
    let no_time = ["--redis-timeout", "1s"];
    let impatient = [&trust[..], &no_time].concat();
    for (url, options, part) in [
        (
            good.url(),
            &["--redis-ca", text(&other_ca)][..],
            "not trusted",
        ),
        (
            format!("rediss://127.0.0.1:{port}"),
            &trust,
            "another name than '127.0.0.1'",
        ),
        (expired.url(), &trust, "has expired"),
        (asking.url(), &trust, "certificate"),
        (asking.url(), &both, "our certificate"),
        (
            format!("rediss://localhost:{plain}"),
            &impatient,
            "does this port speak TLS?",
        ),
        (format!("redis://localhost:{port}"), &no_time, "rediss://"),
    ] {
        let args = [&["--redis", &url][..], options].concat();
        fails(&args, &[], 3, &[part, &url]);
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let authority = Authority::new();
    let pair = authority.certify("localhost");
    let other = authority.certify("localhost");
    let none = Path::new("/nowhere/some.pem");
    let half = |cert: &Path, key: &Path| Pair {
        cert: cert.to_owned(),
        key: key.to_owned(),
    };
    for (pair, part) in [
        (half(none, &pair.key), "/nowhere/some.pem: "),
        (half(&pair.cert, none), "/nowhere/some.pem: "),
        (half(&pair.key, &pair.key), "no certificate"),
        (half(&pair.cert, &pair.cert), "no private key"),
        (half(&pair.cert, &other.key), "is not that of the first"),
    ] {
        let args = pair.options("--tls-cert", "--tls-key");
        fails(&args, &[], 2, &["--tls-cert", part]);
    }
    let redis = ["--redis", "rediss://localhost:1"];
    for (name, part) in [
        ("--redis-ca", "/nowhere/some.pem: "),
        ("--redis-password-file", "/nowhere/some.pem: "),
    ] {
        let args = [&redis[..], &[name, text(none)]].concat();
        fails(&args, &[], 2, &[part]);
    }
    let args = [&redis[..], &["--redis-ca", text(&pair.key)]].concat();
    fails(&args, &[], 2, &["no certificate"]);
}

#[test]
fn a_password_of_its_own_is_never_shown() {
    let redis = Redis::start();
    let mut c = redis.connect();
    // The secrets that `fails` looks for.
    ok(
        &mut c,
        "ACL SETUSER some on >s3crEt ~room:* &room:* +ping +hello",
    );
    let url = redis.url();
    let wrong = [("ROOMCAST_REDIS_PASSWORD", "s3cr%45t")];
    let right = [("ROOMCAST_REDIS_PASSWORD", "s3crEt")];
    let args = ["--redis", &url, "--redis-user", "some"];
    let not_in = "does not let this proxy in";
    fails(&args, &wrong, 3, &[not_in, "--redis-password-file"]);
    fails(&args, &right, 3, &[not_in, "NOPERM"]);
    let option = [&args[..], &["--redis-password", "s3crEt"]].concat();
    fails(&option, &[], 3, &[not_in, "NOPERM"]);
    fails(&["--help"], &right, 0, &["ROOMCAST_REDIS_PASSWORD"]);
    let mistyped = [&args[..], &["--redis-passwort", "s3crEt"]].concat();
    fails(&mistyped, &[], 2, &["--redis-passwort"]);
}
