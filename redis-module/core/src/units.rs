//! Numbers with units, as people write them: `64mb`, `30d`.

use crate::log::MAX_SEQ;
use crate::position::parse_decimal;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things: digits only.
    Count,
    /// Bytes: digits, or with `b`, `k`, `kb`, `m`, `mb`, `g`, `gb` as in redis.conf (`k` is 1000, `kb` 1024).
    Bytes,
    /// Milliseconds: digits, or with `ms`, `s`, `m`, `h`, `d`.
    Millis,
}

impl Unit {
    /// What may be written, for an error.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Count => "a whole number",
            Self::Bytes => "bytes, such as 65536, 64kb, 10mb, 1gb",
            Self::Millis => "milliseconds, or a time such as 500ms, 30s, 5m, 2h, 30d",
        }
    }

    fn factor(self, suffix: &[u8]) -> Option<u64> {
        let known: &[(&str, u64)] = match self {
            Self::Count => &[("", 1)],
            Self::Bytes => &[
                ("", 1),
                ("b", 1),
                ("k", 1000),
                ("kb", 1 << 10),
                ("m", 1_000_000),
                ("mb", 1 << 20),
                ("g", 1_000_000_000),
                ("gb", 1 << 30),
            ],
            Self::Millis => &[
                ("", 1),
                ("ms", 1),
                ("s", 1_000),
                ("m", 60_000),
                ("h", 3_600_000),
                ("d", 86_400_000),
            ],
        };
        let found = known
            .iter()
            .find(|(name, _)| suffix.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, factor)| *factor)
    }

    /// Reads a number; `None` if it is none, or above what stays exact everywhere.
    pub fn parse(self, text: &[u8]) -> Option<u64> {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, suffix) = text.split_at_checked(digits)?;
        let number = parse_decimal(number)?.checked_mul(self.factor(suffix)?)?;
        (number <= MAX_SEQ).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_units() {
        for (unit, text, value) in [
            (Unit::Count, "100", Some(100)),
            (Unit::Count, "100k", None),
            (Unit::Bytes, "64mb", Some(64 << 20)),
            (Unit::Bytes, "64MB", Some(64 << 20)),
            (Unit::Bytes, "1k", Some(1000)),
            (Unit::Bytes, "1kb", Some(1024)),
            (Unit::Bytes, "2gb", Some(2 << 30)),
            (Unit::Bytes, "30d", None),
            (Unit::Millis, "250", Some(250)),
            (Unit::Millis, "250ms", Some(250)),
            (Unit::Millis, "5m", Some(300_000)),
            (Unit::Millis, "30d", Some(2_592_000_000)),
            (Unit::Millis, "1mb", None),
            (Unit::Millis, "", None),
            (Unit::Millis, "d", None),
            (Unit::Millis, "-1", None),
            (Unit::Millis, "1.5h", None),
            (Unit::Millis, "1 h", None),
            (Unit::Count, "9007199254740991", Some(MAX_SEQ)),
            (Unit::Count, "9007199254740992", None),
            (Unit::Millis, "9007199254740991d", None),
        ] {
            assert_eq!(unit.parse(text.as_bytes()), value, "{text}");
        }
    }
}
