//! A connection's session of TLS, between its outbox and its socket.
//!
//! What waits for a slow socket waits in plain, as frames that all connections share: of what is encrypted, one record at
//! most is kept.

use rustls::ServerConnection;
use std::io::{self, ErrorKind, Read, Write};
use tokio::net::TcpStream;

/// Plain bytes of the largest record (RFC 8446, section 5.1).
const RECORD: usize = 16 * 1024;
/// What a record has beside them at least: five bytes before them, one behind them and sixteen of a seal (section 5.2).
const AROUND: usize = 5 + 1 + 16;
/// What may have come of a record that is not whole yet.
const UNFINISHED: usize = RECORD + 256 + 5;

/// A socket that was taken over from HTTP, with its session if it has one.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    pub(crate) tls: Option<Tls>,
}

impl Wire {
    pub(crate) const fn plain(stream: TcpStream) -> Self {
        Self { stream, tls: None }
    }

    pub(crate) fn secure(stream: TcpStream, session: ServerConnection) -> Self {
        let tls = Tls {
            session: Box::new(session),
            left: Vec::new(),
            around: 0,
        };
        Self {
            stream,
            tls: Some(tls),
        }
    }
}

/// See the top of the file.
pub(crate) struct Tls {
    session: Box<ServerConnection>,
    /// Encrypted, and not taken by the socket yet.
    left: Vec<u8>,
    /// Bytes that came around the plain ones, as far as they are not counted as records yet.
    around: usize,
}

impl Tls {
    /// Encrypted bytes that wait for the socket.
    pub(super) const fn left(&self) -> usize {
        self.left.len()
    }

    /// Sends what `to` takes: how many of the plain bytes are done with.
    pub(super) fn send(
        &mut self,
        plain: &[u8],
        to: &mut impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut done = 0;
        while done < plain.len() && self.flush(to)? {
            let rest = plain.get(done..).unwrap_or_default();
            let record = rest.get(..RECORD).unwrap_or(rest);
            match self.session.writer().write(record)? {
                0 => return Err(ErrorKind::WriteZero.into()),
                some => done += some,
            }
            self.pass(to)?;
        }
        Ok(done)
    }

    /// Sends what is encrypted already. Whether that was all.
    pub(super) fn flush(
        &mut self,
        to: &mut impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<bool> {
        while !self.left.is_empty() {
            match to(&self.left) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(some) => drop(self.left.drain(..some)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        if self.left.capacity() > 0 {
            self.left = Vec::new();
        }
        Ok(true)
    }

    /// Hands on what the session has encrypted.
    fn pass(&mut self, to: &mut impl FnMut(&[u8]) -> io::Result<usize>) -> io::Result<()> {
        while self.session.wants_write() {
            let left = &mut self.left;
            self.session.write_tls(&mut Sink { left, to })?;
        }
        Ok(())
    }

    /// Reads what came, in plain. `None`: nothing yet, though the socket may have more. 0 bytes: the end.
    pub(super) fn receive(
        &mut self,
        stream: &TcpStream,
        buf: &mut [u8],
    ) -> io::Result<Option<usize>> {
        if let Some(len) = self.take(buf)? {
            return Ok(Some(len));
        }
        let came = match self.session.read_tls(&mut Source(stream)) {
            Ok(came) => came,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        let processed = self.session.process_new_packets();
        // It may want to answer: a new key, or what is wrong.
        self.pass(&mut |bytes| stream.try_write(bytes))?;
        let plain = processed.map_err(io::Error::other)?;
        self.around += came;
        self.around = self.around.saturating_sub(plain.plaintext_bytes_to_read());
        self.take(buf)
    }

    /// Records that came since it was last asked, beside what they hold: each is opened by itself, however little is in it.
    /// About as many as there were, and not more.
    pub(super) const fn records(&mut self) -> u64 {
        let records = self.around.saturating_sub(UNFINISHED) / AROUND;
        self.around -= records * AROUND;
        records as u64
    }

    fn take(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        match self.session.reader().read(buf) {
            Ok(len) => Ok(Some(len)),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => Ok(None),
                // The farewell of TLS is missing. That of WebSocket tells whether something else is.
                ErrorKind::UnexpectedEof => Ok(Some(0)),
                _ => Err(error),
            },
        }
    }

    /// Says that nothing follows, if the socket takes it.
    pub(super) fn farewell(&mut self, to: &mut impl FnMut(&[u8]) -> io::Result<usize>) {
        if self.left.is_empty() {
            self.session.send_close_notify();
            let _ = self.pass(to);
        }
    }
}

/// Takes all that is encrypted: to the socket, and what that does not take is left.
struct Sink<'a, W> {
    left: &'a mut Vec<u8>,
    to: &'a mut W,
}

impl<W: FnMut(&[u8]) -> io::Result<usize>> Write for Sink<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = if self.left.is_empty() {
            match (self.to)(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                done => done?,
            }
        } else {
            0
        };
        self.left.extend(bytes.get(done..).unwrap_or_default());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Source<'a>(&'a TcpStream);

impl Read for Source<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }
}
