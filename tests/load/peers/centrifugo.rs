//! Centrifugo 6 with the Redis engine: history, positions and recovery. Its clients speak JSON, several replies in one
//! WebSocket message, each on a line; a backend publishes by the HTTP API.

use super::person::{Person, Protocol, number_after};
use super::speaker::Publish;
use super::stack::{Stack, folder, listening, plain_redis, program};
use super::{Facts, Loss, Peer};
use crate::crowd::{Heard, Said};
use harness::process::Process;
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

pub(crate) struct Centrifugo;

impl Peer for Centrifugo {
    fn name(&self) -> &'static str {
        "Centrifugo 6"
    }

    fn facts(&self) -> Facts {
        Facts {
            setup: "Redis engine, history_size 1000, history_ttl 10m, force_recovery; published by POST /api/publish",
            queue: "no: one history per channel, for minutes; up to 300 messages come back at once, or none",
            order: "one order for all",
            loss: "the client, by recovered:false; it must then ask somebody else",
        }
    }

    fn losses(&self) -> &'static [Loss] {
        &[Loss::Killed]
    }

    fn start(&self, servers: usize) -> Result<Stack, String> {
        let program = program("CENTRIFUGO", "centrifugo")?;
        let folder = folder();
        let (redis_port, redis) = plain_redis(folder.path())?;
        let servers = (0..servers)
            .map(|_| node(&program, folder.path(), redis_port))
            .map(|node| node.map(|(port, process)| (port, Box::new(process) as _)))
            .collect::<Result<_, _>>()?;
        let store = Some(Box::new(redis) as _);
        Ok(Stack {
            servers,
            store,
            folder,
        })
    }

    fn protocol(&self) -> Box<dyn Protocol> {
        Box::new(Json)
    }

    fn publisher(&self, port: u16) -> io::Result<Box<dyn Publish>> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Box::new(Api(BufReader::new(stream))))
    }
}

fn node(program: &Path, folder: &Path, redis: u16) -> Result<(u16, Process), String> {
    listening(folder, "centrifugo", |port| {
        let settings = json!({
            "http_server": { "address": "127.0.0.1", "port": port },
            "engine": { "type": "redis", "redis": { "address": format!("redis://127.0.0.1:{redis}") } },
            "client": { "allow_anonymous_connect_without_token": true, "allowed_origins": ["*"] },
            "http_api": { "insecure": true },
            "channel": { "without_namespace": {
                "history_size": 1000, "history_ttl": "10m", "force_recovery": true,
                "allow_subscribe_for_client": true, "allow_subscribe_for_anonymous": true,
                "allow_publish_for_subscriber": true, "allow_publish_for_anonymous": true,
            } },
        });
        let file = folder.join(format!("centrifugo-{port}.json"));
        std::fs::write(&file, settings.to_string()).expect("a file of settings");
        let mut command = Command::new(program);
        command.arg("--config").arg(file);
        command
    })
}

struct Json;

impl Protocol for Json {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/connection/websocket", None)
    }

    fn hello(&self, me: &mut Person, again: bool) -> Vec<Said> {
        let mut subscribe = json!({ "channel": "room" });
        if again && !me.session.is_empty() {
            let offset: u64 = me.position.parse().unwrap_or(0);
            subscribe = json!({ "channel": "room", "recover": true, "epoch": me.session, "offset": offset });
        }
        let connect = json!({ "id": 1, "connect": {} });
        let subscribe = json!({ "id": 2, "subscribe": subscribe });
        vec![Said::Text(format!("{connect}\n{subscribe}"))]
    }

    fn heard(&self, me: &mut Person, bytes: &[u8]) -> Heard {
        let mut heard = Heard::messages(me.count(bytes));
        for line in bytes.split(|byte| *byte == b'\n') {
            if line == b"{}" {
                heard.answers.push(Said::Text("{}".into()));
            } else if line.starts_with(b"{\"push\"") {
                if let Some(offset) = number_after(line, b"\"offset\":") {
                    me.position = offset.to_string();
                }
            } else if line.starts_with(b"{\"id\":2,") {
                heard.ready = subscribed(me, line);
            }
        }
        heard
    }
}

/// The reply to a subscription: where the channel is, and what was missed.
fn subscribed(me: &mut Person, line: &[u8]) -> bool {
    let reply: Value = serde_json::from_slice(line).unwrap_or_default();
    let Some(reply) = reply.get("subscribe") else {
        return false;
    };
    me.session = reply["epoch"].as_str().unwrap_or_default().to_owned();
    me.position = reply["offset"].as_u64().unwrap_or(0).to_string();
    me.recovered = Some(reply["recovered"] == true);
    true
}

/// The HTTP API on one connection that is kept.
struct Api(BufReader<TcpStream>);

impl Publish for Api {
    fn publish(&mut self, messages: &[String]) -> io::Result<()> {
        match messages {
            [message] => self.post(
                "publish",
                &format!(r#"{{"channel":"room","data":{message}}}"#),
            ),
            _ => {
                let commands: Vec<String> = messages
                    .iter()
                    .map(|message| {
                        format!(r#"{{"publish":{{"channel":"room","data":{message}}}}}"#)
                    })
                    .collect();
                let body = format!(r#"{{"commands":[{}]}}"#, commands.join(","));
                self.post("batch", &body)
            }
        }
    }
}

impl Api {
    fn post(&mut self, method: &str, body: &str) -> io::Result<()> {
        let request = format!(
            "POST /api/{method} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut line, mut length, mut chunked) = (String::new(), 0, false);
        while line != "\r\n" {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            chunked |= lower.starts_with("transfer-encoding: chunked");
        }
        let answer = if chunked {
            self.chunks()?
        } else {
            self.exactly(length)?
        };
        match answer.windows(8).any(|bytes| bytes == b"\"error\":") {
            true => Err(io::Error::other(String::from_utf8_lossy(&answer))),
            false => Ok(()),
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// A body in chunks, which long answers have.
    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            let chunk = self.exactly(length + 2)?;
            if length == 0 {
                return Ok(all);
            }
            all.extend_from_slice(&chunk[..length]);
        }
    }
}
