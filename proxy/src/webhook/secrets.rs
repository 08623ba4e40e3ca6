//! The secrets of `--webhook-secret-file`, and signing by them as Standard Webhooks has it: `v1,` and the HMAC-SHA256 of id, time and
//! body in Base64, one for each secret.

use data_encoding::BASE64;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// What a secret begins with.
const PREFIX: &[u8] = b"whsec_";
/// Bytes of a secret.
const SIZES: std::ops::RangeInclusive<usize> = 24..=64;
/// Secrets at most: each signs each post.
const MOST: usize = 10;

/// One secret.
pub(crate) struct Secret(Vec<u8>);

/// The secrets in a file. What is wrong with one is said by its line.
pub(crate) fn parse(content: &[u8]) -> Result<Vec<Secret>, String> {
    let lines = content.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.map(|(at, line)| (at + 1, line.trim_ascii()));
    let lines = lines.filter(|(_, line)| !line.is_empty());
    let secrets: Vec<Secret> = lines
        .map(|(at, line)| secret(line).map_err(|why| format!("the secret in line {at} {why}")))
        .collect::<Result<_, _>>()?;
    match secrets.len() {
        0 => Err("there is no secret in it".to_owned()),
        many if many > MOST => Err(format!("it has {many} secrets, and may have {MOST}")),
        _ => Ok(secrets),
    }
}

fn secret(line: &[u8]) -> Result<Secret, String> {
    const MAKE: &str = "`echo whsec_$(openssl rand -base64 32)` makes one";
    let text = line
        .strip_prefix(PREFIX)
        .ok_or_else(|| format!("does not begin with whsec_: {MAKE}"))?;
    let bytes = BASE64.decode(text);
    let bytes = bytes.map_err(|_| format!("is no Base64 behind whsec_: {MAKE}"))?;
    match SIZES.contains(&bytes.len()) {
        true => Ok(Secret(bytes)),
        false => Err(format!(
            "has {} bytes, and must have 24 to 64: {MAKE}",
            bytes.len()
        )),
    }
}

/// The header `webhook-signature`.
pub(crate) fn sign(secrets: &[Secret], id: &str, seconds: u64, body: &str) -> String {
    let signed = secrets.iter().filter_map(|Secret(key)| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        Some(format!(
            "v1,{}",
            BASE64.encode(&mac.finalize().into_bytes())
        ))
    });
    signed.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An example of the specification's libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn posts_are_signed_as_others_check_it() {
        let secrets = parse(SECRET.as_bytes()).unwrap();
        let signed = sign(
            &secrets,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs_and_bad_ones_are_named_by_their_line() {
        let two = format!("{SECRET}\r\n\nwhsec_{}\n", BASE64.encode(&[7; 64]));
        let secrets = parse(two.as_bytes()).unwrap();
        assert_eq!(sign(&secrets, "a", 1, "b").split(' ').count(), 2);
        let short = format!("\nwhsec_{}", BASE64.encode(&[7; 23]));
        for (content, part) in [
            ("", "no secret"),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "line 1 does not begin"),
            ("whsec_%%%", "line 1 is no Base64"),
            (&short, "line 2 has 23 bytes"),
            (&format!("{SECRET}\n").repeat(11), "11 secrets"),
        ] {
            let said = parse(content.as_bytes()).map(drop).unwrap_err();
            assert!(said.contains(part), "{content}: {said}");
        }
    }
}
