//! What a client reads: WebSocket frames, and the server's events in them.

use room_core::position::Position;
use serde::Deserialize;
use std::borrow::Cow;

/// An event of the server, all fields that clients look at.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Seen<'a> {
    #[serde(borrow)]
    pub(crate) event: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) roomid: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) uid: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) message: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) of: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) code: Cow<'a, str>,
    #[serde(default)]
    position: Option<&'a str>,
    #[serde(default)]
    pub(crate) from: u64,
    #[serde(default)]
    pub(crate) to: u64,
    #[serde(default)]
    pub(crate) new: bool,
    #[serde(default)]
    pub(crate) duplicate: bool,
    pub(crate) total: Option<u64>,
    pub(crate) num: Option<u64>,
    pub(crate) online: Option<Vec<String>>,
    #[serde(borrow, default)]
    pub(crate) messages: Vec<Self>,
    #[serde(default)]
    after: Option<&'a str>,
    #[serde(default)]
    pub(crate) more: bool,
    #[serde(default)]
    pub(crate) gone: u64,
}

impl Seen<'_> {
    pub(crate) fn position(&self) -> Option<Position> {
        Position::parse(self.position?.as_bytes())
    }

    pub(crate) fn after(&self) -> Option<Position> {
        Position::parse(self.after?.as_bytes())
    }
}

/// A frame: an event's text, or the number of a ping.
pub(crate) enum Frame<'a> {
    Text(&'a [u8]),
    Ping(u64),
}

/// The first frame of `bytes`, and what follows it.
pub(crate) fn frame(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (short, rest) = rest.split_first()?;
    let (len, rest) = match short {
        126 => {
            let (len, rest) = rest.split_first_chunk::<2>()?;
            (u16::from_be_bytes(*len) as usize, rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk::<8>()?;
            (u64::from_be_bytes(*len) as usize, rest)
        }
        len => (*len as usize, rest),
    };
    let (payload, rest) = rest.split_at_checked(len)?;
    Some(match first {
        0x81 => (Frame::Text(payload), rest),
        0x89 => (
            Frame::Ping(u64::from_be_bytes(payload.try_into().ok()?)),
            rest,
        ),
        _ => return None,
    })
}
