//! Defects on request, which show that the tests would notice them. Only in builds with the feature `broken`.

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Broken {
    /// Messages count as confirmed when they were sent.
    AckEarly,
    /// Live frames are taken whether they follow or not, and nobody looks for what was missed.
    NoGapCheck,
}

impl From<Broken> for hub_core::settings::Broken {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::AckEarly => Self::AckEarly,
            Broken::NoGapCheck => Self::NoGapCheck,
        }
    }
}
