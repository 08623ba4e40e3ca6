//! How much of its log a room keeps.

use crate::bytes::{Reader, put_varint};
use crate::error::RoomError;
use crate::log::MAX_SEQ;
use crate::units::Unit;

/// The limits by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Messages.
    MaxLen,
    /// Bytes of messages, headers included.
    MaxBytes,
    /// Age of a message, in milliseconds.
    MaxAge,
    /// The last messages that stay although everybody has them.
    Keep,
    /// How long an absent member holds the log back, in milliseconds.
    MemberTtl,
    /// How long somebody else's message waits for an absent member before that is told to who asks, in milliseconds; 0: it is not.
    WaitingDelay,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::MaxLen,
        Self::MaxBytes,
        Self::MaxAge,
        Self::Keep,
        Self::MemberTtl,
        Self::WaitingDelay,
    ];
    /// As many of them as versions of a snapshot knew that know no waiting mail.
    const OLD: usize = 5;

    /// The name in `ROOM.LIMITS`, and behind `room.` in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxLen => "maxlen",
            Self::MaxBytes => "maxbytes",
            Self::MaxAge => "maxage",
            Self::Keep => "keep",
            Self::MemberTtl => "member-ttl",
            Self::WaitingDelay => "waiting-delay",
        }
    }

    /// What it counts.
    pub const fn unit(self) -> Unit {
        match self {
            Self::MaxLen | Self::Keep => Unit::Count,
            Self::MaxBytes => Unit::Bytes,
            Self::MaxAge | Self::MemberTtl | Self::WaitingDelay => Unit::Millis,
        }
    }

    /// The limit with this name, in any case.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|limit| limit.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// A value for each limit; 0 is "no limit" (for `keep`: nothing is kept).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    values: [u64; Limit::ALL.len()],
}

impl Default for Limits {
    fn default() -> Self {
        let mut limits = Self {
            values: [0; Limit::ALL.len()],
        };
        limits.set(Limit::MaxLen, 100_000);
        limits.set(Limit::MaxBytes, 64 * 1024 * 1024);
        limits.set(Limit::Keep, 100);
        limits.set(Limit::MemberTtl, 30 * 24 * 3600 * 1000);
        limits
    }
}

impl Limits {
    /// The value of one limit.
    pub fn get(&self, limit: Limit) -> u64 {
        self.values.get(limit as usize).copied().unwrap_or(0)
    }

    /// Sets one limit.
    pub fn set(&mut self, limit: Limit, value: u64) {
        if let Some(slot) = self.values.get_mut(limit as usize) {
            *slot = value;
        }
    }
}

/// What a room sets for itself; the rest comes from the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    values: [Option<u64>; Limit::ALL.len()],
}

impl Overrides {
    /// Sets one limit, or takes the room's own value away.
    pub fn set(&mut self, limit: Limit, value: Option<u64>) {
        if let Some(slot) = self.values.get_mut(limit as usize) {
            *slot = value;
        }
    }

    /// Whether the room has no limit of its own.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }

    /// The limits in force where the configuration has `defaults`.
    pub fn over(&self, defaults: &Limits) -> Limits {
        let mut limits = *defaults;
        for (value, own) in limits.values.iter_mut().zip(&self.values) {
            *value = own.unwrap_or(*value);
        }
        limits
    }

    /// Whether there is one that older versions of a snapshot do not know.
    pub(crate) fn has_new(&self) -> bool {
        self.values.iter().skip(Limit::OLD).any(Option::is_some)
    }

    /// `all`: those too that older versions do not know.
    pub(crate) fn save(&self, all: bool, out: &mut Vec<u8>) {
        for value in self.values.iter().take(saved(all)) {
            put_varint(out, value.map_or(0, |value| value.saturating_add(1)));
        }
    }

    pub(crate) fn load(all: bool, reader: &mut Reader<'_>) -> Option<Self> {
        let mut overrides = Self::default();
        for slot in overrides.values.iter_mut().take(saved(all)) {
            let stored = reader.varint()?;
            if stored > MAX_SEQ + 1 {
                return None;
            }
            *slot = stored.checked_sub(1);
        }
        Some(overrides)
    }
}

/// How many are saved.
const fn saved(all: bool) -> usize {
    if all { Limit::ALL.len() } else { Limit::OLD }
}

/// Reads one `name value` pair of `ROOM.LIMITS`; `default` takes the room's own value away.
pub fn parse_limit(name: &[u8], value: &[u8]) -> Result<(Limit, Option<u64>), RoomError> {
    let limit = Limit::from_name(name).ok_or_else(|| RoomError::BadLimit(name.into()))?;
    if value.eq_ignore_ascii_case(b"default") {
        return Ok((limit, None));
    }
    match limit.unit().parse(value) {
        Some(number) => Ok((limit, Some(number))),
        None => Err(RoomError::BadLimit(value.into())),
    }
}
