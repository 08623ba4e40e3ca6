//! Clients that do what no honest one does, as fast as they can, until this value is dropped.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A ping without a payload, masked as a client has to.
pub const PING: &[u8] = b"\x89\x80\0\0\0\0";
/// The first fragment of a text, and one that adds nothing to it.
pub const FRAGMENT: &[u8] = b"\x01\x80\0\0\0\0";
/// See [`FRAGMENT`].
pub const NOTHING_MORE: &[u8] = b"\x00\x80\0\0\0\0";

/// A text in one frame.
pub fn text(text: &str) -> Vec<u8> {
    let len = text.len();
    let mut frame = vec![0x81];
    match len {
        0..=125 => frame.push(0x80 | len as u8),
        _ => {
            frame.push(0xfe);
            frame.extend((len as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// What each of them sends: first, and then again and again; after so many times it connects anew.
#[derive(Clone, Debug)]
pub struct Script {
    /// First, on each connection.
    pub first: Vec<u8>,
    /// Again and again.
    pub again: Vec<u8>,
    /// How often before the connection is dropped.
    pub times: usize,
}

/// See the top of the file.
pub struct Attack {
    stop: Arc<AtomicBool>,
    connections: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Attack {
    /// So many of them; each has a number that its script may depend on.
    pub fn begin(port: u16, how_many: usize, script: impl Fn(usize) -> Script) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(AtomicU64::new(0));
        let threads = (0..how_many)
            .map(|i| {
                let (stop, connections, script) = (stop.clone(), connections.clone(), script(i));
                std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        connections.fetch_add(1, Ordering::Relaxed);
                        // It ends in whatever way; the next one follows.
                        let _ = run(port, &script, &stop);
                    }
                })
            })
            .collect();
        Self {
            stop,
            connections,
            threads,
        }
    }

    /// Connections that they made.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn run(port: u16, script: &Script, stop: &AtomicBool) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let mut left = [UPGRADE, &script.first].concat();
    let mut times = script.times;
    let mut sink = vec![0; 64 * 1024];
    while !stop.load(Ordering::Relaxed) {
        let is_done = left.is_empty() && script.again.is_empty();
        if is_done || write(&mut stream, &mut left)? {
            // Nothing to do for a moment.
            std::thread::sleep(Duration::from_millis(if is_done { 20 } else { 1 }));
        }
        match stream.read(&mut sink) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if left.is_empty() {
            if times == 0 {
                return Ok(());
            }
            times -= 1;
            left.extend_from_slice(&script.again);
        }
    }
    Ok(())
}

/// Writes what the socket takes; true if it takes nothing.
fn write(stream: &mut TcpStream, left: &mut Vec<u8>) -> std::io::Result<bool> {
    match stream.write(left) {
        Ok(done) => {
            left.drain(..done);
            Ok(false)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}
