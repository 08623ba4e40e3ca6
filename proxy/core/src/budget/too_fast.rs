//! An event that is refused because more like it came than may, and may be sent again later.

use crate::ask::Fault;
use std::fmt;

/// See the top of the file; `Display` gives the sentence that its client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFast {
    /// Whose limit it is: "this address".
    pub whose: &'static str,
    /// How much of what that may have, after the number: "new memberships an hour".
    pub what: &'static str,
    /// The number.
    pub most: u64,
    /// The option that says so.
    pub option: &'static str,
    /// When to try again (ms).
    pub after: u64,
}

impl TooFast {
    /// [`what`](Self::what), of what is published.
    pub const BYTES: &'static str = "bytes of messages and events a second";
    /// The code of the error.
    pub const CODE: &'static str = "TOOFAST";

    /// As if Redis had refused it.
    pub(crate) fn fault(&self) -> Fault {
        Fault::Refused {
            code: Self::CODE.to_owned(),
            message: self.to_string(),
        }
    }
}

impl fmt::Display for TooFast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            whose,
            what,
            most,
            option,
            after,
        } = self;
        let seconds = after.div_ceil(1000).max(1);
        write!(
            f,
            "{whose} may have {most} {what} ({option}), and this was one too many: try again in {seconds} s"
        )
    }
}
