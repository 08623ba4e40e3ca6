//! The floor of a fan-out: a server that does nothing but `send()` the same bytes to every socket, one after the other; with
//! a certificate, encrypted for each of them.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    port: u16,
    /// Speaks TLS
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    #[arg(long)]
    key: Option<PathBuf>,
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

fn tls_of(cert: &Path, key: &Path) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(cert).expect("a certificate");
    let chain = chain.collect::<Result<_, _>>().expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    let config = config.expect("versions of TLS").with_no_client_auth();
    Arc::new(config.with_single_cert(chain, key).expect("a pair"))
}

/// What whoever controls the server says first, instead of a handshake.
pub(crate) const CONTROL: &[u8] = b"CONTROL\r\n\r\n";

pub(crate) fn run(options: &Options) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).expect("a free port");
    let tls = options.cert.as_deref().zip(options.key.as_deref());
    let tls = tls.map(|(cert, key)| tls_of(cert, key));
    let mut sockets = Vec::new();
    for stream in listener.incoming() {
        let stream = stream.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let mut stream: Box<dyn Stream> = match &tls {
            Some(tls) => {
                let connection = ServerConnection::new(tls.clone()).expect("a connection");
                Box::new(StreamOwned::new(connection, stream))
            }
            None => Box::new(stream),
        };
        let mut said = Vec::new();
        while !said.ends_with(b"\r\n\r\n") {
            let mut some = [0; 1024];
            let many = stream.read(&mut some).expect("a request");
            said.extend_from_slice(&some[..many]);
        }
        if said.starts_with(CONTROL) {
            return serve(stream, &mut sockets);
        }
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x02hi";
        stream.write_all(answer).expect("an answer");
        sockets.push(stream);
    }
}

/// Each command is the size of a message and how many make a burst: four bytes each, big-endian.
fn serve(mut control: Box<dyn Stream>, sockets: &mut [Box<dyn Stream>]) {
    let mut command = [0; 8];
    while control.read_exact(&mut command).is_ok() {
        let number = |at: usize| {
            let bytes = [
                command[at],
                command[at + 1],
                command[at + 2],
                command[at + 3],
            ];
            u32::from_be_bytes(bytes) as usize
        };
        let frames = frame(number(0)).repeat(number(4));
        for socket in &mut *sockets {
            let _ = socket.write_all(&frames);
        }
    }
}

fn frame(size: usize) -> Vec<u8> {
    let mut frame = vec![0x81];
    if size < 126 {
        frame.push(size as u8);
    } else {
        frame.push(126);
        frame.extend_from_slice(&(size as u16).to_be_bytes());
    }
    frame.resize(frame.len() + size, b'x');
    frame
}
