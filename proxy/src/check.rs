//! Whether the options can work, each by itself and against its neighbours.

use crate::auth::source::Place;
use crate::config::Config;
use crate::http::door::Door;
use crate::secrets::secrets;
use crate::speech::BURST_SECONDS;
use hub_core::rights::Grants;
use room_core::uid::{MAX_UID, valid_new_uid};
use std::time::Duration;

/// The least lease: its renewal goes over the network three times in it.
const LEAST_LEASE: Duration = Duration::from_millis(500);
/// The least outbox: one event must have place in it.
const LEAST_OUTBOX: usize = 4096;
const LEAST_PAGE: usize = 1024;
/// The least budget: with its burst a few people of one address can log in.
const LEAST_WORK: usize = 1000;
/// A new room is as many.
const LEAST_MEMBERSHIPS: usize = 10;
const MOST_WORKERS: usize = 64;
/// Members whom one call of Redis' leases at most.
const MOST_BATCH: usize = 1000;
const LEAST_MEMBER_LEASE: Duration = Duration::from_secs(1);
const MOST_MEMBER_LEASE: Duration = Duration::from_secs(3600);
/// What keys that are no rooms begin with.
const OWN_KEYS: &str = "roomcast:";

/// What cannot work, as a sentence; else what merely is unwise.
pub(crate) fn check(config: &Config) -> Result<Vec<String>, String> {
    numbers(config)?;
    publish_bytes(config)?;
    times(config)?;
    key_prefix(&config.redis.key_prefix)?;
    config
        .entrance
        .origins
        .iter()
        .try_for_each(|origin| check_origin(origin))?;
    tokens(config)?;
    secrets(config)?;
    if let Some(name) = &config.name
        && !valid_new_uid(name.as_bytes())
    {
        return Err(format!(
            "--name must have 1 to {MAX_UID} bytes, without blanks at its ends or control characters"
        ));
    }
    entrance(config)?;
    api(config)?;
    webhook(config)?;
    config.admin.check(config.admin_listen)?;
    let mut warnings = Vec::new();
    if let Some(address) = config.api.api_listen
        && !address.ip().is_loopback()
        && config.tls.tls_cert.is_none()
    {
        warnings.push(format!(
            "--api-listen {address} is no loopback address, and without --tls-cert others can read the API's keys on their way"
        ));
    }
    if config.entrance.open && !config.has_key() {
        warnings.push(format!(
            "OPEN: there is no key, so everybody who reaches {} may log in as anybody, read and end what is theirs",
            config.listen
        ));
    }
    if config.redis.lease < config.redis.redis_timeout {
        warnings.push(
            "--lease is shorter than --redis-timeout: when Redis is slow, sessions end before the proxy notices"
                .to_owned(),
        );
    }
    Ok(warnings)
}

/// Who could come in.
fn entrance(config: &Config) -> Result<(), String> {
    if !Door::new(config).may_begin() {
        return Err(format!(
            "--listen {} is no loopback address, and without a key everybody who reaches it may be anybody: listen on 127.0.0.1, or give --open if that is meant",
            config.listen
        ));
    }
    if config.entrance.proxy_protocol && config.entrance.trusted_proxies.is_empty() {
        return Err(
            "--proxy-protocol needs --trusted-proxies: whoever may send its line may be of any address"
                .to_owned(),
        );
    }
    if config.entrance.proxy_protocol && !config.has_key() && !config.entrance.open {
        return Err(
            "--proxy-protocol brings everybody, and without a key everybody may be anybody: give --open if that is meant"
                .to_owned(),
        );
    }
    Ok(())
}

fn api(config: &Config) -> Result<(), String> {
    let api = &config.api;
    if api.api_listen.is_some() && api.api_key_file.is_none() {
        return Err("--api-listen is for the API, which needs --api-key-file".to_owned());
    }
    if api.api_body < config.limits.max_event {
        return Err(format!(
            "--api-body {} has no place for the largest message, which --max-event says is {}",
            api.api_body, config.limits.max_event
        ));
    }
    Ok(())
}

fn webhook(config: &Config) -> Result<(), String> {
    let options = &config.webhook;
    let Some(url) = &options.webhook else {
        return match options.webhook_secret_file {
            Some(_) => Err("--webhook-secret-file is for --webhook, which is not given".to_owned()),
            None => Ok(()),
        };
    };
    crate::webhook::post::uri(url)?;
    if options.webhook_secret_file.is_none() {
        return Err(
            "--webhook needs --webhook-secret-file: without a signature its receiver could not tell who posts"
                .to_owned(),
        );
    }
    if !(1..=MOST_BATCH).contains(&options.webhook_batch) {
        return Err(format!(
            "--webhook-batch may be 1 to {MOST_BATCH}, not {}",
            options.webhook_batch
        ));
    }
    let (lease, timeout) = (options.webhook_lease, options.webhook_timeout);
    if lease < 2 * timeout || !(LEAST_MEMBER_LEASE..=MOST_MEMBER_LEASE).contains(&lease) {
        return Err(format!(
            "--webhook-lease must be at least twice --webhook-timeout ({timeout:?}) and {LEAST_MEMBER_LEASE:?} to {MOST_MEMBER_LEASE:?}, not {lease:?}"
        ));
    }
    Ok(())
}

fn numbers(config: &Config) -> Result<(), String> {
    let least = [
        ("max-connections", config.limits.max_connections, 1),
        ("max-http", config.limits.max_http, 1),
        (
            "max-per-address",
            config.limits.max_per_address.unwrap_or(1),
            1,
        ),
        ("max-rooms", config.limits.max_rooms, 1),
        ("max-event", config.limits.max_event, 256),
        ("max-rate", config.limits.max_rate as usize, 1),
        (
            "work-per-address",
            config.limits.work_per_address as usize,
            LEAST_WORK,
        ),
        (
            "work-per-uid",
            config.limits.work_per_uid as usize,
            LEAST_WORK,
        ),
        (
            "memberships-per-uid",
            config.limits.memberships_per_uid as usize,
            LEAST_MEMBERSHIPS,
        ),
        (
            "memberships-per-address",
            config.limits.memberships_per_address as usize,
            LEAST_MEMBERSHIPS,
        ),
        ("max-bans", config.limits.max_bans, 1),
        ("outbox", config.service.outbox, LEAST_OUTBOX),
        ("send-buffer", config.service.send_buffer, 1024),
        ("page", config.service.page, LEAST_PAGE),
        ("catch-ups", config.service.catch_ups, 1),
        ("member-lists", config.service.member_lists, 1),
        ("histories", config.service.histories, 1),
        ("workers", config.workers(), 1),
        ("api-connections", config.api.api_connections, 2),
        ("api-requests", config.api.api_requests as usize, 1),
    ];
    for (name, value, least) in least {
        if value < least {
            return Err(format!("--{name} is at least {least}, not {value}"));
        }
    }
    if config.workers() > MOST_WORKERS {
        return Err(format!("--workers is at most {MOST_WORKERS}"));
    }
    Ok(())
}

/// What may be published at once has place for the largest event, or nobody could ever send it.
fn publish_bytes(config: &Config) -> Result<(), String> {
    for (name, value) in [
        ("connection", config.limits.publish_bytes_per_connection),
        ("uid", config.limits.publish_bytes_per_uid),
        ("room", config.limits.publish_bytes_per_room),
    ] {
        let at_once = u64::from(value).saturating_mul(BURST_SECONDS);
        if at_once < config.limits.max_event as u64 {
            return Err(format!(
                "--publish-bytes-per-{name} {value} lets {at_once} bytes through at once, and an event may have {} (--max-event)",
                config.limits.max_event
            ));
        }
    }
    Ok(())
}

/// Rooms and what the server keeps beside them must never meet: whoever may name a room could write there.
pub(crate) fn key_prefix(prefix: &str) -> Result<(), String> {
    if OWN_KEYS.starts_with(prefix) || prefix.starts_with(OWN_KEYS) {
        return Err(format!(
            "--key-prefix '{prefix}' covers '{OWN_KEYS}', where keys are the server's own: choose another, such as 'room:'"
        ));
    }
    Ok(())
}

fn times(config: &Config) -> Result<(), String> {
    if config.patience.heartbeat >= config.patience.dead_after {
        return Err(
            "--heartbeat must be shorter than --dead-after: a silent client is asked before it is given up"
                .to_owned(),
        );
    }
    if config.patience.handshake_timeout > config.patience.http_timeout {
        return Err(
            "--handshake-timeout must not be longer than --http-timeout, which it is a part of"
                .to_owned(),
        );
    }
    if config.redis.lease < LEAST_LEASE {
        return Err(format!(
            "--lease is at least {}: it is renewed over the network three times in it",
            humantime::format_duration(LEAST_LEASE)
        ));
    }
    Ok(())
}

fn tokens(config: &Config) -> Result<(), String> {
    for key in &config.tokens.token_key {
        Place::read(key).map_err(|why| format!("--token-key: '{key}' {why}"))?;
    }
    let alone = [
        ("token-audience", !config.tokens.token_audience.is_empty()),
        ("token-issuer", !config.tokens.token_issuer.is_empty()),
        ("default-rooms", config.tokens.default_rooms.is_some()),
        ("token-in-query", config.tokens.token_in_query),
    ];
    if let Some((name, _)) = alone.iter().find(|(_, given)| *given)
        && !config.has_key()
    {
        return Err(format!(
            "--{name} is about tokens, and none is asked for without --token-key"
        ));
    }
    let rooms = config
        .tokens
        .default_rooms
        .as_deref()
        .map_or(Ok(Grants::default()), Grants::read);
    rooms.map(|_| ()).map_err(|error| {
        format!("--default-rooms is JSON such as {{\"lobby\":[\"member\",\"read\"]}}: {error}")
    })
}

/// As browsers send it: scheme, host and port, nothing else.
fn check_origin(origin: &str) -> Result<(), String> {
    let bad = |why: &str| {
        Err(format!(
            "--origins: '{origin}' matches no page: {why}; an origin is written https://example.org or http://localhost:3000"
        ))
    };
    if origin == "null" {
        return Ok(());
    }
    if origin.is_empty() {
        return bad("it is empty");
    }
    if origin.contains(char::is_whitespace) {
        return bad("it has a blank in it");
    }
    let Some((scheme, place)) = origin.split_once("://") else {
        return bad("it has no scheme");
    };
    if place.contains(['/', '?', '#', '@']) {
        return bad("it ends behind the host and port, without a slash");
    }
    if scheme.is_empty() || place.is_empty() {
        return bad("its scheme or host is missing");
    }
    if origin.chars().any(char::is_uppercase) {
        return bad("browsers write it in small letters");
    }
    let default = [("https", ":443"), ("http", ":80")];
    let names_it = |(of, port): (&str, &str)| scheme == of && place.ends_with(port);
    if default.into_iter().any(names_it) {
        return bad("browsers leave out the usual port");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
