//! The writing half of a connection: try at once, queue what the socket does not take, within a limit.
//!
//! Everything that goes to a socket goes through here as whole frames, so that a broadcast, a pong of the WebSocket
//! library and a close frame never cut into one another.

use super::tls::Tls;
use bytes::Bytes;
use rustix::net::SendFlags;
use std::borrow::Cow;
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
            let done = tls.send(&together(&self.queue), &mut write)?;
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

    /// Records that came; see [`Tls::records`].
    pub(super) fn records(&mut self) -> u64 {
        self.tls.as_mut().map_or(0, Tls::records)
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

/// What is encrypted next: small frames together are one record, and a large one is not copied.
fn together(queue: &VecDeque<Bytes>) -> Cow<'_, [u8]> {
    let first = queue.front().map_or(&[][..], |first| first);
    if queue.len() < 2 || first.len() >= TOGETHER {
        return Cow::Borrowed(first);
    }
    let mut all = Vec::with_capacity(TOGETHER);
    for frames in queue {
        let place = TOGETHER - all.len();
        all.extend_from_slice(frames.get(..place).unwrap_or(frames));
        if all.len() == TOGETHER {
            break;
        }
    }
    Cow::Owned(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_frames_are_one_record_and_a_large_one_is_not_copied() {
        let of = |sizes: &[usize]| -> VecDeque<Bytes> {
            let frames = sizes.iter().zip(0..);
            let frames = frames.map(|(size, i)| Bytes::from(vec![i; *size]));
            frames.collect()
        };
        let all = |queue: &VecDeque<Bytes>| queue.iter().flatten().copied().collect::<Vec<u8>>();
        for (sizes, taken) in [
            (&[][..], 0),
            (&[10], 10),
            (&[10, 20, 30], 60),
            (&[10, 20_000, 5], TOGETHER),
            (&[TOGETHER - 1, 1, 1], TOGETHER),
            (&[20_000, 10], 20_000),
            (&[TOGETHER, 10], TOGETHER),
        ] {
            let queue = of(sizes);
            let found = together(&queue);
            assert_eq!(*found, all(&queue)[..taken], "{sizes:?}");
            let copied = matches!(found, Cow::Owned(_));
            assert_eq!(copied, sizes.len() > 1 && sizes[0] < TOGETHER, "{sizes:?}");
        }
    }
}
