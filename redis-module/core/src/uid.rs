//! What a uid may look like.

/// The longest uid, in bytes.
pub const MAX_UID: usize = 128;

/// 1 to 128 bytes of UTF-8 without control characters or white space, so that a uid can stand in a header line, a log
/// line and a `redis-cli` argument as it is.
pub fn valid_uid(uid: &[u8]) -> bool {
    if uid.is_empty() || uid.len() > MAX_UID {
        return false;
    }
    if uid.iter().all(u8::is_ascii_graphic) {
        return true;
    }
    std::str::from_utf8(uid)
        .is_ok_and(|text| !text.chars().any(|c| c.is_control() || c.is_whitespace()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_are_fine_and_nonsense_is_not() {
        for good in [
            "a",
            "alice",
            "Ünal",
            "李雷",
            "🦀",
            "user:42@example",
            &"x".repeat(128),
        ] {
            assert!(valid_uid(good.as_bytes()), "{good:?}");
        }
        for bad in [
            "",
            "a b",
            "a\nb",
            "a\u{85}b",
            "a\u{2003}b",
            "\u{7f}",
            &"x".repeat(129),
        ] {
            assert!(!valid_uid(bad.as_bytes()), "{bad:?}");
        }
        assert!(!valid_uid(b"\xff\xfe"));
    }
}
