//! Why a room is to go from where it is.

/// See the top of the file. By default it stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stray {
    /// Its pair is gone, and it does not know yet.
    pub(crate) down: bool,
    /// Its slot is on another server now.
    pub(crate) routed: bool,
    /// The server ended its subscription: it begins once more where it is.
    pub(crate) unsubscribed: bool,
}

impl Stray {
    pub(crate) const fn goes(self) -> bool {
        self.down || self.routed || self.unsubscribed
    }
}
