//! Asking Redis for a request.

use super::Api;
use super::problem::Problem;
use crate::calls::Miss;
use bytes::Bytes;
use hub_core::ask::{Answer, Ask, Call};
use serde_json::Value;
use tokio::time::Instant;

impl Api {
    /// The key of a room.
    pub(super) fn key(&self, roomid: &str) -> String {
        [&self.key_prefix, roomid].concat()
    }

    /// By when a request that begins to ask now is done.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    pub(super) async fn ask(&self, key: &str, ask: Ask, until: Instant) -> Result<Answer, Problem> {
        let answer = self.calls.ask(key, ask, until).await;
        if answer == Err(Miss::Unknown) {
            self.figures.unknown.inc();
        }
        answer.map_err(Problem::from)
    }

    /// Runs a command on a key.
    pub(super) async fn call(
        &self,
        key: &str,
        command: &'static str,
        words: Vec<Bytes>,
        until: Instant,
    ) -> Result<Value, Problem> {
        let ask = Ask::Call(Call { command, words });
        match self.ask(key, ask, until).await? {
            Answer::Called(value) => Ok(value),
            _ => Err(unreadable()),
        }
    }
}

/// The answer is none of those that there are.
pub(super) fn unreadable() -> Problem {
    let what = "the module answered in a way that this proxy does not know";
    Problem::new("ERR", what)
}

/// An item of an array.
pub(super) fn item(list: &Value, at: usize) -> Value {
    list.get(at).cloned().unwrap_or_default()
}
