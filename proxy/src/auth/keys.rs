//! Keys as they stand in files: a secret, a public key as PEM, or a JWKS (RFC 7517). What a key may be used for is fixed
//! here, by the key; a token has no say in it.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding};
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use serde_json::Value;
use spki::SubjectPublicKeyInfoRef;
use spki::der::asn1::AnyRef;
use spki::der::pem::PemLabel;
use spki::der::{Decode, Document, NestedReader, Reader, SliceReader, oid::ObjectIdentifier};

/// Keys of one file at most.
const MAX_KEYS: usize = 100;
/// A shorter secret can be guessed (RFC 7518, section 3.2).
const LEAST_SECRET: usize = 32;
/// A shorter RSA key can be broken (RFC 7518, section 3.3).
const LEAST_RSA_BITS: usize = 2048;
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// One key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Its name, which tokens may say (`kid`).
    name: Option<String>,
    /// What it is used for, and nothing else.
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// All keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    all: Vec<Key>,
    /// There may be others by now, where they come from.
    pub(super) may_have_changed: bool,
}

impl Keys {
    /// None yet.
    pub(super) const fn of_places(may_have_changed: bool) -> Self {
        Self {
            all: Vec::new(),
            may_have_changed,
        }
    }

    /// Whether one has this name.
    pub(super) fn has(&self, kid: &str) -> bool {
        let mut names = self.all.iter().map(|key| key.name.as_deref());
        names.any(|name| name == Some(kid))
    }

    /// Those that a token with this `kid` may be of: those of that name, else those without one; all, where it says none.
    pub(super) fn of(&self, kid: Option<&str>) -> Vec<&Key> {
        let Some(kid) = kid else {
            return self.all.iter().collect();
        };
        let named = |key: &&Key| key.name.as_deref() == Some(kid);
        let found: Vec<_> = self.all.iter().filter(named).collect();
        if !found.is_empty() {
            return found;
        }
        self.all.iter().filter(|key| key.name.is_none()).collect()
    }

    /// The same, of which it is known that they have not changed.
    pub(super) fn for_good(&self) -> Self {
        Self {
            all: self.all.clone(),
            may_have_changed: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn add(&mut self, more: Self) {
        self.all.extend(more.all);
    }
}

/// Keys that were read, and a sentence about each that was passed over.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) keys: Keys,
    pub(crate) passed_over: Vec<String>,
}

/// Reads what stands in a file. `hmac` is what a secret is used for.
///
/// # Errors
/// With a sentence, if there is no key in it that can be used.
pub(super) fn read(content: &[u8], hmac: Option<Algorithm>) -> Result<Read, String> {
    // As UTF-16, in which some systems save what is redirected, it has a NUL beside each letter.
    let letters: Vec<u8> = content.iter().copied().filter(|byte| *byte != 0).collect();
    let all = String::from_utf8_lossy(&letters);
    let text = all.trim_start_matches(['\u{feff}', char::REPLACEMENT_CHARACTER]);
    let text = text.trim_start();
    let (what, read) = if text.contains("-----BEGIN") {
        ("a PEM key", pem(text).map(one)?)
    } else if text.starts_with('{') && !text.contains(char::REPLACEMENT_CHARACTER) {
        ("a JWKS", jwks(text)?)
    } else {
        check_not_public(content, text)?;
        let key = secret(content, hmac.unwrap_or(Algorithm::HS256))?;
        return Ok(one(key));
    };
    match hmac {
        None => Ok(read),
        Some(hmac) => Err(format!(
            "it is {what}, which says itself what it is used for; {hmac:?} is for a file with a secret"
        )),
    }
}

fn one(key: Key) -> Read {
    Read {
        keys: Keys {
            all: vec![key],
            may_have_changed: false,
        },
        passed_over: Vec::new(),
    }
}

/// A public key, or a certificate, is known to everybody: taken for a secret it would let everybody in.
fn check_not_public(content: &[u8], text: &str) -> Result<(), String> {
    // Some servers show a key as the base64 of its PEM, without the lines around it.
    let mut bare: String = text.split_whitespace().collect();
    bare.truncate(bare.trim_end_matches('=').len());
    let is_der_by = |base64: Encoding| base64.decode(bare.as_bytes()).is_ok_and(|of| is_der(&of));
    let der = is_der(content) || is_der_by(BASE64_NOPAD) || is_der_by(BASE64URL_NOPAD);
    // RFC 4716 has four hyphens and a blank.
    let ssh = ["ssh-", "ecdsa-", "sk-", "---- BEGIN"]
        .iter()
        .any(|begin| text.starts_with(begin));
    let json = text.starts_with('[') && serde_json::from_str::<Vec<Value>>(text).is_ok();
    let xml = text.starts_with('<') && text.contains("<Modulus>");
    if der || ssh || json || xml {
        return Err(
            "it is a public key or a certificate, and no secret: a key is wanted as PEM (BEGIN PUBLIC KEY) or as a JWKS ({\"keys\":[…]})"
                .to_owned(),
        );
    }
    Ok(())
}

/// Keys and certificates are sequences of parts (X.690), to the last byte; random bytes are not.
fn is_der(bytes: &[u8]) -> bool {
    let parts = |reader: &mut NestedReader<'_, SliceReader<'_>>| {
        while !reader.is_finished() {
            AnyRef::decode(reader)?;
        }
        Ok(())
    };
    SliceReader::new(bytes)
        .is_ok_and(|mut reader| reader.sequence(parts).is_ok() && reader.is_finished())
}

/// A line's end behind it is not part of it: editors and `openssl rand` put one there.
fn secret(content: &[u8], algorithm: Algorithm) -> Result<Key, String> {
    let secret = content.strip_suffix(b"\n").unwrap_or(content);
    let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
    if secret.len() < LEAST_SECRET {
        return Err(format!(
            "a secret has at least {LEAST_SECRET} bytes, not {}: make one with 'openssl rand -hex 32'",
            secret.len()
        ));
    }
    Ok(Key {
        name: None,
        algorithm,
        key: DecodingKey::from_secret(secret),
    })
}

fn pem(text: &str) -> Result<Key, String> {
    let (label, document) =
        Document::from_pem(text).map_err(|error| format!("it is no PEM: {error}"))?;
    if label != SubjectPublicKeyInfoRef::PEM_LABEL {
        let way = match label {
            "CERTIFICATE" => "x509 -in FILE -noout -pubkey",
            "RSA PUBLIC KEY" => "rsa -RSAPublicKey_in -in FILE -pubout",
            _ => "pkey -in FILE -pubout",
        };
        return Err(format!(
            "it is a {label}, and only a PUBLIC KEY is wanted: 'openssl {way}' makes one of it"
        ));
    }
    let unreadable = |error| format!("it is no public key: {error}");
    let info: SubjectPublicKeyInfoRef<'_> = document.decode_msg().map_err(unreadable)?;
    let bytes = info.subject_public_key.raw_bytes();
    let curve = info.algorithm.parameters_oid().ok();
    let (algorithm, key) = match info.algorithm.oid {
        RSA => (Algorithm::RS256, DecodingKey::from_rsa_der(bytes)),
        EC if curve == Some(P256) => (Algorithm::ES256, DecodingKey::from_ec_der(bytes)),
        EC => return Err("of elliptic curves only P-256 is understood".to_owned()),
        ED25519 => (Algorithm::EdDSA, DecodingKey::from_ed_der(bytes)),
        other => return Err(format!("keys of the kind {other} are not understood")),
    };
    if algorithm == Algorithm::RS256 {
        let parts = Jwk::from_decoding_key(&key, None).and_then(|jwk| DecodingKey::from_jwk(&jwk));
        check_rsa(&parts.map_err(|error| format!("it is no RSA key: {error}"))?)?;
    }
    Ok(Key {
        name: None,
        algorithm,
        key,
    })
}

fn check_rsa(key: &DecodingKey) -> Result<(), String> {
    let DecodingKeyKind::RsaModulusExponent { n, .. } = key.kind() else {
        return Err("it is no RSA key".to_owned());
    };
    let zeros = n.iter().take_while(|byte| **byte == 0).count();
    let first = n.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = (n.len() - zeros) * 8 - first;
    if bits < LEAST_RSA_BITS {
        return Err(format!(
            "an RSA key has at least {LEAST_RSA_BITS} bits, not {bits}"
        ));
    }
    Ok(())
}

/// The outside of a JWKS: its keys are looked at one by one, since one that is not understood is no reason to refuse the rest.
#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// Reads a JWKS.
///
/// # Errors
/// With a sentence, if there is no key in it that can be used.
pub(super) fn jwks(text: &str) -> Result<Read, String> {
    let set: Set = serde_json::from_str(text).map_err(|error| format!("it is no JWKS: {error}"))?;
    if set.keys.len() > MAX_KEYS {
        return Err(format!("a JWKS has {MAX_KEYS} keys at most"));
    }
    let mut read = Read::default();
    for key in set.keys {
        let name = key.get("kid").and_then(Value::as_str).map(str::to_owned);
        match jwk(key) {
            Ok(key) => read.keys.all.push(key),
            Err(why) => {
                let name = name.as_deref().unwrap_or("without a name");
                read.passed_over.push(format!("key {name}: {why}"));
            }
        }
    }
    if read.keys.all.is_empty() {
        let why = read.passed_over.join("; ");
        return Err(format!("there is no key in it that can be used ({why})"));
    }
    Ok(read)
}

fn jwk(json: Value) -> Result<Key, String> {
    let jwk: Jwk = serde_json::from_value(json).map_err(|error| error.to_string())?;
    if jwk
        .common
        .public_key_use
        .as_ref()
        .is_some_and(|of| *of != PublicKeyUse::Signature)
    {
        return Err("it is not for signatures ('use')".to_owned());
    }
    let allowed = jwk.common.key_operations.as_ref();
    if allowed.is_some_and(|of| !of.contains(&KeyOperations::Verify)) {
        return Err("it is not for verifying signatures ('key_ops')".to_owned());
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(of) if of.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::OctetKeyPair(of) if of.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        AlgorithmParameters::OctetKey(_) => {
            return Err("it is a secret, which does not belong among public keys".to_owned());
        }
        _ => return Err("its kind or curve is not understood".to_owned()),
    };
    let said = jwk.common.key_algorithm;
    if said.is_some_and(|said| said != KeyAlgorithm::from(algorithm)) {
        let said = said.map(|said| said.to_string()).unwrap_or_default();
        return Err(format!(
            "{said} is not understood, only {algorithm:?} of its kind"
        ));
    }
    let key = DecodingKey::from_jwk(&jwk).map_err(|error| error.to_string())?;
    if algorithm == Algorithm::RS256 {
        check_rsa(&key)?;
    }
    Ok(Key {
        name: jwk.common.key_id,
        algorithm,
        key,
    })
}
