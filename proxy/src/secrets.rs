//! Whether certificates and passwords go together, and where they count.

use crate::config::Config;
use crate::config::access::AccessOptions;
use crate::link::Address;

/// What cannot work, as a sentence.
pub(crate) fn secrets(config: &Config) -> Result<(), String> {
    let options = &config.access;
    for (cert, key, given) in [
        (
            "tls-cert",
            "tls-key",
            [&config.tls.tls_cert, &config.tls.tls_key],
        ),
        (
            "redis-cert",
            "redis-key",
            [&options.redis_cert, &options.redis_key],
        ),
    ] {
        if given.iter().filter(|file| file.is_some()).count() == 1 {
            return Err(format!(
                "--{cert} and --{key} are two halves: a certificate and its private key"
            ));
        }
    }
    for (of, has_password, has_file) in [
        (
            "redis",
            options.redis_password.is_some(),
            options.redis_password_file.is_some(),
        ),
        (
            "sentinel",
            options.sentinel_password.is_some(),
            options.sentinel_password_file.is_some(),
        ),
    ] {
        if has_password && has_file {
            return Err(format!(
                "--{of}-password and --{of}-password-file are both given"
            ));
        }
    }
    // One that cannot be read is refused elsewhere.
    match Address::of(config) {
        Ok(address) => of_redis(options, &address).and_then(|()| of_sentinels(options, &address)),
        Err(_) => Ok(()),
    }
}

fn of_redis(options: &AccessOptions, address: &Address) -> Result<(), String> {
    let has_tls_files = options.redis_ca.is_some() || options.redis_cert.is_some();
    if has_tls_files && !address.is_tls() {
        return Err(
            "--redis-ca, --redis-cert and --redis-key are about TLS, which is spoken with a Redis at rediss://"
                .to_owned(),
        );
    }
    let (has_user, has_password) = address.has_own();
    let password = options.redis_password.is_some() || options.redis_password_file.is_some();
    if has_user && options.redis_user.is_some() || has_password && password {
        return Err(
            "the user or password of Redis is given twice: in --redis and by an option of its own"
                .to_owned(),
        );
    }
    if options.redis_user.is_some() && !password && !has_password {
        return Err(
            "--redis-user needs a password: --redis-password-file, or the variable ROOMCAST_REDIS_PASSWORD"
                .to_owned(),
        );
    }
    Ok(())
}

fn of_sentinels(options: &AccessOptions, address: &Address) -> Result<(), String> {
    let has_password =
        options.sentinel_password.is_some() || options.sentinel_password_file.is_some();
    if (has_password || options.sentinel_user.is_some()) && !address.is_sentinels() {
        return Err(
            "--sentinel-user and --sentinel-password are for the sentinels of an address redis+sentinel://host,host/name"
                .to_owned(),
        );
    }
    if options.sentinel_user.is_some() && !has_password {
        return Err(
            "--sentinel-user needs a password: --sentinel-password-file, or the variable ROOMCAST_SENTINEL_PASSWORD"
                .to_owned(),
        );
    }
    Ok(())
}
