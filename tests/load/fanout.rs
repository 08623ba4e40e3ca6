//! What a delivery costs the proxy, against a server that only calls `send()`.

use crate::crowd::{Crowd, Heard, Roomcast, Said, Talk};
use crate::figures::{median, micros};
use crate::floor::CONTROL;
use harness::certs::Authority;
use harness::eventually;
use harness::process::{Process, free_port};
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::ok;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Connections
    #[arg(long, default_value_t = 1000)]
    sockets: usize,
    /// Rooms that they are spread over
    #[arg(long, default_value_t = 1)]
    rooms: usize,
    /// Paired slices of each burst size
    #[arg(long, default_value_t = 15)]
    slices: usize,
    /// Bursts of one slice
    #[arg(long, default_value_t = 20)]
    bursts: usize,
    /// Bytes of one message's text
    #[arg(long, default_value_t = 60)]
    size: usize,
    /// By wss://, against a loop that encrypts for each socket
    #[arg(long)]
    tls: bool,
}

impl Options {
    /// The measurement's name in the file of results.
    pub(crate) fn name(&self) -> &'static str {
        match (self.sockets, self.rooms) {
            _ if self.tls => "fanout-tls",
            (..=1000, 1) => "fanout",
            (_, 1) => "fanout-large-room",
            _ => "fanout-many-rooms",
        }
    }
}

struct Floor;

impl Talk for Floor {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/", None)
    }

    fn hello(&self, _: usize, _: bool) -> Vec<Said> {
        Vec::new()
    }

    fn heard(&self, _: usize, text: &[u8]) -> Heard {
        if text == b"hi" {
            Heard::ready()
        } else {
            Heard::messages(1)
        }
    }
}

/// One server under load: what it cost per delivery in this slice.
struct Side<'a> {
    crowd: &'a Crowd,
    process: &'a Process,
    deliveries: u64,
}

impl Side<'_> {
    fn slice(&self, bursts: usize, burst: usize, mut publish: impl FnMut(usize)) -> f64 {
        let cpu = self.process.cpu();
        for _ in 0..bursts {
            let target = self.crowd.counts.messages.load(Relaxed) + self.deliveries * burst as u64;
            publish(burst);
            self.crowd.wait_for(target);
        }
        micros(self.process.cpu() - cpu) / (bursts * burst) as f64 / self.deliveries as f64
    }
}

/// The connection that tells the floor what to send.
fn control(port: u16, tls: Option<Arc<ClientConfig>>) -> Box<dyn Write> {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the floor");
    stream.set_nodelay(true).expect("no delay");
    let mut control: Box<dyn Write> = match tls {
        Some(tls) => {
            let name = "localhost".try_into().expect("a name");
            let connection = ClientConnection::new(tls, name).expect("a connection");
            Box::new(StreamOwned::new(connection, stream))
        }
        None => Box::new(stream),
    };
    control.write_all(CONTROL).expect("a connection");
    control
}

pub(crate) fn run(options: &Options) -> serde_json::Value {
    let redis = Redis::start();
    let authority = Authority::new();
    let pair = authority.certify("localhost");
    let mut with = vec!["--log-json"];
    if options.tls {
        with.extend(pair.options("--tls-cert", "--tls-key"));
    }
    let proxy = Proxy::with(&redis, &with);
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["floor", "--port", &port.to_string()]);
    if options.tls {
        command.args(pair.options("--cert", "--key"));
    }
    let floor = Process::start(command, &folder.path().join("floor.log"));
    eventually("the floor listens", || floor.listens(port).then_some(()));
    let crowd = || match options.tls {
        true => Crowd::secure(authority.client()),
        false => Crowd::new(),
    };
    let (ours, theirs) = (crowd(), crowd());
    let talk = Arc::new(Roomcast {
        rooms: options.rooms,
        acks: false,
    });
    ours.come(proxy.port, options.sockets, false, &talk);
    theirs.come(port, options.sockets, false, &Arc::new(Floor));
    let mut control = control(port, options.tls.then(|| authority.client()));

    let mut connection = redis.connect();
    for room in 0..options.rooms {
        ok(
            &mut connection,
            &format!("ROOM.LIMITS room:{room} maxlen 100 keep 100"),
        );
    }
    let text = format!(
        r#"{{"event":"message","message":"{}"}}"#,
        "x".repeat(options.size)
    );
    let mut publish = |burst: usize| {
        let mut pipe = redis::pipe();
        for _ in 0..burst {
            for room in 0..options.rooms {
                pipe.cmd("ROOM.PUBLISH")
                    .arg(format!("room:{room}"))
                    .arg("bot")
                    .arg(&text)
                    .ignore();
            }
        }
        pipe.query::<()>(&mut connection).expect("messages");
    };
    let deliveries = options.sockets as u64;
    let our_side = Side {
        crowd: &ours,
        process: proxy.process(),
        deliveries,
    };
    let floor_side = Side {
        crowd: &theirs,
        process: &floor,
        deliveries,
    };
    // Both sides warm up, and the frame's size becomes known.
    our_side.slice(2, 1, &mut publish);
    let size = ours.counts.size.load(Relaxed) as u32;
    println!(
        "server CPU per delivery in us, {} sockets in {} room(s), {size} bytes, medians of {} paired slices\n\n{:>6} {:>10} {:>10} {:>10}",
        options.sockets, options.rooms, options.slices, "burst", "send()", "proxy", "ratio"
    );
    let mut rows = Vec::new();
    for burst in [1, 10] {
        let mut send = |burst: usize| {
            let command = [size.to_be_bytes(), (burst as u32).to_be_bytes()].concat();
            control.write_all(&command).expect("a command");
        };
        let mut pairs = Vec::new();
        for slice in 0..options.slices {
            let pair = if slice % 2 == 0 {
                let floor = floor_side.slice(options.bursts, burst, &mut send);
                (floor, our_side.slice(options.bursts, burst, &mut publish))
            } else {
                let ours = our_side.slice(options.bursts, burst, &mut publish);
                (floor_side.slice(options.bursts, burst, &mut send), ours)
            };
            pairs.push(pair);
        }
        let floor = median(pairs.iter().map(|pair| pair.0));
        let proxy = median(pairs.iter().map(|pair| pair.1));
        let ratio = median(pairs.iter().map(|pair| pair.1 / pair.0));
        println!("{burst:>6} {floor:>10.3} {proxy:>10.3} {ratio:>10.3}");
        rows.push(serde_json::json!({
            "sockets": options.sockets, "rooms": options.rooms, "bytes": size, "burst": burst,
            "send_us": floor, "proxy_us": proxy, "ratio": ratio,
        }));
    }
    serde_json::Value::Array(rows)
}
