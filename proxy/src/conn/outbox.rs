//! The writing half of a connection: try at once, queue what the socket does not take, within a limit.
//!
//! Everything that goes to a socket goes through here as whole frames, so that a broadcast, a pong of the WebSocket
//! library and a close frame never cut into one another.

use bytes::Bytes;
use rustix::net::SendFlags;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use tokio::net::TcpStream;

/// Slices that one system call takes.
const GATHER: usize = 64;

/// `send()` straight to the kernel. The C library makes it a point of cancellation, and tokio looks up whether it would
/// block first; together that costs more than the rest of a delivery. If it does block, `drain` asks tokio as usual.
#[inline]
fn try_send(stream: &TcpStream, bytes: &[u8], more: bool) -> io::Result<usize> {
    let mut flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    flags.set(SendFlags::MORE, more);
    Ok(rustix::net::send(stream, bytes, flags)?)
}

/// Bytes that wait for a socket, shared with whoever else they wait for.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Bytes>,
    bytes: usize,
}

impl Outbox {
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes what the socket takes now and queues the rest. True if something waits. With `more` the kernel may wait
    /// (200 ms at most) for what follows, and send it along.
    #[inline]
    pub(super) fn push(
        &mut self,
        stream: &TcpStream,
        frames: &Bytes,
        more: bool,
    ) -> io::Result<bool> {
        if !self.queue.is_empty() {
            self.keep(frames.clone());
            return Ok(true);
        }
        match try_send(stream, frames, more) {
            Ok(done) if done == frames.len() => Ok(false),
            Ok(done) => {
                self.keep(frames.slice(done..));
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.keep(frames.clone());
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    fn keep(&mut self, frames: Bytes) {
        self.bytes += frames.len();
        self.queue.push_back(frames);
    }

    /// Writes queued bytes until the socket takes no more. True if something still waits.
    pub(super) fn drain(&mut self, stream: &TcpStream) -> io::Result<bool> {
        while !self.queue.is_empty() {
            let slices: Vec<IoSlice<'_>> = self
                .queue
                .iter()
                .take(GATHER)
                .map(|bytes| IoSlice::new(bytes))
                .collect();
            match stream.try_write_vectored(&slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(done) => self.done(done),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        // A queue that was long once keeps its memory otherwise.
        self.queue = VecDeque::new();
        Ok(false)
    }

    fn done(&mut self, mut done: usize) {
        self.bytes -= done;
        while let Some(front) = self.queue.front_mut() {
            if front.len() > done {
                let _ = front.split_to(done);
                return;
            }
            done -= front.len();
            self.queue.pop_front();
        }
    }
}
