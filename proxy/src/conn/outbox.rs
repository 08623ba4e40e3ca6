//! The writing half of a connection: try at once, queue what the socket does not take, within a limit.
//!
//! Everything that goes to a socket goes through here as whole frames, so that a broadcast, a pong of the WebSocket
//! library and a close frame never cut into one another.

use super::tls::Tls;
use bytes::Bytes;
use rustix::net::SendFlags;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use tokio::net::TcpStream;

/// Slices that one system call takes.
const GATHER: usize = 64;

/// Bytes of small frames that are encrypted together.
const TOGETHER: usize = 16 * 1024;

/// `send()` straight to the kernel. The C library makes it a point of cancellation, and tokio looks up whether it would
/// block first; together that costs more than the rest of a delivery. If it does block, `drain` asks tokio as usual.
#[inline]
fn try_send(stream: &TcpStream, bytes: &[u8], more: bool) -> io::Result<usize> {
    let mut flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    flags.set(SendFlags::MORE, more);
    Ok(rustix::net::send(stream, bytes, flags)?)
}

/// Bytes that wait for a socket, shared with whoever else they wait for.
#[derive(Default)]
pub(super) struct Outbox {
    queue: VecDeque<Bytes>,
    bytes: usize,
    /// What encrypts them, if that is wanted.
    tls: Option<Tls>,
}

impl Outbox {
    pub(super) fn new(tls: Option<Tls>) -> Self {
        Self {
            tls,
            ..Self::default()
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.tls.as_ref().map_or(0, Tls::left)
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
        let sent = match &mut self.tls {
            None => try_send(stream, frames, more),
            Some(tls) => {
                let done = tls.send(frames, &mut |bytes| try_send(stream, bytes, more))?;
                if done == frames.len() {
                    return Ok(tls.left() > 0);
                }
                Ok(done)
            }
        };
        match sent {
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
        if self.tls.is_some() {
            return self.drain_encrypted(stream);
        }
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

    fn drain_encrypted(&mut self, stream: &TcpStream) -> io::Result<bool> {
        let mut write = |bytes: &[u8]| stream.try_write(bytes);
        while let Some(tls) = &mut self.tls
            && tls.flush(&mut write)?
        {
            if self.queue.is_empty() {
                self.queue = VecDeque::new();
                return Ok(false);
            }
            // Many small frames are one record.
            let all = self.queue.iter().flat_map(|bytes| bytes.iter().copied());
            let plain: Vec<u8> = all.take(TOGETHER).collect();
            let done = tls.send(&plain, &mut write)?;
            self.done(done);
        }
        Ok(true)
    }

    /// Reads what came in plain, where it came encrypted; see [`Tls::receive`].
    pub(super) fn receive(
        &mut self,
        stream: &TcpStream,
        buf: &mut [u8],
    ) -> io::Result<Option<usize>> {
        match &mut self.tls {
            Some(tls) => tls.receive(stream, buf),
            // It is over.
            None => Ok(Some(0)),
        }
    }

    /// Says that nothing follows, where there is a word for it and all else is written.
    pub(super) fn farewell(&mut self, stream: &TcpStream) {
        if let Some(tls) = &mut self.tls
            && self.queue.is_empty()
        {
            tls.farewell(&mut |bytes| try_send(stream, bytes, false));
        }
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
