//! The fields of a client's event, and how they are read.

use super::scan::Member;
use room_core::position::Position;
use room_core::uid::{MAX_UID, valid_uid};
use serde::Deserialize;
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// A code and a sentence for the client.
pub(crate) type Wrong = (&'static str, String);

/// The fields of an event, as they are written.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, Member<'a>)>);

impl<'a> Fields<'a> {
    pub(super) fn push(&mut self, member: Member<'a>) {
        self.0.push((member.name(), member));
    }

    /// The fields in their order.
    pub(super) fn members(&self) -> impl Iterator<Item = &Member<'a>> {
        self.0.iter().map(|(_, member)| member)
    }

    /// The text of a field's value; of the last one if it is there twice, as most readers take it.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, member)| member.value())
    }

    /// A field that may be there; `null` counts as not there.
    pub(super) fn get<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, Wrong> {
        match self.raw(name) {
            None => Ok(None),
            Some(raw) => serde_json::from_str(raw).map_err(|error| {
                let what = format!("'{name}' is of the wrong kind: {error}");
                ("BADFIELD", what)
            }),
        }
    }

    /// A text, if it can be read as one.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).ok().flatten()
    }

    pub(super) fn roomid(&self) -> Result<Option<String>, Wrong> {
        self.raw("roomid").map_or(Ok(None), roomid)
    }

    pub(super) fn position(&self, name: &str) -> Result<Option<Position>, Wrong> {
        let text = self.get::<String>(name)?;
        text.map(|text| position(name, &text)).transpose()
    }
}

/// A position that a client gives.
pub(super) fn position(name: &str, text: &str) -> Result<Position, Wrong> {
    text.parse()
        .map_err(|error| ("BADPOS", format!("'{name}': {error}")))
}

/// A room's name from the text of its field: a number is a fine one too. `null` is none.
pub(super) fn roomid(raw: &str) -> Result<Option<String>, Wrong> {
    let Some(roomid) = text_or_number("roomid", raw)? else {
        return Ok(None);
    };
    check_roomid(&roomid).map(|()| Some(roomid))
}

/// Whether this may be a room's name.
///
/// # Errors
/// With a code and a sentence, if not.
pub fn check_roomid(roomid: &str) -> Result<(), (&'static str, String)> {
    if valid_uid(roomid.as_bytes()) {
        return Ok(());
    }
    let what = "'roomid' must be 1 to 128 bytes without spaces or control characters";
    Err(("BADFIELD", what.to_owned()))
}

/// A uid from the text of its field: many user tables have nothing but numbers.
///
/// # Errors
/// With a code and a sentence, if it is none.
pub fn uid(raw: &str) -> Result<String, (&'static str, String)> {
    let given = text_or_number("uid", raw)?;
    uid_of(given.ok_or(("BADFIELD", "'uid' must be a text or a number".to_owned()))?)
}

/// The same of a text.
///
/// # Errors
/// With a code and a sentence, if it is none.
pub fn uid_of(text: String) -> Result<String, (&'static str, String)> {
    let uid = nfc(text);
    if !valid_uid(uid.as_bytes()) {
        let what = "'uid' must be 1 to 128 bytes without spaces or control characters";
        return Err(("BADUID", what.to_owned()));
    }
    Ok(uid)
}

/// The digits of a whole number that is not negative, as JSON writes it: some languages write 8704 as `8704.0`, and JSON has
/// only one kind of numbers. Beyond 2^53 such a spelling is not exact, and none.
pub fn digits(raw: &str) -> Option<String> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(raw.to_owned());
    }
    // The standard library's reader is exact, which serde_json's is not (2188795836350603.0 is half too much there).
    let number = raw.parse::<f64>().ok()?;
    let exact = (0.0..=EXACT).contains(&number) && number.fract() == 0.0;
    exact.then(|| format!("{:.0}", number.abs()))
}

fn text_or_number(name: &str, raw: &str) -> Result<Option<String>, Wrong> {
    if let Some(digits) = digits(raw) {
        return Ok(Some(digits));
    }
    serde_json::from_str(raw).map_err(|error| {
        let what = format!("'{name}' is of the wrong kind: {error}");
        ("BADFIELD", what)
    })
}

/// A uid in Unicode's composed form (NFC): a letter with an accent is the same person, whether the keyboard made one
/// character of it or two.
pub fn nfc(uid: String) -> String {
    // Composing makes a text three times shorter at most: one that is longer than that is too long in any form.
    if uid.is_ascii() || uid.len() > 3 * MAX_UID {
        return uid;
    }
    uid.nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_its_digits_however_it_is_written() {
        for (raw, is) in [
            ("8704", Some("8704")),
            ("8704.0", Some("8704")),
            ("2188795836350603.0", Some("2188795836350603")),
            ("87.04e2", Some("8704")),
            ("0", Some("0")),
            ("-0.0", Some("0")),
            ("12345678901234567890", Some("12345678901234567890")),
            ("9007199254740992.0", Some("9007199254740992")),
            ("1e17", None),
            ("1e400", None),
            ("0.5", None),
            ("-1.0", None),
            ("-1", None),
            ("", None),
            ("\"8704\"", None),
            ("null", None),
        ] {
            assert_eq!(digits(raw).as_deref(), is, "{raw}");
        }
        assert_eq!(uid("8704.0").as_deref(), Ok("8704"));
        assert_eq!(roomid("7.0"), Ok(Some("7".to_owned())));
        assert_eq!(uid("0.5").unwrap_err().0, "BADFIELD");
    }
}
