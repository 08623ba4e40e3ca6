//! A client of a cluster's nodes that goes where it is sent, as cluster clients do.

use crate::connection::Connection;
use crate::eventually::PATIENCE;
use crate::value::words;
use redis::{Cmd, RedisError, Value};
use std::time::Duration;

/// See the top of the file.
pub struct Follower {
    connections: Vec<(u16, Option<Connection>)>,
    at: usize,
    patience: Duration,
}

impl Follower {
    /// One that knows the nodes at these ports, and begins at the first.
    pub fn of(ports: impl IntoIterator<Item = u16>) -> Self {
        Self {
            connections: ports.into_iter().map(|port| (port, None)).collect(),
            at: 0,
            patience: PATIENCE,
        }
    }

    /// The same, that waits for an answer no longer than this.
    #[must_use]
    pub const fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Runs a command where the slot is. What is sent elsewhere was not executed, so that it may be sent again.
    ///
    /// # Errors
    /// What the server says, or that its connection failed: the next command is then sent to another node first.
    pub fn run(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        let (mut to, mut asking) = (self.at, false);
        for _ in 0..10_000 {
            let error = match self.ask(to, asking, command) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            asking = error.code() == Some("ASK");
            match error.code() {
                Some("ASK") => to = self.place(&error),
                Some("MOVED") => {
                    self.at = self.place(&error);
                    to = self.at;
                }
                Some("TRYAGAIN" | "CLUSTERDOWN") => {
                    to = self.at;
                    std::thread::sleep(Duration::from_millis(1));
                }
                _ if error.is_io_error() => {
                    self.connections[to].1 = None;
                    self.at = (to + 1) % self.connections.len();
                    return Err(error);
                }
                _ => return Err(error),
            }
        }
        panic!("sent here and there without an end");
    }

    fn ask(&mut self, to: usize, asking: bool, command: &Cmd) -> Result<Value, RedisError> {
        let (port, connection) = &mut self.connections[to];
        let connection = match connection {
            Some(connection) => connection,
            None => {
                let new = Connection::to(*port)?;
                new.set_patience(self.patience)?;
                connection.insert(new)
            }
        };
        if asking {
            words("ASKING").query::<()>(connection)?;
        }
        command.query(connection)
    }

    /// Which node an error names: `<slot> <host>:<port>`.
    fn place(&mut self, error: &RedisError) -> usize {
        let detail = error.detail().unwrap_or_default();
        let port = detail.rsplit(':').next().and_then(|port| port.parse().ok());
        let port: u16 = port.unwrap_or_else(|| panic!("no node: {error}"));
        let known = self.connections.iter().position(|known| known.0 == port);
        known.unwrap_or_else(|| {
            // One that came since.
            self.connections.push((port, None));
            self.connections.len() - 1
        })
    }
}
