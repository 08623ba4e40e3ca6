//! Why a room is to go from where it is: there are tens of thousands of rooms, and each notes it in one byte.

/// See the top of the file. By default it stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stray(u8);

impl Stray {
    /// Its pair is gone, and it does not know yet.
    pub(crate) const DOWN: Self = Self(1);
    /// Its slot is on another server now.
    pub(crate) const ROUTED: Self = Self(2);
    /// The server ended its subscription: it begins once more where it is.
    pub(crate) const UNSUBSCRIBED: Self = Self(4);

    pub(crate) const fn goes(self) -> bool {
        self.0 != 0
    }

    /// Whether this is a reason.
    pub(crate) const fn is(self, why: Self) -> bool {
        self.0 & why.0 != 0
    }

    /// One more reason.
    pub(crate) const fn add(&mut self, why: Self) {
        self.0 |= why.0;
    }

    /// One is none any more.
    pub(crate) const fn take(&mut self, why: Self) {
        self.0 &= !why.0;
    }
}
