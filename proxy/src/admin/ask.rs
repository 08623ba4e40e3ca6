//! Asking Redis for the page, by the links that everything goes over: commands that look, and no others.

use crate::calls::Miss;
use crate::clerk::Calls;
use crate::config::Config;
use bytes::Bytes;
use hub_core::ask::{Answer, Ask, Call, Fault, Generation};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// See the top of the file.
#[derive(Clone)]
pub(super) struct Asking {
    calls: Calls,
    key_prefix: String,
    timeout: Duration,
}

impl Asking {
    pub(super) fn new(calls: Calls, config: &Config) -> Self {
        Self {
            calls,
            key_prefix: config.redis.key_prefix.clone(),
            timeout: config.redis.redis_timeout,
        }
    }

    /// What a room's key begins with.
    pub(super) fn key_prefix(&self) -> &str {
        &self.key_prefix
    }

    /// Which pairs of connections there are: one to each server.
    pub(super) async fn pairs(&self) -> Vec<Generation> {
        self.calls.pairs(Instant::now() + self.timeout).await
    }

    /// Runs a command about a room.
    ///
    /// # Errors
    /// Redis' code and sentence, or ours.
    pub(super) async fn room(
        &self,
        roomid: &str,
        command: &'static str,
        words: &[&str],
    ) -> Result<Value, (String, String)> {
        self.key(&[&self.key_prefix, roomid].concat(), command, words)
            .await
    }

    /// Runs a command about a key.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn key(
        &self,
        key: &str,
        command: &'static str,
        words: &[&str],
    ) -> Result<Value, (String, String)> {
        let until = Instant::now() + self.timeout;
        value(self.calls.ask(key, call(command, words), until).await)
    }

    /// Runs a command about a server, on this pair.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn server(
        &self,
        pair: Generation,
        command: &'static str,
        words: &[&str],
    ) -> Result<Value, (String, String)> {
        let until = Instant::now() + self.timeout;
        let asked = self.calls.ask_one(pair, call(command, words), until);
        value(asked.await)
    }
}

fn call(command: &'static str, words: &[&str]) -> Ask {
    let words = words.iter();
    let words = words.map(|word| Bytes::copy_from_slice(word.as_bytes()));
    Ask::Call(Call {
        command,
        words: words.collect(),
    })
}

fn value(answer: Result<Answer, Miss>) -> Result<Value, (String, String)> {
    let away = |what: &str| Err(("UNAVAILABLE".to_owned(), what.to_owned()));
    match answer {
        Ok(Answer::Called(value)) => Ok(value),
        Ok(_) => Err((
            "ERR".to_owned(),
            "an answer that is not understood".to_owned(),
        )),
        Err(Miss::Refused(Fault::Refused { code, message })) => Err((code, message)),
        Err(Miss::Away | Miss::Refused(_)) => away("Redis is away"),
        Err(Miss::Unknown) => away("Redis did not answer"),
    }
}
