//! What somebody may do, room by room: a table of rooms' names, or of how they begin, with the rights in each.

use crate::wire::nfc;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::fmt;

/// Rooms, or beginnings of names, that one table may have.
pub const MAX_PATTERNS: usize = 100;

/// Something that may be allowed in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Right {
    /// To be sent what is said there.
    Read = 1,
    /// To store messages.
    Publish = 2,
    /// To send events that are not stored.
    Signal = 4,
    /// To be sent what was said before one came.
    History = 8,
    /// To be told who belongs to the room, and who comes and goes.
    Members = 16,
    /// To end one's membership.
    Leave = 32,
    /// To belong to the room.
    Member = 64,
    /// To be there without belonging to it.
    Guest = 128,
}

impl Right {
    const ALL: [Self; 8] = [
        Self::Read,
        Self::Publish,
        Self::Signal,
        Self::History,
        Self::Members,
        Self::Leave,
        Self::Member,
        Self::Guest,
    ];

    /// Its name in a token.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Publish => "publish",
            Self::Signal => "signal",
            Self::History => "history",
            Self::Members => "members",
            Self::Leave => "leave",
            Self::Member => "member",
            Self::Guest => "guest",
        }
    }
}

/// Rights in one room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u8);

impl Rights {
    /// Everything: where the proxy asks for no token.
    pub const ALL: Self = Self(u8::MAX);

    /// Whether this one is among them.
    pub const fn has(self, right: Right) -> bool {
        self.0 & right as u8 != 0
    }

    /// Those with these names; names that nobody knows are left out, so that a token may be of a newer version.
    pub fn named<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let bit = |name: &str| {
            let right = Right::ALL.into_iter().find(|right| right.name() == name);
            right.map_or(0, |right| right as u8)
        };
        Self(names.fold(0, |all, name| all | bit(name)))
    }
}

/// See the top of the file. As JSON: `{"lobby":["member","read"],"news-*":["guest","read"]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    exact: Vec<(Box<str>, Rights)>,
    /// What names begin with; the longest ones first.
    prefixes: Vec<(Box<str>, Rights)>,
}

impl Grants {
    /// The rights in a room: those of its name, else those of the longest beginning that is its; never of both.
    pub fn of(&self, roomid: &str) -> Rights {
        let exact = self.exact.iter().find(|(known, _)| **known == *roomid);
        let begins = |(prefix, _): &&(Box<str>, Rights)| roomid.starts_with(&**prefix);
        let found = exact.or_else(|| self.prefixes.iter().find(begins));
        found.map_or(Rights::default(), |(_, rights)| *rights)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// With a sentence, if it is not one.
    pub fn read(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    fn add<E: Error>(&mut self, pattern: String, rights: Rights) -> Result<(), E> {
        if self.exact.len() + self.prefixes.len() >= MAX_PATTERNS {
            let what = format!("there may be {MAX_PATTERNS} rooms or beginnings of names");
            return Err(E::custom(what));
        }
        let pattern = nfc(pattern);
        let (list, name) = match pattern.strip_suffix('*') {
            Some(prefix) => (&mut self.prefixes, prefix),
            None => (&mut self.exact, &*pattern),
        };
        if pattern.is_empty() || list.iter().any(|(known, _)| **known == *name) {
            let what = match pattern.is_empty() {
                true => "a room has no name".to_owned(),
                false => format!("'{pattern}' is there twice"),
            };
            return Err(E::custom(what));
        }
        list.push((name.into(), rights));
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Grants {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_map(Table)
    }
}

/// Reads the table's rows: a map of the library's would take the last one of two silently.
struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = Grants;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of rooms, each with a list of rights")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut rows: A) -> Result<Grants, A::Error> {
        let mut grants = Grants::default();
        while let Some((pattern, names)) = rows.next_entry::<String, Vec<String>>()? {
            let rights = Rights::named(names.iter().map(String::as_str));
            grants.add(pattern, rights)?;
        }
        let length = |(prefix, _): &(Box<str>, Rights)| std::cmp::Reverse(prefix.len());
        grants.prefixes.sort_by_key(length);
        Ok(grants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(rights: Rights) -> Vec<&'static str> {
        let all = Right::ALL.into_iter();
        all.filter(|right| rights.has(*right))
            .map(Right::name)
            .collect()
    }

    #[test]
    fn a_name_beats_the_longest_beginning_and_nothing_is_added_up() {
        let grants = Grants::read(
            r#"{"lobby":["member","read"],"*":["guest"],"news-*":["read"],"news-eu-*":["publish","fly"],
                "news-eu-1":["leave"],"a*b":["signal"],"nothing":[]}"#,
        )
        .unwrap();
        for (roomid, wanted) in [
            ("lobby", &["read", "member"][..]),
            ("lobby2", &["guest"]),
            ("news-", &["read"]),
            ("news-us", &["read"]),
            ("news-eu-2", &["publish"]),
            ("news-eu-1", &["leave"]),
            ("a*b", &["signal"]),
            ("axb", &["guest"]),
            ("nothing", &[]),
        ] {
            assert_eq!(names(grants.of(roomid)), wanted, "{roomid}");
        }
        assert_eq!(names(Rights::ALL).len(), 8);
    }

    #[test]
    fn who_has_no_table_has_no_room() {
        assert_eq!(Grants::default().of("lobby"), Rights::default());
        assert_eq!(Grants::read("{}").unwrap().of("lobby"), Rights::default());
    }

    #[test]
    fn a_room_is_the_same_in_both_forms_of_its_name() {
        let grants = Grants::read(r#"{"cafe\u0301":["read"]}"#).unwrap();
        assert_eq!(names(grants.of("caf\u{e9}")), ["read"]);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let many: Vec<String> = (0..101).map(|n| format!(r#""r{n}":[]"#)).collect();
        let many = format!("{{{}}}", many.join(","));
        for (json, part) in [
            ("[]", "an object of rooms"),
            (r#"{"a":"read"}"#, "a sequence"),
            (r#"{"a":[1]}"#, "a string"),
            (r#"{"a":[],"a":["read"]}"#, "'a' is there twice"),
            (r#"{"a*":[],"a*":["read"]}"#, "'a*' is there twice"),
            (r#"{"e\u0301":[],"\u00e9":["read"]}"#, "is there twice"),
            (r#"{"":["read"]}"#, "no name"),
            (&many, "100"),
        ] {
            let said = Grants::read(json).unwrap_err();
            assert!(said.contains(part), "{json}: {said}");
        }
    }
}
