//! Defects on request, which show that the tests would notice them. Only in builds with the feature `broken`.

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Broken {
    /// Messages count as confirmed when they were sent.
    AckEarly,
    /// Live frames are taken whether they follow or not, and nobody looks for what was missed.
    NoGapCheck,
    /// A login to the room `panic-connection`, `panic-room` or `panic-link` panics there.
    Panics,
}

impl Broken {
    /// The core's own defect, if it is one.
    pub fn of_core(self) -> Option<hub_core::settings::Broken> {
        match self {
            Self::AckEarly => Some(hub_core::settings::Broken::AckEarly),
            Self::NoGapCheck => Some(hub_core::settings::Broken::NoGapCheck),
            Self::Panics => None,
        }
    }
}

/// Fails if `panics`, for a room that is named after this place.
#[cfg(feature = "broken")]
pub(crate) fn panic_at(place: &str, panics: bool, roomid: &str) {
    let named = roomid.strip_prefix("panic-");
    assert!(!panics || named != Some(place), "a defect on request");
}

/// Nothing, but in builds for tests of the tests.
#[cfg(not(feature = "broken"))]
pub(crate) const fn panic_at(_: &str, _: bool, _: &str) {}
