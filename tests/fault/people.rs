//! Clients in threads of their own that write down what they meet.

use crate::history::{Diary, Event, Kind, Moment};
use harness::random::Random;
use room_core::position::Position;
use serde_json::{Value, json};
use std::collections::{HashSet, VecDeque};
use std::io::ErrorKind;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket};

/// A connection that says nothing for so long is given up: more than the proxies' heartbeat.
const DEAD_AFTER: Duration = Duration::from_secs(3);
/// A message that is not confirmed for so long is given up with its connection.
const ANSWER_WITHIN: Duration = Duration::from_millis(1500);

/// What everybody of a run shares.
pub(crate) struct Scene {
    pub(crate) roomid: String,
    /// Where clients connect.
    pub(crate) ports: Vec<u16>,
    pub(crate) began: Instant,
    /// People write messages.
    pub(crate) talking: AtomicBool,
    pub(crate) over: AtomicBool,
}

/// How the director reaches one client.
#[derive(Default)]
pub(crate) struct Strings {
    /// Its connection is to drop (without a word), once for each.
    pub(crate) drops: AtomicU64,
    /// Milliseconds between two reads.
    pub(crate) crawl: AtomicU64,
    /// The next connection goes to this port, by its place in the list.
    pub(crate) home: AtomicU64,
    /// What it has, for the director: where it is, and why it is not at rest (empty if it is).
    pub(crate) state: Mutex<(Option<Position>, String)>,
}

/// A running client.
pub(crate) struct Person {
    pub(crate) strings: Arc<Strings>,
    thread: JoinHandle<Diary>,
}

impl Person {
    pub(crate) fn start(
        scene: Arc<Scene>,
        device: &str,
        uid: &str,
        kind: Kind,
        shared: bool,
        random: Random,
    ) -> Self {
        let strings = Arc::new(Strings::default());
        let mut life = Life {
            scene,
            strings: strings.clone(),
            random,
            diary: Diary {
                device: device.to_owned(),
                uid: uid.to_owned(),
                kind,
                shared,
                moments: Vec::new(),
            },
            position: None,
            remembered: HashSet::new(),
            outbox: VecDeque::new(),
            written: 0,
        };
        Self {
            strings,
            thread: std::thread::spawn(move || {
                life.live();
                life.diary
            }),
        }
    }

    pub(crate) fn diary(self) -> Diary {
        self.thread.join().expect("a client that did not panic")
    }
}

struct Life {
    scene: Arc<Scene>,
    strings: Arc<Strings>,
    random: Random,
    diary: Diary,
    position: Option<Position>,
    remembered: HashSet<Position>,
    /// Texts that a careful client has not confirmed yet.
    outbox: VecDeque<String>,
    written: u64,
}

/// One connection.
struct Link {
    socket: WebSocket<TcpStream>,
    logged_in: bool,
    synced: bool,
    /// Sends again at once what was not confirmed, not only when it has seen that the missed messages do not hold it.
    hasty: bool,
    heard: Instant,
    /// When the first of the outbox was sent on this connection.
    in_flight: Option<Instant>,
    send_after: Instant,
    drops: u64,
    /// Something came that a careful client is to confirm.
    owes_ack: bool,
}

impl Life {
    fn note(&mut self, event: Event) {
        let ms = self.scene.began.elapsed().as_millis() as u64;
        let moment: Moment = (ms, event);
        self.diary.moments.push(moment);
    }

    fn live(&mut self) {
        while !self.scene.over.load(Relaxed) {
            self.rest("not connected");
            let Some(mut link) = self.connect() else {
                self.strings.home.fetch_add(1, Relaxed);
                self.pause(50);
                continue;
            };
            while self.turn(&mut link).is_some() {}
            let _ = link.socket.get_ref().shutdown(Shutdown::Both);
            self.note(Event::Ended);
            // As behind a load balancer.
            let home = self.random.below(self.scene.ports.len());
            self.strings.home.store(home as u64, Relaxed);
            self.pause(100);
        }
    }

    fn pause(&mut self, most: usize) {
        std::thread::sleep(Duration::from_millis(10 + self.random.below(most) as u64));
    }

    fn rest(&self, why: &str) {
        let mut state = self.strings.state.lock().expect("a state");
        *state = (self.position, why.to_owned());
    }

    fn connect(&mut self) -> Option<Link> {
        let home = self.strings.home.load(Relaxed) as usize % self.scene.ports.len();
        let port = self.scene.ports[home];
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        stream
            .set_write_timeout(Some(Duration::from_secs(1)))
            .ok()?;
        let (socket, _) = tungstenite::client(format!("ws://127.0.0.1:{port}/ws"), stream).ok()?;
        socket
            .get_ref()
            .set_read_timeout(Some(Duration::from_millis(5)))
            .ok()?;
        let mut link = Link {
            socket,
            logged_in: false,
            synced: false,
            hasty: self.diary.kind == Kind::Careful && self.random.below(2) == 0,
            heard: Instant::now(),
            in_flight: None,
            send_after: Instant::now(),
            drops: self.strings.drops.load(Relaxed),
            owes_ack: false,
        };
        let mut login = json!({"event": "login", "name": self.diary.device, "roomid": self.scene.roomid, "uid": self.diary.uid});
        if self.diary.kind == Kind::Careful {
            login["ack"] = "client".into();
            login["v"] = 1.into();
            if let Some(since) = self.position {
                login["since"] = since.to_string().into();
            }
        }
        link.send(&login)?;
        Some(link)
    }

    /// Reads a little, writes a little. `None` if the connection is over.
    fn turn(&mut self, link: &mut Link) -> Option<()> {
        if self.scene.over.load(Relaxed) || self.strings.drops.load(Relaxed) != link.drops {
            return None;
        }
        let crawl = self.strings.crawl.load(Relaxed);
        if crawl > 0 {
            std::thread::sleep(Duration::from_millis(crawl));
        }
        match link.socket.read() {
            Ok(Message::Text(text)) => {
                link.heard = Instant::now();
                self.receive(link, &serde_json::from_str(&text).expect("JSON"))?;
            }
            Ok(Message::Close(_)) => return None,
            Ok(_) => link.heard = Instant::now(),
            Err(tungstenite::Error::Io(error))
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                self.idle(link)?;
            }
            Err(_) => return None,
        }
        self.talk(link)
    }

    /// Nothing came for a moment.
    fn idle(&mut self, link: &mut Link) -> Option<()> {
        if std::mem::take(&mut link.owes_ack)
            && let Some(position) = self.position
        {
            link.send(&json!({"event": "ack", "position": position.to_string()}))?;
        }
        let waiting = !self.outbox.is_empty();
        self.rest(match (link.synced, waiting) {
            (false, _) => "not synced",
            (_, true) => "a message is not confirmed",
            _ => "",
        });
        let stuck = link
            .in_flight
            .is_some_and(|sent| sent.elapsed() > ANSWER_WITHIN);
        (link.heard.elapsed() < DEAD_AFTER && !stuck).then_some(())
    }

    fn talk(&mut self, link: &mut Link) -> Option<()> {
        let ready = link.synced || (link.hasty && link.logged_in);
        if !ready || Instant::now() < link.send_after {
            return Some(());
        }
        let talking = self.scene.talking.load(Relaxed);
        if self.diary.kind == Kind::Plain {
            if talking {
                let text = self.write();
                link.send(&json!({"event": "message", "message": text}))?;
                self.wait(link);
            }
            return Some(());
        }
        if talking && self.outbox.len() < 3 {
            let text = self.write();
            self.outbox.push_back(text);
        }
        if link.in_flight.is_none()
            && let Some(text) = self.outbox.front().cloned()
        {
            link.in_flight = Some(Instant::now());
            link.send(&json!({"event": "message", "message": text, "id": text}))?;
            self.wait(link);
        }
        Some(())
    }

    fn wait(&mut self, link: &mut Link) {
        link.send_after = Instant::now() + Duration::from_millis(5 + self.random.below(60) as u64);
    }

    /// A text that nobody wrote before.
    fn write(&mut self) -> String {
        self.written += 1;
        let text = format!("{}-{}", self.diary.device, self.written);
        self.note(Event::Sent(text.clone()));
        text
    }

    fn receive(&mut self, link: &mut Link, event: &Value) -> Option<()> {
        let position = || {
            event["position"]
                .as_str()
                .and_then(|text| text.parse().ok())
        };
        match event["event"].as_str() {
            // Others' logins have no position.
            Some("login") => {
                if let Some(position) = position() {
                    let new = event["new"] == true;
                    self.note(Event::Login { position, new });
                    link.logged_in = true;
                    if self.position.is_none() || self.diary.kind == Kind::Plain {
                        self.position = Some(position);
                    }
                }
            }
            Some("synced") => link.synced = true,
            Some("message") => self.message(link, event, position()?),
            Some("sent") => self.confirmed(link, event["id"].as_str()?),
            Some("lost") => {
                let (from, to) = (event["from"].as_u64()?, event["to"].as_u64()?);
                let reason = event["reason"].as_str()?.to_owned();
                self.note(Event::Lost { from, to, reason });
                self.position = Some(position()?);
            }
            Some("reset") => {
                self.note(Event::Reset(position()?));
                self.position = Some(position()?);
            }
            Some("heartbeat") => link.send(&json!({"event": "heartbeat", "message": "pong"}))?,
            Some("error") => {
                // Another attempt after a moment; before the login was answered, on another connection.
                link.in_flight = None;
                link.send_after = Instant::now() + Duration::from_millis(100);
                link.logged_in.then_some(())?;
            }
            Some("logout" | "kicked")
                if event["uid"] == self.diary.uid.as_str() && event["num"].is_null() =>
            {
                return None;
            }
            _ => {}
        }
        Some(())
    }

    fn message(&mut self, link: &mut Link, event: &Value, position: Position) {
        let (uid, text) = (
            event["uid"].as_str().unwrap_or("?").to_owned(),
            event["message"].as_str().unwrap_or("?").to_owned(),
        );
        self.position = Some(position);
        link.owes_ack = self.diary.kind == Kind::Careful;
        if self.diary.kind == Kind::Careful && !self.remembered.insert(position) {
            self.note(Event::Repeated(position));
            return;
        }
        let mine = text
            .split_once('-')
            .is_some_and(|(device, _)| device == self.diary.device);
        self.note(Event::Saw {
            position,
            uid,
            text: text.clone(),
        });
        if mine {
            match self.diary.kind {
                Kind::Careful => self.confirmed(link, &text),
                Kind::Plain => self.note(Event::Confirmed(text)),
            }
        }
    }

    fn confirmed(&mut self, link: &mut Link, text: &str) {
        if self.outbox.front().is_some_and(|first| first == text) {
            self.outbox.pop_front();
            link.in_flight = None;
            self.note(Event::Confirmed(text.to_owned()));
        }
    }
}

impl Link {
    fn send(&mut self, event: &Value) -> Option<()> {
        self.socket.send(Message::text(event.to_string())).ok()
    }
}
