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

/// Whether a new member may have this uid: a valid one, without the characters that turn the direction of writing round,
/// as two of those may look alike and a line of a log may read as another. (Rows that exist keep theirs.)
pub fn valid_new_uid(uid: &[u8]) -> bool {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    valid_uid(uid) && (uid.is_ascii() || !String::from_utf8_lossy(uid).contains(turns))
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

    #[test]
    fn newcomers_do_not_turn_the_direction_of_writing_round() {
        for turning in ["a\u{202e}b", "\u{2066}a", "a\u{200f}", "\u{61c}"] {
            assert!(
                valid_uid(turning.as_bytes()) && !valid_new_uid(turning.as_bytes()),
                "{turning:?}"
            );
        }
        for fine in ["alice", "Ünal", "שלום", "مرحبا", "👩‍👩‍👧"] {
            assert!(valid_new_uid(fine.as_bytes()), "{fine:?}");
        }
    }
}
