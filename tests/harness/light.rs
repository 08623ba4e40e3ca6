//! A WebSocket client that costs next to nothing, for thousands of them in one program.
//!
//! It reads what servers send (unmasked frames) and answers pings; there is no check of anything else.

use bytes::{Buf, Bytes, BytesMut};
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Opcodes of frames (RFC 6455, section 5.2).
pub const TEXT: u8 = 1;
/// See [`TEXT`].
pub const PING: u8 = 9;
/// See [`TEXT`].
pub const PONG: u8 = 10;
const CLOSE: u8 = 8;

/// See the top of the file.
pub struct Light<S = TcpStream> {
    stream: S,
    buffer: BytesMut,
}

impl Light<TcpStream> {
    /// Connects and upgrades to WebSocket; `protocol` is the subprotocol, if one is wanted.
    pub async fn connect(to: SocketAddr, path: &str, protocol: Option<&str>) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Self::over(stream, to, path, protocol).await
    }

    /// A whole frame.
    pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(payload.len() + 14);
        frame.push(0x80 | opcode);
        match payload.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        // A mask of zeros leaves the payload as it is.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        frame
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Light<S> {
    /// Upgrades a connection to WebSocket.
    pub async fn over(
        mut stream: S,
        to: SocketAddr,
        path: &str,
        protocol: Option<&str>,
    ) -> io::Result<Self> {
        let protocol = protocol.map_or_else(String::new, |name| {
            format!("Sec-WebSocket-Protocol: {name}\r\n")
        });
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{protocol}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = BytesMut::new();
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        if !buffer.starts_with(b"HTTP/1.1 101") {
            let said = String::from_utf8_lossy(&buffer[..end]).into_owned();
            return Err(io::Error::other(said));
        }
        buffer.advance(end);
        Ok(Self { stream, buffer })
    }

    /// Sends one text.
    pub async fn send(&mut self, text: &str) -> io::Result<()> {
        self.send_frame(TEXT, text.as_bytes()).await
    }

    /// Sends one binary message.
    pub async fn send_binary(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send_frame(2, bytes).await
    }

    async fn send_frame(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        self.stream.write_all(&Light::frame(opcode, payload)).await
    }

    /// The connection without what was read of it.
    pub fn into_stream(self) -> S {
        self.stream
    }

    /// The next message. An error at the end of the connection.
    pub async fn next(&mut self) -> io::Result<Bytes> {
        loop {
            let Some((opcode, payload)) = self.take() else {
                // Little memory for those who wait.
                self.buffer.reserve(1024);
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                continue;
            };
            match opcode {
                PING => self.send_frame(PONG, &payload).await?,
                PONG => {}
                CLOSE => return Err(io::ErrorKind::ConnectionAborted.into()),
                _ => return Ok(payload),
            }
        }
    }

    /// Whether a whole message is there already.
    pub fn has_more(&self) -> bool {
        self.measure().is_some()
    }

    /// Reads at most so many bytes from the network, however many wait.
    pub async fn read_some(&mut self, most: usize) -> io::Result<()> {
        let mut some = vec![0; most];
        let many = self.stream.read(&mut some).await?;
        if many == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend_from_slice(&some[..many]);
        Ok(())
    }

    /// Takes a message that is there already.
    pub fn take(&mut self) -> Option<(u8, Bytes)> {
        let (header, len) = self.measure()?;
        let opcode = self.buffer[0] & 0x0f;
        self.buffer.advance(header);
        Some((opcode, self.buffer.split_to(len).freeze()))
    }

    /// Bytes of the first frame's header and payload, if it is there as a whole.
    fn measure(&self) -> Option<(usize, usize)> {
        let bytes = &self.buffer[..];
        let (header, len) = match *bytes.get(1)? & 0x7f {
            126 => (
                4,
                usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
            ),
            127 => (
                10,
                u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize,
            ),
            len => (2, usize::from(len)),
        };
        (bytes.len() >= header + len).then_some((header, len))
    }
}
