use super::super::keys::read;
use super::*;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, encode, jwk::Jwk};
use serde_json::{Value, json};
use spki::der::Document;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW: u64 = 1_000_000_000;
const RSA: &str = include_str!("testkeys/rsa.pem");
const RSA_PUBLIC: &str = include_str!("testkeys/rsa.pub.pem");
const EC: &str = include_str!("testkeys/ec.pem");
const EC_PUBLIC: &str = include_str!("testkeys/ec.pub.pem");
const ED: &str = include_str!("testkeys/ed.pem");
const ED_PUBLIC: &str = include_str!("testkeys/ed.pub.pem");

fn keys(content: &[u8], hmac: Option<Algorithm>) -> Keys {
    read(content, hmac).unwrap().keys
}

fn claims() -> Value {
    json!({"sub": "bob", "exp": NOW / 1000 + 60, "rooms": {"lobby": ["member", "read"]}})
}

/// The claims with these in their place; `null` takes one away.
fn with(changes: Value) -> Value {
    let mut all = claims();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => all.as_object_mut().unwrap().remove(name),
            value => all
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    all
}

fn signing(algorithm: Algorithm) -> EncodingKey {
    let der = |pem| Document::from_pem(pem).unwrap().1.as_bytes().to_vec();
    match algorithm {
        Algorithm::RS256 => EncodingKey::from_rsa_der(&der(RSA)),
        Algorithm::ES256 => EncodingKey::from_ec_der(&der(EC)),
        Algorithm::EdDSA => EncodingKey::from_ed_der(&der(ED)),
        _ => EncodingKey::from_secret(SECRET),
    }
}

fn signed_by(algorithm: Algorithm, kid: Option<&str>) -> String {
    let mut header = Header::new(algorithm);
    header.kid = kid.map(str::to_owned);
    encode(&header, &claims(), &signing(algorithm)).unwrap()
}

fn token(claims: &Value) -> String {
    encode(&Header::default(), claims, &signing(Algorithm::HS256)).unwrap()
}

/// What becomes of a token with the secret as the only key: the uid, or the code and the sentence.
fn judged(rules: &Rules, token: &str) -> String {
    match look(&keys(SECRET, None), rules, token, NOW) {
        Ok(pass) => pass.uid.to_string(),
        Err(refused) => format!("{} {refused}", refused.code()),
    }
}

#[test]
fn what_claims_are_taken() {
    let rules = Rules {
        audiences: vec!["chat".into(), "news".into()],
        issuers: vec!["us".into()],
        leeway: Duration::from_secs(5),
        rooms: Grants::default(),
    };
    let ours = |changes: Value| {
        let mut all = with(json!({"aud": "chat", "iss": "us"}));
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    let now = NOW / 1000;
    let long = "n".repeat(300);
    for (changes, wanted) in [
        (json!({}), "bob"),
        (json!({"sub": 42}), "42"),
        (json!({"sub": "e\u{301}"}), "\u{e9}"),
        (json!({"exp": now - 4}), "bob"),
        (json!({"exp": now - 5}), "EXPIRED"),
        (json!({"exp": -1}), "EXPIRED"),
        (json!({"exp": 1e300}), "bob"),
        (json!({"exp": "soon"}), "BADTOKEN"),
        (json!({"exp": null}), "'exp'"),
        (json!({"nbf": now + 5}), "bob"),
        (json!({"nbf": now + 6}), "EARLY"),
        (json!({"aud": ["x", "news"]}), "bob"),
        (json!({"aud": "x"}), "'aud'"),
        (json!({"aud": []}), "'aud'"),
        (json!({"aud": null}), "'aud'"),
        (json!({"iss": "them"}), "'iss'"),
        (json!({"iss": null}), "'iss'"),
        (json!({"sub": null}), "'sub'"),
        (json!({"sub": ""}), "'sub'"),
        (json!({"sub": "a b"}), "'sub'"),
        (json!({"sub": ["a"]}), "BADTOKEN"),
        (json!({"name": long}), "'name'"),
        (json!({"rooms": []}), "BADTOKEN"),
        (json!({"rooms": {"a": "read"}}), "BADTOKEN"),
    ] {
        let got = judged(&rules, &token(&ours(changes.clone())));
        assert!(got.contains(wanted), "{changes}: {got}, not {wanted}");
    }
}

#[test]
fn what_a_pass_says() {
    let rules = Rules {
        rooms: Grants::read(r#"{"*":["guest"]}"#).unwrap(),
        leeway: Duration::from_secs(5),
        ..Rules::default()
    };
    let keys = keys(SECRET, None);
    let pass = look(
        &keys,
        &rules,
        &token(&with(
            json!({"name": "Bob", "exp": NOW as f64 / 1000.0 + 0.5}),
        )),
        NOW,
    );
    let pass = pass.unwrap();
    assert_eq!(pass.name.unwrap().get(), "\"Bob\"");
    assert_eq!((pass.ts, pass.expires, pass.lives), (NOW, NOW + 500, 500));
    let late = look(
        &keys,
        &rules,
        &token(&with(json!({"exp": NOW / 1000 - 2}))),
        NOW,
    );
    assert_eq!(late.unwrap().lives, 3000, "what is left of the leeway");
    assert_eq!(
        pass.grants,
        Grants::read(r#"{"lobby":["member","read"]}"#).unwrap()
    );
    let pass = look(&keys, &rules, &token(&with(json!({"rooms": null}))), NOW).unwrap();
    assert_eq!(pass.grants, rules.rooms);
}

#[test]
fn a_tampered_or_strange_token_is_refused() {
    let rules = Rules::default();
    let good = token(&claims());
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("{good}");
    };
    let other = token(&with(json!({"sub": "ann"})));
    let other = other.split('.').nth(1).unwrap();
    // {"alg":"none"}, and one with "typ".
    for none in ["eyJhbGciOiJub25lIn0", "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0"] {
        for sign in ["", signature] {
            let got = judged(&rules, &format!("{none}.{payload}.{sign}"));
            assert!(got.starts_with("BADTOKEN"), "{got}");
        }
    }
    let stranger = EncodingKey::from_secret(b"another secret that is long enough");
    let strange = encode(&Header::default(), &claims(), &stranger).unwrap();
    let crit = Header {
        crit: Some(vec!["b64".into()]),
        ..Header::default()
    };
    let critical = encode(&crit, &claims(), &signing(Algorithm::HS256)).unwrap();
    let long = token(&with(json!({"more": "x".repeat(9_000)})));
    for (given, part) in [
        (format!("{header}.{other}.{signature}"), "its signature"),
        (format!("{header}.{payload}."), "its signature"),
        (
            format!("{header}.{payload}.{}A", &signature[1..]),
            "its signature",
        ),
        (strange, "its signature"),
        (critical, "'crit'"),
        (long, "8192 bytes"),
        (String::new(), "no JWT"),
        ("a.b".into(), "no JWT"),
        (format!("{good}.x"), ""),
        (format!("{good} "), ""),
        (signed_by(Algorithm::HS384, None), "algorithm"),
        (signed_by(Algorithm::RS256, None), "algorithm"),
    ] {
        let got = judged(&rules, &given);
        assert!(
            got.starts_with("BADTOKEN") && got.contains(part),
            "{given}: {got}"
        );
    }
}

#[test]
fn each_kind_of_key_takes_its_own_algorithm_only() {
    let rules = Rules::default();
    let kinds = [
        (Algorithm::HS256, keys(SECRET, None)),
        (Algorithm::HS384, keys(SECRET, Some(Algorithm::HS384))),
        (Algorithm::HS512, keys(SECRET, Some(Algorithm::HS512))),
        (Algorithm::RS256, keys(RSA_PUBLIC.as_bytes(), None)),
        (Algorithm::ES256, keys(EC_PUBLIC.as_bytes(), None)),
        (Algorithm::EdDSA, keys(ED_PUBLIC.as_bytes(), None)),
    ];
    for (of, keys) in &kinds {
        for (by, _) in &kinds {
            let found = look(keys, &rules, &signed_by(*by, None), NOW);
            assert_eq!(found.is_ok(), of == by, "{of:?} {by:?}: {found:?}");
        }
    }
    // A public key is known to everybody: it is no secret to sign with.
    for public in [RSA_PUBLIC, RSA_PUBLIC.trim_end()] {
        let forged = encode(
            &Header::default(),
            &claims(),
            &EncodingKey::from_secret(public.as_bytes()),
        );
        let found = look(&kinds[3].1, &rules, &forged.unwrap(), NOW);
        assert!(matches!(found, Err(Refused::Bad(_))), "{found:?}");
    }
}

/// A public key as it stands in a JWKS.
fn jwk(pem: &str, kid: &str, more: Value) -> Value {
    let document = Document::from_pem(pem).unwrap().1;
    let info: spki::SubjectPublicKeyInfoRef<'_> = document.decode_msg().unwrap();
    let bytes = info.subject_public_key.raw_bytes();
    let key = match () {
        () if pem == EC_PUBLIC => DecodingKey::from_ec_der(bytes),
        () if pem == ED_PUBLIC => DecodingKey::from_ed_der(bytes),
        () => DecodingKey::from_rsa_der(bytes),
    };
    let mut json = serde_json::to_value(Jwk::from_decoding_key(&key, None).unwrap()).unwrap();
    json["kid"] = kid.into();
    for (name, value) in more.as_object().unwrap() {
        json[name] = value.clone();
    }
    json
}

#[test]
fn a_jwks_is_chosen_from_by_kid_and_what_does_not_belong_there_is_passed_over() {
    let rules = Rules::default();
    let small = include_str!("testkeys/rsa1024.pub.pem");
    let set = json!({"keys": [
        jwk(RSA_PUBLIC, "rsa", json!({"alg": "RS256", "use": "sig"})),
        jwk(EC_PUBLIC, "ec", json!({"key_ops": ["verify"]})),
        jwk(ED_PUBLIC, "ed", json!({})),
        jwk(RSA_PUBLIC, "enc", json!({"use": "enc"})),
        jwk(RSA_PUBLIC, "wrap", json!({"key_ops": ["encrypt", "wrapKey"]})),
        jwk(RSA_PUBLIC, "512", json!({"alg": "RS512"})),
        jwk(small, "small", json!({})),
        {"kty": "oct", "kid": "oct", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"},
        {"kty": "new", "kid": "new"},
        "nonsense",
    ]});
    let read = read(set.to_string().as_bytes(), None).unwrap();
    assert_eq!(
        (read.keys.len(), read.passed_over.len()),
        (3, 7),
        "{:?}",
        read.passed_over
    );
    for (by, kid, good) in [
        (Algorithm::RS256, Some("rsa"), "ok"),
        (Algorithm::ES256, Some("ec"), "ok"),
        (Algorithm::EdDSA, Some("ed"), "ok"),
        (Algorithm::RS256, None, "ok"),
        (Algorithm::RS256, Some("ec"), "BADTOKEN"),
        (Algorithm::RS256, Some("enc"), "NOKEY"),
        (Algorithm::RS256, Some("wrap"), "NOKEY"),
        (Algorithm::HS256, Some("oct"), "NOKEY"),
        (Algorithm::RS256, Some("later"), "NOKEY"),
    ] {
        let found = look(&read.keys, &rules, &signed_by(by, kid), NOW);
        let got = found.map_or_else(|refused| refused.code(), |_| "ok");
        assert_eq!(got, good, "{by:?} {kid:?}");
    }
    // One without a name beside them does not hide that the named one is missing.
    let mut both = read.keys.clone();
    both.add(keys(SECRET, None));
    let found = look(
        &both,
        &rules,
        &signed_by(Algorithm::ES256, Some("later")),
        NOW,
    );
    assert!(matches!(found, Err(Refused::NoKey)), "{found:?}");
    // A key without a name is for any.
    let found = look(
        &keys(SECRET, None),
        &rules,
        &signed_by(Algorithm::HS256, Some("x")),
        NOW,
    );
    assert!(found.is_ok());
}

/// What everybody knows is no secret, however it is written; nothing of this may be taken for one.
#[test]
fn what_everybody_knows_is_no_secret() {
    let certificate = include_str!("testkeys/rsa.cert.pem");
    let inside = |pem: &str| Document::from_pem(pem).unwrap().1.as_bytes().to_vec();
    let lines = |pem: &str| -> Vec<String> {
        let lines = pem.lines().filter(|line| !line.starts_with('-'));
        lines.map(str::to_owned).collect()
    };
    let utf16 = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let one = jwk(EC_PUBLIC, "one", json!({}));
    let (list, set) = (json!([one]).to_string(), json!({"keys": [one]}).to_string());
    let base64url = lines(RSA_PUBLIC)
        .concat()
        .replace('+', "-")
        .replace('/', "_");
    let ssh2 = "---- BEGIN SSH2 PUBLIC KEY ----\nAAAAC3NzaC1lZDI1NTE5AAAAIE\n---- END SSH2 PUBLIC KEY ----\n";
    let xml = "<RSAKeyValue><Modulus>AAAAAAAAAAAAAAAAAAAA</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>";
    for (name, content) in [
        ("a certificate", certificate.as_bytes().to_vec()),
        ("its DER", inside(certificate)),
        ("its base64", lines(certificate).concat().into()),
        (
            "its base64 in lines",
            lines(certificate).join("\r\n").into(),
        ),
        ("a key's base64url", base64url.trim_end_matches('=').into()),
        ("a list of keys", list.into()),
        ("SSH2", ssh2.into()),
        (
            "a security key",
            format!("sk-ssh-ed25519@openssh.com {}", "A".repeat(40)).into(),
        ),
        ("XML", xml.into()),
    ] {
        let said = read(&content, None)
            .map(|read| read.keys.len())
            .unwrap_err();
        assert!(
            said.contains("a public key") || said.contains("-pubkey"),
            "{name}: {said}"
        );
    }
    // A remark in another encoding, or all of it: it is the key that it is.
    let remark = [b"# Schl\xfcssel\n", RSA_PUBLIC.as_bytes()].concat();
    for content in [remark, utf16(RSA_PUBLIC), utf16(&set)] {
        let keys = keys(&content, None);
        let kinds: Vec<_> = keys.of(None).iter().map(|key| key.algorithm).collect();
        assert!(
            matches!(kinds[..], [Algorithm::RS256 | Algorithm::ES256]),
            "{kinds:?}"
        );
    }
    // Any bytes may be a secret, text or not.
    for first in 0..=255 {
        let secret = (0..40).map(|i: u8| first ^ i.wrapping_mul(151));
        let secret: Vec<u8> = secret.chain([b'x']).collect();
        let text = first == b'{' || first == b'[';
        assert!(text || read(&secret, None).is_ok(), "{secret:?}");
    }
}

#[test]
fn keys_that_are_too_weak_or_none_are_refused_with_a_sentence() {
    let private = "it is a PRIVATE KEY";
    let single = jwk(RSA_PUBLIC, "one", json!({})).to_string();
    let der = Document::from_pem(RSA_PUBLIC).unwrap().1;
    let inner: Vec<_> = RSA_PUBLIC
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let (base64, oneline) = (inner.join("\n"), inner.concat());
    let bagged = format!("\u{feff}\n{RSA_PUBLIC}");
    for (content, hmac, part) in [
        (&b"short"[..], None, "at least 32 bytes, not 5"),
        (b"0123456789abcdef0123456789abcde\n", None, "not 31"),
        (
            include_bytes!("testkeys/rsa1024.pub.pem"),
            None,
            "2048 bits, not 1024",
        ),
        (include_bytes!("testkeys/ec384.pub.pem"), None, "P-256"),
        (RSA.as_bytes(), None, "RSA PRIVATE KEY"),
        (EC.as_bytes(), None, private),
        (b"-----BEGIN nonsense", None, "no PEM"),
        (
            RSA_PUBLIC.as_bytes(),
            Some(Algorithm::HS512),
            "a PEM key, which says itself",
        ),
        (br#"{"keys":[]}"#, None, "no key"),
        // A public key in another form is not taken for a secret.
        (single.as_bytes(), None, "no JWKS"),
        (der.as_bytes(), None, "a public key"),
        (base64.as_bytes(), None, "a public key"),
        (oneline.as_bytes(), None, "a public key"),
        (
            b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE ann@here",
            None,
            "a public key",
        ),
        (bagged.as_bytes(), Some(Algorithm::HS256), "a PEM key"),
        (br#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#, None, "a secret"),
    ] {
        let said = read(content, hmac).unwrap_err();
        assert!(said.contains(part), "{said}, not {part}");
    }
    let with_line = [SECRET, b"\r\n"].concat();
    let found = look(
        &keys(&with_line, None),
        &Rules::default(),
        &token(&claims()),
        NOW,
    );
    assert!(found.is_ok(), "a line's end is not part of a secret");
}
