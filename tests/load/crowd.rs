//! Thousands of clients on a thread of their own, so that the other core is the server's.

use harness::light::Light;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

/// Connections that are made side by side: a server's queue of new ones is short.
const AT_ONCE: usize = 128;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// The pause of a client whose connection ended, if it comes again by itself.
const COME_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What all clients together met.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) ready: AtomicU64,
    pub(crate) messages: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// Bytes of the last message.
    pub(crate) size: AtomicU64,
    /// Microseconds from publishing to arrival.
    pub(crate) latencies: Mutex<Vec<f64>>,
}

/// A protocol: what a client of some server says and hears.
pub(crate) trait Talk: Send + Sync + 'static {
    /// The path and the WebSocket subprotocol.
    fn path(&self) -> (&'static str, Option<&'static str>);
    /// What a client says first. `again`: it was here before.
    fn hello(&self, client: usize, again: bool) -> Vec<Said>;
    /// What an incoming WebSocket message means to this client.
    fn heard(&self, client: usize, bytes: &[u8]) -> Heard;
    /// Whether a client whose connection ends comes again by itself, as real ones do.
    fn returns(&self) -> bool {
        false
    }
    /// How often a client may say something by itself, if it does.
    fn pause(&self) -> Option<Duration> {
        None
    }
    /// What it says in its n-th turn.
    fn says(&self, _client: usize, _turn: usize) -> Option<Said> {
        None
    }
}

/// What a client sends: one WebSocket message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    Binary(Vec<u8>),
}

/// What a WebSocket message of the server means to a client.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// So many messages of the room.
    pub(crate) messages: u64,
    /// It is in. Servers that send what was missed before they say so have sent it.
    pub(crate) ready: bool,
    /// What it is to answer.
    pub(crate) answers: Vec<Said>,
}

impl Heard {
    pub(crate) fn messages(messages: u64) -> Self {
        Self {
            messages,
            ..Self::default()
        }
    }

    pub(crate) fn ready() -> Self {
        Self {
            ready: true,
            ..Self::default()
        }
    }

    pub(crate) fn answer(text: impl Into<String>) -> Self {
        Self {
            answers: vec![Said::Text(text.into())],
            ..Self::default()
        }
    }
}

/// See the top of the file.
pub(crate) struct Crowd {
    runtime: Runtime,
    pub(crate) counts: Arc<Counts>,
    people: Mutex<Vec<AbortHandle>>,
    /// They speak TLS so.
    tls: Option<Arc<ClientConfig>>,
}

impl Crowd {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        Self {
            runtime,
            counts: Arc::default(),
            people: Mutex::default(),
            tls: None,
        }
    }

    /// One that speaks TLS.
    pub(crate) fn secure(config: Arc<ClientConfig>) -> Self {
        Self {
            tls: Some(config),
            ..Self::new()
        }
    }

    /// Lets so many come; returns how long it took until all had what they missed.
    pub(crate) fn come(
        &self,
        port: u16,
        clients: usize,
        again: bool,
        talk: &Arc<impl Talk>,
    ) -> Duration {
        let began = Instant::now();
        let target = self.counts.ready.load(Relaxed) + clients as u64;
        self.send_in(port, clients, again, talk);
        wait("all are in", || self.counts.ready.load(Relaxed) >= target);
        began.elapsed()
    }

    /// Lets so many come, without waiting for them.
    pub(crate) fn send_in(&self, port: u16, clients: usize, again: bool, talk: &Arc<impl Talk>) {
        let limit = Arc::new(Semaphore::new(AT_ONCE));
        let mut people = self.people.lock().expect("people");
        for client in 0..clients {
            let (talk, counts, limit) = (talk.clone(), self.counts.clone(), limit.clone());
            let tls = self.tls.clone();
            let live = async move {
                let mut again = again;
                loop {
                    let turn = limit.clone().acquire_owned().await;
                    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                    let person = Person {
                        client,
                        again,
                        talk: &*talk,
                        counts: &counts,
                        turn,
                    };
                    let ended = connect(to, tls.clone(), person).await;
                    if ended.is_err() {
                        counts.failed.fetch_add(1, Relaxed);
                    }
                    if !talk.returns() {
                        break;
                    }
                    again = true;
                    tokio::time::sleep(COME_AGAIN_AFTER).await;
                }
            };
            people.push(self.runtime.spawn(live).abort_handle());
        }
    }

    /// All connections drop.
    pub(crate) fn go(&self) {
        self.people
            .lock()
            .expect("people")
            .drain(..)
            .for_each(|one| one.abort());
        // The tasks' sockets close when the runtime gets to it.
        std::thread::sleep(Duration::from_millis(200));
    }

    /// Waits until so many messages have come in all.
    pub(crate) fn wait_for(&self, messages: u64) {
        wait("all messages have come", || {
            self.counts.messages.load(Relaxed) >= messages
        });
    }
}

fn wait(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_micros(100));
    }
}

pub(crate) fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a clock after 1970").as_micros() as u64
}

/// One client, and its turn to come in.
struct Person<'a, T> {
    client: usize,
    again: bool,
    talk: &'a T,
    counts: &'a Counts,
    turn: Result<tokio::sync::OwnedSemaphorePermit, tokio::sync::AcquireError>,
}

async fn connect(
    to: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    person: Person<'_, impl Talk>,
) -> io::Result<()> {
    let (path, protocol) = person.talk.path();
    let Some(tls) = tls else {
        let light = Light::connect(to, path, protocol).await?;
        return live(light, person).await;
    };
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let stream = TlsConnector::from(tls).connect(name, stream).await?;
    let light = Light::over(stream, to, path, protocol).await?;
    live(light, person).await
}

async fn live<S: AsyncRead + AsyncWrite + Unpin>(
    mut light: Light<S>,
    person: Person<'_, impl Talk>,
) -> io::Result<()> {
    let Person {
        client,
        again,
        talk,
        counts,
        turn,
    } = person;
    for said in talk.hello(client, again) {
        say(&mut light, said).await?;
    }
    let mut turn = Some(turn);
    let mut words = OwnWords::new(talk.pause(), client);
    loop {
        let bytes = tokio::select! {
            bytes = light.next() => bytes?,
            number = words.next() => {
                if let Some(said) = talk.says(client, number) {
                    say(&mut light, said).await?;
                }
                continue;
            }
        };
        let heard = talk.heard(client, &bytes);
        if heard.messages > 0 {
            if let Some(sent) = stamp(&bytes) {
                let latency = now_us().saturating_sub(sent) as f64;
                counts.latencies.lock().expect("latencies").push(latency);
            }
            counts.size.store(bytes.len() as u64, Relaxed);
            counts.messages.fetch_add(heard.messages, Relaxed);
        }
        if heard.ready {
            counts.ready.fetch_add(1, Relaxed);
            // The next one may come.
            drop(turn.take());
        }
        for said in heard.answers {
            say(&mut light, said).await?;
        }
    }
}

/// When a client says something by itself.
struct OwnWords {
    pause: Option<Duration>,
    next: tokio::time::Instant,
    turns: usize,
}

impl OwnWords {
    /// Not all at the same time.
    fn new(pause: Option<Duration>, client: usize) -> Self {
        let shift = (client * 7919 % 1000) as u32;
        Self {
            pause,
            next: tokio::time::Instant::now() + pause.unwrap_or_default() * shift / 1000,
            turns: 0,
        }
    }

    /// Waits for the next turn; its number.
    async fn next(&mut self) -> usize {
        let Some(pause) = self.pause else {
            return std::future::pending().await;
        };
        tokio::time::sleep_until(self.next).await;
        self.next += pause;
        self.turns += 1;
        self.turns - 1
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(
    light: &mut Light<S>,
    said: Said,
) -> io::Result<()> {
    match said {
        Said::Text(text) => light.send(&text).await,
        Said::Binary(bytes) => light.send_binary(&bytes).await,
    }
}

/// The time in `"t":<microseconds>`.
fn stamp(text: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"\"t\":";
    let at = text.windows(NAME.len()).position(|bytes| bytes == NAME)? + NAME.len();
    let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// Roomcast's protocol.
pub(crate) struct Roomcast {
    pub(crate) rooms: usize,
    /// Confirms each message at once, as a page may.
    pub(crate) acks: bool,
}

impl Talk for Roomcast {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/ws", None)
    }

    fn hello(&self, client: usize, _: bool) -> Vec<Said> {
        let room = client % self.rooms;
        // A uid of 16 bytes.
        vec![Said::Text(format!(
            r#"{{"event":"login","roomid":"{room}","uid":"client-{client:09}","ack":"client"}}"#
        ))]
    }

    fn heard(&self, _: usize, text: &[u8]) -> Heard {
        if text.starts_with(br#"{"event":"message""#) {
            let position = self.acks.then(|| position(text)).flatten();
            return match position {
                Some(position) => {
                    Heard::answer(format!(r#"{{"event":"ack","position":"{position}"}}"#))
                }
                None => Heard::messages(1),
            };
        }
        if text.starts_with(br#"{"event":"synced""#) {
            return Heard::ready();
        }
        if text.starts_with(br#"{"event":"heartbeat""#) {
            return Heard::answer(r#"{"event":"heartbeat","message":"pong"}"#);
        }
        Heard::default()
    }
}

fn position(text: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"\"position\":\"";
    let at = text.windows(NAME.len()).position(|bytes| bytes == NAME)? + NAME.len();
    let rest = &text[at..];
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&rest[..end]).ok()
}
