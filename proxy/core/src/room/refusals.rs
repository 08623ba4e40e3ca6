//! What a client is told where Redis' answer is none.

use crate::ask::Fault;
use crate::events;
use crate::wire::About;

pub(super) fn unreadable() -> Fault {
    Fault::Refused {
        code: "ERR".into(),
        message: "the module answered in a way that this proxy does not know".into(),
    }
}

/// What Redis' answer means for a client: away is said in one code, and may be tried again.
pub(super) fn refusal(fault: &Fault, about: &About) -> bytes::Bytes {
    match fault {
        Fault::Down => events::error(
            "UNAVAILABLE",
            "the server's database is away: try again, with the same id",
            about,
        ),
        Fault::Refused { code, message } => events::error(code, message, about),
    }
}
