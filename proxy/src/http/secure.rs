//! TLS at the door: the handshake, and a sentence for whoever speaks plain HTTP there.

use rustls::ServerConfig;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What each record of a handshake begins with (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;
/// Encrypted bytes that may wait for a socket while it speaks HTTP.
const BUFFER: usize = 32 * 1024;
/// Bytes of somebody else's request that are read before the end.
const MOST: u64 = 64 * 1024;

const PLAIN: &str = "this port speaks TLS: use https:// or wss://\n";

/// Shakes hands. Whoever begins with something else than TLS is told so.
///
/// # Errors
/// With what went wrong; the connection is over.
pub(super) async fn shake_hands(
    config: Arc<ServerConfig>,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if first != [HANDSHAKE] {
        tell_plain(stream).await?;
        return Err(io::Error::other("it does not begin with TLS"));
    }
    let acceptor = TlsAcceptor::from(config);
    acceptor
        .accept_with(stream, |session| session.set_buffer_limit(Some(BUFFER)))
        .await
}

/// Answers a plain request, and lets the client read that: with its request unread, the end would be a reset.
async fn tell_plain(mut stream: TcpStream) -> io::Result<()> {
    let length = PLAIN.len();
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{PLAIN}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(MOST);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}
