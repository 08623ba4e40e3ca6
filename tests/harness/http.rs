//! A client of the HTTP API: one connection a request, or one for all; the address goes out as it is written.

use crate::eventually::PATIENCE;
use crate::stream::Stream;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

/// A key that the API takes.
pub const KEY: &str = "test-key-0123456789abcdef0123456789abcdef";

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Names in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// As it is.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Status and code of a problem, which is what RFC 9457 wants it to be.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let document = self.json();
        assert_eq!(document["status"], self.status, "{document}");
        for member in ["type", "title", "detail"] {
            let text = document[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{member}: {document}");
        }
        (
            self.status,
            document["code"].as_str().expect("a code").to_owned(),
        )
    }

    /// The body of an answer of status 200.
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.json()
    }
}

/// A connection to an API.
pub struct Http {
    stream: BufReader<Stream>,
}

impl Http {
    /// A connection to this port of this machine.
    pub fn to(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
        Self::over(Stream::Plain(stream))
    }

    /// One that is there, and may speak TLS.
    pub fn over(stream: Stream) -> Self {
        let tcp = stream.tcp();
        tcp.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        tcp.set_nodelay(true).expect("no delay");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        // Who refuses a request early may not read all of it.
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Asks, with the usual key.
    pub fn ask(&mut self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        let key = format!("Authorization: Bearer {KEY}");
        self.ask_with(method, path, &[&[key.as_str()], headers].concat(), body)
    }

    /// Asks, with these headers and no key.
    pub fn ask_with(&mut self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        for header in headers {
            head.push_str(&format!("{header}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        self.send(&[head.as_bytes(), body].concat());
        self.answer(method == "HEAD").expect("an answer")
    }

    /// The next answer; an error if the connection ends before it.
    pub fn answer(&mut self, without_body: bool) -> std::io::Result<Answer> {
        let mut line = self.line()?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other(line))?;
        let mut headers = Vec::new();
        loop {
            line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, value)| value.parse().expect("a length"));
        let mut body = vec![0; if without_body { 0 } else { length }];
        self.stream.read_exact(&mut body)?;
        Ok(Answer {
            status,
            headers,
            body: String::from_utf8(body).expect("text"),
        })
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Asks for something.
    pub fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    /// Sends something.
    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body)
    }

    /// The same with more headers.
    pub fn post_with(&mut self, path: &str, headers: &[&str], body: &Value) -> Answer {
        let headers = [&["Content-Type: application/json"], headers].concat();
        self.ask("POST", path, &headers, body.to_string().as_bytes())
    }
}

/// A text as it stands in an address.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
    let each = text.bytes().map(|byte| match plain(byte) {
        true => (byte as char).to_string(),
        false => format!("%{byte:02X}"),
    });
    each.collect()
}
