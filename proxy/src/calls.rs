//! What is asked of Redis for backends: a question, and why it may have no answer.

use hub_core::ask::{Answer, Ask, Fault, Generation};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// Redis says no, or nobody does it for now: it was not done.
    Refused(Fault),
    /// Redis is away: it was not asked.
    Away,
    /// Redis went before it answered, or took too long: it may have been done.
    Unknown,
}

/// Where the answer is waited for.
pub(crate) type Reply = oneshot::Sender<Result<Answer, Miss>>;

/// A question, and who waits for its answer.
pub(crate) struct Called {
    pub(crate) key: Arc<str>,
    /// The pair that is asked, where that is not the one of the key.
    pub(crate) at: Option<Generation>,
    pub(crate) ask: Ask,
    pub(crate) reply: Reply,
}
