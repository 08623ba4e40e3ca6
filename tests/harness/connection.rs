//! A connection to a server that waits for each answer, but not for ever.
//!
//! The redis crate's own one does as well, by a time-out of its socket. But a read with a time-out ends early (`EINTR`, see
//! signal(7)) whenever the machine has slept or the test was stopped for a moment, and that crate takes it for an end.

use crate::eventually::PATIENCE;
use redis::{Cmd, ConnectionLike, Parser, RedisError, RedisResult, Value, cmd};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// See the top of the file.
pub struct Connection {
    stream: TcpStream,
    /// Holds what came beyond the last answer.
    parser: Parser,
    is_open: bool,
}

impl Connection {
    /// One to a port on loopback.
    ///
    /// # Errors
    /// If nobody listens there.
    pub fn to(port: u16) -> RedisResult<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let connection = Self {
            stream,
            parser: Parser::new(),
            is_open: true,
        };
        connection.set_patience(PATIENCE)?;
        Ok(connection)
    }

    /// One that speaks RESP3.
    ///
    /// # Errors
    /// If nobody listens there, or the server does not speak it.
    pub fn resp3_to(port: u16) -> RedisResult<Self> {
        let mut connection = Self::to(port)?;
        cmd("HELLO").arg(3).query::<Value>(&mut connection)?;
        Ok(connection)
    }

    /// How long it waits for an answer.
    ///
    /// # Errors
    /// If it is zero.
    pub fn set_patience(&self, patience: Duration) -> RedisResult<()> {
        Ok(self.stream.set_read_timeout(Some(patience))?)
    }

    /// Sends a command whose answer is read later.
    ///
    /// # Errors
    /// If the connection has ended.
    pub fn send(&mut self, command: &Cmd) -> RedisResult<()> {
        self.write(&command.get_packed_command())
    }

    /// The next answer, or what comes unasked to those who subscribed. An error of the server is a value.
    ///
    /// # Errors
    /// If nothing comes in time, or the connection has ended.
    pub fn recv(&mut self) -> RedisResult<Value> {
        let read = self.parser.parse_value(Patient(&self.stream));
        self.is_open &= read.is_ok();
        read
    }

    fn write(&mut self, bytes: &[u8]) -> RedisResult<()> {
        let written = self.stream.write_all(bytes);
        self.is_open &= written.is_ok();
        Ok(written?)
    }

    fn answer(&mut self) -> RedisResult<Value> {
        loop {
            match self.recv()? {
                Value::Push { .. } => {}
                answer => return Ok(answer),
            }
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        self.write(command)?;
        self.answer()
    }

    /// In a transaction the first `offset` answers only say that a command waits for EXEC.
    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        self.write(commands)?;
        let mut refused: Option<RedisError> = None;
        for _ in 0..offset {
            let error = self.answer()?.extract_error().err();
            refused = refused.or(error);
        }
        let answers = (0..count)
            .map(|_| self.answer())
            .collect::<RedisResult<_>>()?;
        refused.map_or(Ok(answers), Err)
    }

    fn get_db(&self) -> i64 {
        0
    }

    fn check_connection(&mut self) -> bool {
        cmd("PING").query::<String>(self).is_ok()
    }

    fn is_open(&self) -> bool {
        self.is_open
    }
}

/// Reads on after an interruption.
struct Patient<'a>(&'a TcpStream);

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}
