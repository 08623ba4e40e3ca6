//! The socket as the WebSocket library sees it: it reads from the connection, and what it writes (pongs, close frames)
//! takes its place in the outbox behind whole broadcast frames. What it reads is counted here, where nothing that came can be
//! left out.

use super::seam::Seam;
use super::shared::Conn;
use bytes::Bytes;
use hub_core::budget::purse::Purse;
use hub_core::budget::work;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bits of a frame's first byte that say what it is, and what a goodbye is (RFC 6455, section 5.2).
const OPCODE: u8 = 0x0f;
const CLOSE: u8 = 8;

/// See the top of the file.
pub(super) struct Socket {
    conn: Arc<Conn>,
    seam: Seam,
    /// Above its budget nothing is read.
    pub(super) purse: Purse,
}

impl Socket {
    /// Of a connection from which `early` came already.
    pub(super) fn new(conn: Arc<Conn>, purse: Purse, early: &[u8]) -> Self {
        let mut socket = Self {
            conn,
            seam: Seam::default(),
            purse,
        };
        socket.came(early);
        socket
    }

    fn came(&mut self, bytes: &[u8]) {
        let was_within = self.seam.is_within();
        let (finished, frames) = self.seam.take(bytes);
        self.purse.frames(frames);
        self.purse.spend(work::read(frames, bytes.len() as u64));
        // Most often whole messages come, which change nothing.
        if was_within || self.seam.is_within() {
            self.conn.came(self.seam.is_within(), finished);
        }
    }

    fn filled(&mut self, buf: &mut ReadBuf<'_>, len: usize) {
        buf.advance(len);
        let before = buf.filled().len() - len;
        self.came(buf.filled().get(before..).unwrap_or_default());
    }

    fn poll_read_secure(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // What is decrypted already shows at no socket.
        loop {
            let (came, records) = self.conn.receive(buf.initialize_unfilled())?;
            self.purse.spend(records * work::RECORD);
            if let Some(len) = came {
                self.filled(buf, len);
                return Poll::Ready(Ok(()));
            }
            ready!(self.conn.stream().poll_read_ready(cx))?;
            // What came may have nothing in it.
            self.purse.spend(work::FRAME);
            if self.purse.is_due() {
                self.conn.news.notify_one();
                return Poll::Pending;
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.purse.is_due() {
            // Its task asks the account, and reads on when it may.
            self.conn.news.notify_one();
            return Poll::Pending;
        }
        if self.conn.is_secure {
            return self.poll_read_secure(cx, buf);
        }
        loop {
            ready!(self.conn.stream().poll_read_ready(cx))?;
            match self.conn.stream().try_read(buf.initialize_unfilled()) {
                Ok(len) => {
                    self.filled(buf, len);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    /// The library hands over whole frames at once (its own write buffer is flushed with each), so nothing is cut.
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let frame = Bytes::copy_from_slice(buf);
        match buf.first() {
            Some(first) if first & OPCODE == CLOSE => self.conn.say_last(&frame),
            _ => self.conn.say(&frame),
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
