//! Who this proxy is to Redis: its name, and an ID that tells it from another process of the same name.

use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, RedisResult, Value, cmd};
use room_core::uid::MAX_UID;
use std::time::Duration;
use tracing::warn;

/// Names that are tried until one is free: the second is random already.
const TRIES: usize = 3;

/// See the top of the file.
pub(super) struct Identity {
    given: String,
    name: Mutex<String>,
    /// 16 hex digits, for as long as this process lives.
    id: String,
}

impl Identity {
    pub(super) fn new(given: Option<&str>) -> Self {
        let random = || format!("proxy-{:016x}", rand::random::<u64>());
        let given = given.map_or_else(random, str::to_owned);
        Self {
            name: Mutex::new(given.clone()),
            given,
            id: format!("{:016x}", rand::random::<u64>()),
        }
    }

    /// Names the connection and renews the lease. Whether Redis wants to hear of the sessions again.
    ///
    /// `lacks_id` is a fact of the server on this connection, false for a new one: its module is older than the ID.
    /// If another process took the name, this one goes on under another: it keeps its sessions, and takes nobody's.
    pub(super) async fn hello(
        &self,
        commands: &mut MultiplexedConnection,
        lease: Duration,
        lacks_id: &mut bool,
    ) -> RedisResult<bool> {
        for _ in 0..TRIES {
            match self.ask(commands, lease, lacks_id).await? {
                Value::SimpleString(answer) if answer == "SUPERSEDED" => {
                    let name = self.take_another_name();
                    let given = &self.given;
                    warn!(
                        "another proxy has the --name '{given}': this one goes on as '{name}'; give each its own"
                    );
                    self.show(commands).await;
                }
                answer => return Ok(answer == Value::SimpleString("ANNOUNCE".into())),
            }
        }
        Ok(false)
    }

    async fn ask(
        &self,
        commands: &mut MultiplexedConnection,
        lease: Duration,
        lacks_id: &mut bool,
    ) -> RedisResult<Value> {
        let name = self.name.lock().clone();
        if !*lacks_id {
            let with_id = hello(&name, lease, Some(&self.id));
            match with_id.query_async(commands).await {
                Err(error) if is_unknown_option(&error) => *lacks_id = true,
                answer => return answer,
            }
        }
        hello(&name, lease, None).query_async(commands).await
    }

    fn take_another_name(&self) -> String {
        let suffix = format!("-{:08x}", rand::random::<u32>());
        let most = MAX_UID - suffix.len();
        let fits = |end: &usize| *end <= most && self.given.is_char_boundary(*end);
        let end = (0..=self.given.len()).rev().find(fits).unwrap_or(0);
        let name = format!("{}{suffix}", self.given.get(..end).unwrap_or_default());
        self.name.lock().clone_from(&name);
        name
    }

    /// Shows the name to people who look at CLIENT LIST; an ACL may forbid it.
    pub(super) async fn show(&self, commands: &mut MultiplexedConnection) {
        let mut name = cmd("CLIENT");
        name.arg("SETNAME").arg(&*self.name.lock());
        let _ = name.query_async::<Value>(commands).await;
    }
}

/// `ROOM.HELLO`; `id` tells this process from another one of the same name.
fn hello(proxy: &str, lease: Duration, id: Option<&str>) -> Cmd {
    let mut command = cmd("ROOM.HELLO");
    command
        .arg(proxy)
        .arg("LEASE")
        .arg(lease.as_millis() as u64);
    if let Some(id) = id {
        command.arg("ID").arg(id);
    }
    command
}

/// The module before the ID knew exactly four words.
fn is_unknown_option(error: &RedisError) -> bool {
    let said = error.detail().unwrap_or_default();
    error.code() == Some("ERR") && (said.contains("syntax") || said.contains("number of arguments"))
}
