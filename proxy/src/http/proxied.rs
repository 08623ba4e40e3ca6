//! The PROXY protocol, versions 1 and 2: a line before everything else in which a trusted proxy says for whom it connects.

use proxy_header::{Error, ParseConfig, ProxyHeader};
use std::io;
use std::net::IpAddr;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Bytes that the line and its additions may have.
const MOST: usize = 2048;

/// Reads the line, and nothing behind it. `None`: the proxy speaks for itself, to see whether we live.
pub(super) async fn source(stream: &mut TcpStream) -> io::Result<Option<IpAddr>> {
    let mut held = Vec::new();
    let mut more = [0; 256];
    loop {
        let seen = stream.peek(&mut more).await?;
        if seen == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let before = held.len();
        held.extend_from_slice(more.get(..seen).unwrap_or_default());
        let (source, take) = match ProxyHeader::parse(&held, ParseConfig::default()) {
            Ok((header, len)) => {
                let address = header.proxied_address();
                (
                    Some(address.map(|address| address.source.ip())),
                    len - before,
                )
            }
            // All of it belongs to the line.
            Err(Error::BufferTooShort) if held.len() < MOST => (None, seen),
            Err(_) => {
                let said = "it does not begin with a line of the PROXY protocol";
                return Err(io::Error::new(io::ErrorKind::InvalidData, said));
            }
        };
        if let Some(taken) = more.get_mut(..take) {
            stream.read_exact(taken).await?;
        }
        if let Some(source) = source {
            return Ok(source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_header::ProxiedAddress;
    use std::io::Write;
    use std::time::Duration;
    use tokio::net::TcpListener;

    /// What comes of these pieces, and what is left behind the line.
    async fn read(pieces: Vec<Vec<u8>>) -> (Result<Option<IpAddr>, io::ErrorKind>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_nodelay(true).unwrap();
        let writing = std::thread::spawn(move || {
            for piece in pieces {
                client.write_all(&piece).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let mut stream = listener.accept().await.unwrap().0;
        let source = source(&mut stream).await.map_err(|error| error.kind());
        writing.join().unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        (source, rest)
    }

    fn v2() -> Vec<u8> {
        let from = "[2a00::1]:5".parse().unwrap();
        let mut bytes = Vec::new();
        let address = ProxiedAddress::stream(from, "[2a00::2]:80".parse().unwrap());
        ProxyHeader::with_address(address)
            .encode_v2(&mut bytes)
            .unwrap();
        bytes
    }

    #[tokio::test]
    async fn both_versions_whole_and_in_pieces() {
        let v1 = b"PROXY TCP4 9.9.9.9 10.0.0.1 5 80\r\n".to_vec();
        for (line, address) in [(v1, "9.9.9.9"), (v2(), "2a00::1")] {
            let expected = (Ok(Some(address.parse().unwrap())), b"GET /".to_vec());
            let whole = [line.as_slice(), b"GET /"].concat();
            assert_eq!(read(vec![whole.clone()]).await, expected);
            let pieces = whole.chunks(7).map(<[u8]>::to_vec).collect();
            assert_eq!(read(pieces).await, expected);
        }
    }

    #[tokio::test]
    async fn a_proxy_that_speaks_for_itself() {
        let local = [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[0x20, 0, 0, 0]].concat();
        for line in [b"PROXY UNKNOWN\r\n".to_vec(), local] {
            assert_eq!(read(vec![line]).await, (Ok(None), Vec::new()));
        }
    }

    #[tokio::test]
    async fn what_is_no_such_line() {
        let endless = [b"PROXY TCP4 ".as_slice(), &[b'1'; 4000]].concat();
        let invalid = io::ErrorKind::InvalidData;
        for bytes in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), endless] {
            assert_eq!(read(vec![bytes]).await.0, Err(invalid));
        }
        let cut = read(vec![b"PROXY TCP4 9.9".to_vec()]).await.0;
        assert_eq!(cut, Err(io::ErrorKind::UnexpectedEof));
    }
}
