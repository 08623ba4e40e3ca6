//! What is sent to clients: whole text frames, each a JSON object that names its event once.

use serde::Deserialize;
use std::borrow::Cow;

/// What every event has. A field that is there twice is an error of the reader.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
}

/// Looks at all frames; how many they are.
///
/// # Panics
/// If there is something else.
pub(crate) fn check(bytes: &[u8]) -> usize {
    let (mut rest, mut many) = (bytes, 0);
    while !rest.is_empty() {
        let (text, after) = split(rest).unwrap_or_else(|| panic!("no whole frame: {rest:?}"));
        let text = std::str::from_utf8(text).expect("a text frame is UTF-8");
        match serde_json::from_str::<Event<'_>>(text) {
            Ok(Event { event }) => assert!(!event.is_empty(), "an event without a name: {text}"),
            Err(error) => panic!("{error}: {text}"),
        }
        (rest, many) = (after, many + 1);
    }
    many
}

/// The payload of a frame as the server writes them, and what follows it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    assert_eq!(*first, 0x81, "a final text frame without extensions");
    let (len, rest) = rest.split_first()?;
    let (len, rest) = match len {
        126 => {
            let (len, rest) = rest.split_first_chunk()?;
            (u64::from(u16::from_be_bytes(*len)), rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk()?;
            (u64::from_be_bytes(*len), rest)
        }
        len => (u64::from(*len), rest),
    };
    rest.split_at_checked(usize::try_from(len).ok()?)
}
