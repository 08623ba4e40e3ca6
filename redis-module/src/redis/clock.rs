//! Reading the clocks, and random bits.

use super::api::rm;
use room_core::position::Tag;

/// Unix time in milliseconds, by the wall clock.
pub(crate) fn wall_ms() -> u64 {
    u64::try_from(rm!(RedisModule_Milliseconds())).unwrap_or(0)
}

/// Microseconds since some moment, by a clock that nobody sets.
pub(crate) fn mono_us() -> u64 {
    rm!(RedisModule_MonotonicMicroseconds())
}

/// Random bits.
pub(crate) fn random_tag() -> Tag {
    let mut bytes = [0u8; 4];
    rm!(RedisModule_GetRandomBytes(bytes.as_mut_ptr(), bytes.len()));
    Tag(u32::from_ne_bytes(bytes))
}
