//! The floor of a fan-out: a server that does nothing but `send()` the same bytes to every socket, one after the other.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

#[derive(clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    port: u16,
}

/// What whoever controls the server says first, instead of a handshake.
pub(crate) const CONTROL: &[u8] = b"CONTROL\r\n\r\n";

pub(crate) fn run(options: &Options) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).expect("a free port");
    let mut sockets = Vec::new();
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
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
fn serve(mut control: TcpStream, sockets: &mut [TcpStream]) {
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
