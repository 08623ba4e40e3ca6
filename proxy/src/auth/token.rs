//! Whether a token is good, and what it says. Pure: the keys and the time are given.

use super::keys::Keys;
use hub_core::pass::{Pass, Refused};
use hub_core::rights::Grants;
use hub_core::wire::parse::MAX_NAME;
use hub_core::wire::uid;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Header, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

/// A longer one is not even looked at.
const MAX_TOKEN: usize = 8 * 1024;
/// The last time that is told: behind it come times that JSON readers cannot hold.
const LAST_MS: f64 = 8_640_000_000_000_000.0;

/// What is asked of tokens beside their signature.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// One of these is whom it is for; anybody if there are none.
    pub(super) audiences: Vec<String>,
    /// One of these gave it out; anybody if there are none.
    pub(super) issuers: Vec<String>,
    /// What clocks may differ by.
    pub(super) leeway: Duration,
    /// The rights of a token that says nothing of rooms.
    pub(super) rooms: Grants,
}

/// What a token says.
#[derive(Deserialize)]
struct Claims {
    sub: Option<Box<RawValue>>,
    exp: Option<f64>,
    nbf: Option<f64>,
    aud: Option<OneOrMany>,
    iss: Option<String>,
    name: Option<Box<RawValue>>,
    rooms: Option<Grants>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn has(&self, wanted: &[String]) -> bool {
        match self {
            Self::One(one) => wanted.contains(one),
            Self::Many(many) => many.iter().any(|one| wanted.contains(one)),
        }
    }
}

/// Looks at a token at `now` (Unix time, ms).
pub(super) fn look(keys: &Keys, rules: &Rules, token: &str, now: u64) -> Result<Pass, Refused> {
    if token.len() > MAX_TOKEN {
        return bad(format!("it has more than {MAX_TOKEN} bytes"));
    }
    let header = decode_header(token).map_err(|error| match error.kind() {
        ErrorKind::Json(_) => {
            Refused::Bad("its header names no algorithm that is understood".to_owned())
        }
        kind => Refused::Bad(why(kind)),
    })?;
    if header.crit.is_some() {
        return bad("it has 'crit', of which nothing is understood");
    }
    let claims = signed(keys, token, &header)?;
    let (expires, lives) = time(&claims, rules.leeway, now)?;
    if !rules.audiences.is_empty() && !claims.aud.is_some_and(|aud| aud.has(&rules.audiences)) {
        return bad("it is for somebody else ('aud')");
    }
    let issued = |iss| rules.issuers.contains(iss);
    if !rules.issuers.is_empty() && !claims.iss.as_ref().is_some_and(issued) {
        return bad("it is of somebody else ('iss')");
    }
    let Some(sub) = claims.sub else {
        return bad("it does not say whose it is ('sub')");
    };
    let uid = uid(sub.get()).map_err(|_| {
        let what = "'sub' is no uid: 1 to 128 bytes without spaces or control characters";
        Refused::Bad(what.to_owned())
    })?;
    if claims
        .name
        .as_ref()
        .is_some_and(|name| name.get().len() > MAX_NAME)
    {
        return bad(format!("'name' has more than {MAX_NAME} bytes"));
    }
    Ok(Pass {
        uid: uid.into(),
        name: claims.name.map(Arc::from),
        grants: claims.rooms.unwrap_or_else(|| rules.rooms.clone()),
        ts: now,
        expires,
        lives,
    })
}

fn bad<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Bad(why.into()))
}

/// What it says, if one of the keys signed it. What its header says of keys elsewhere (`jku`, `jwk`, `x5u`) counts nothing.
fn signed(keys: &Keys, token: &str, header: &Header) -> Result<Claims, Refused> {
    let kid = header.kid.as_deref();
    let candidates = keys.of(kid);
    let fitting = candidates.iter().filter(|key| key.algorithm == header.alg);
    let mut said = format!("its algorithm {:?} is not that of its key", header.alg);
    for key in fitting {
        // Only the signature: the rest is judged here, by one clock.
        let mut only = Validation::new(key.algorithm);
        only.validate_exp = false;
        only.validate_aud = false;
        only.required_spec_claims.clear();
        match decode::<Claims>(token, &key.key, &only) {
            Ok(data) => return Ok(data.claims),
            Err(error) if matches!(error.kind(), ErrorKind::Json(_)) => {
                return bad(why(error.kind()));
            }
            Err(error) => said = why(error.kind()),
        }
    }
    // Of the key that it names nothing is known yet, and it is none of those without a name; or a key without a name, or
    // of the same one, may have taken another's place.
    let unknown = candidates.is_empty() || kid.is_some_and(|kid| !keys.has(kid));
    if unknown || keys.may_have_changed {
        return Err(Refused::NoKey);
    }
    bad(said)
}

/// Why the library does not take a token. This is for whoever showed it: it may quote what it says.
fn why(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::InvalidSignature => "its signature is not of a key of ours".to_owned(),
        ErrorKind::Json(error) => format!("what it says cannot be read: {error}"),
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
            "its algorithm is not that of its key".to_owned()
        }
        _ => "it is no JWT: three parts in base64url with dots between them".to_owned(),
    }
}

/// When it ends (ms), and how long it is taken from now on.
fn time(claims: &Claims, leeway: Duration, now: u64) -> Result<(u64, u64), Refused> {
    let Some(exp) = claims.exp else {
        return bad("it does not say when it ends ('exp')");
    };
    // Below 0 is 0, and so long ago.
    let ms = |seconds: f64| (seconds * 1000.0).min(LAST_MS) as u64;
    let (expires, leeway) = (ms(exp), leeway.as_millis() as u64);
    // By our clock it ends at 'exp'. Whoever's clock is behind has what is left of the leeway.
    let ends = if now < expires {
        expires
    } else {
        expires + leeway
    };
    let lives = ends.saturating_sub(now);
    if lives == 0 {
        return Err(Refused::Expired);
    }
    if claims.nbf.is_some_and(|nbf| ms(nbf) > now + leeway) {
        return Err(Refused::Early);
    }
    Ok((expires, lives))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
