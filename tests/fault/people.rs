//! Clients in threads of their own, in one room or in several, that write down what they meet.

use crate::history::{Diary, Event, Kind};
use crate::part::{Part, send};
use harness::random::Random;
use room_core::position::Position;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket};

/// What everybody of a run shares.
pub(crate) struct Scene {
    /// Where clients connect.
    pub(crate) ports: Vec<u16>,
    pub(crate) began: Instant,
    /// A connection that says nothing for so long is given up: more than the proxies' heartbeat.
    pub(crate) dead_after: Duration,
    /// A message that is not confirmed for so long is given up with its connection.
    pub(crate) answers_within: Duration,
    /// Milliseconds between two messages of one in a room: so many, and so many more at most.
    pub(crate) pace: (u64, usize),
    /// Who is refused in passing tries again on the same connection.
    pub(crate) stays: bool,
    /// How often one looks whether it is time to say something.
    pub(crate) looks: Duration,
    /// People write messages.
    pub(crate) talking: AtomicBool,
    pub(crate) over: AtomicBool,
    /// Connections that ended though nobody wanted it.
    pub(crate) ended: Mutex<Vec<String>>,
}

impl Scene {
    /// One in which people hurry, and go to another proxy as soon as something is wrong.
    pub(crate) fn restless(ports: Vec<u16>) -> Self {
        Self {
            ports,
            began: Instant::now(),
            dead_after: Duration::from_secs(3),
            answers_within: Duration::from_millis(1500),
            pace: (5, 60),
            stays: false,
            looks: Duration::from_millis(5),
            talking: AtomicBool::new(false),
            over: AtomicBool::new(false),
            ended: Mutex::default(),
        }
    }

    /// Milliseconds since it began.
    pub(crate) fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    pub(crate) fn is_talking(&self) -> bool {
        self.talking.load(Relaxed)
    }
}

/// What a client has of a room, for the director: where it is, and why it is not at rest (empty if it is).
pub(crate) type State = (Option<Position>, String);

/// How the director reaches one client.
#[derive(Default)]
pub(crate) struct Strings {
    /// Its connection is to drop (without a word), once for each.
    pub(crate) drops: AtomicU64,
    /// Milliseconds between two reads.
    pub(crate) crawl: AtomicU64,
    /// The next connection goes to this port, by its place in the list.
    pub(crate) home: AtomicU64,
    /// Of each of its rooms.
    pub(crate) states: Mutex<Vec<State>>,
}

/// Who somebody is.
#[derive(Clone, Copy)]
pub(crate) struct Who<'a> {
    pub(crate) device: &'a str,
    pub(crate) uid: &'a str,
    pub(crate) kind: Kind,
    /// Another client has the same uid.
    pub(crate) shared: bool,
}

/// Who leads one or several clients, and knows in the end what they met in which room.
pub(crate) type Director = JoinHandle<Vec<(String, Diary)>>;

/// A running client.
pub(crate) struct Person {
    pub(crate) device: String,
    pub(crate) strings: Arc<Strings>,
    director: Option<Director>,
}

impl Person {
    /// Somebody in these rooms, whose first connection goes to this one of the ports.
    pub(crate) fn start(
        scene: Arc<Scene>,
        who: Who<'_>,
        rooms: &[String],
        home: u64,
        random: Random,
    ) -> Self {
        let strings = Arc::new(Strings::default());
        strings.home.store(home, Relaxed);
        let diary = Diary::empty(who.device, who.uid, who.kind, who.shared);
        let parts = rooms.iter().map(|room| Part::new(room, diary.clone()));
        let mut life = Life {
            scene,
            strings: strings.clone(),
            random,
            parts: parts.collect(),
        };
        life.rest("not connected");
        let director = std::thread::spawn(move || {
            life.live();
            let parts = life.parts.into_iter();
            parts.map(|part| (part.roomid, part.diary)).collect()
        });
        Self::of(who.device, strings, Some(director))
    }

    /// One of those whom somebody leads: the first of them tells what all have met.
    pub(crate) fn of(device: &str, strings: Arc<Strings>, director: Option<Director>) -> Self {
        Self {
            device: device.to_owned(),
            strings,
            director,
        }
    }

    /// Why it is not at rest in its first room, whose newest message is the `head`.
    pub(crate) fn restless(&self, head: Option<Position>) -> Option<String> {
        let states = self.strings.states.lock().expect("states");
        let (at, why) = states.first().cloned().unwrap_or_default();
        let device = &self.device;
        (!why.is_empty() || at != head)
            .then(|| format!("{device} did not come to rest at {head:?}: {why}, at {at:?}"))
    }

    /// What it met in each of its rooms.
    pub(crate) fn diaries(self) -> Vec<(String, Diary)> {
        let join = |director: Director| director.join().expect("a client that did not panic");
        self.director.map(join).unwrap_or_default()
    }
}

struct Life {
    scene: Arc<Scene>,
    strings: Arc<Strings>,
    random: Random,
    parts: Vec<Part>,
}

/// One connection.
struct Link {
    socket: WebSocket<TcpStream>,
    heard: Instant,
    drops: u64,
}

impl Life {
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
            let scene = self.scene.clone();
            for part in &mut self.parts {
                part.note(&scene, Event::Ended);
            }
            if !self.is_told_to_go(&link) {
                let mut ended = scene.ended.lock().expect("a list");
                let device = self.parts.first().map(|part| &*part.diary.device);
                ended.push(format!("{device:?} at {} ms", scene.now()));
            }
            // As behind a load balancer.
            let home = self.random.below(self.scene.ports.len());
            self.strings.home.store(home as u64, Relaxed);
            self.pause(100);
        }
    }

    fn is_told_to_go(&self, link: &Link) -> bool {
        self.scene.over.load(Relaxed) || self.strings.drops.load(Relaxed) != link.drops
    }

    fn pause(&mut self, most: usize) {
        std::thread::sleep(Duration::from_millis(10 + self.random.below(most) as u64));
    }

    fn rest(&self, why: &str) {
        let states = self.parts.iter();
        let states = states.map(|part| (part.position, why.to_owned()));
        *self.strings.states.lock().expect("states") = states.collect();
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
        let (mut socket, _) =
            tungstenite::client(format!("ws://127.0.0.1:{port}/ws"), stream).ok()?;
        let looks = Some(self.scene.looks);
        socket.get_ref().set_read_timeout(looks).ok()?;
        for part in &mut self.parts {
            send(&mut socket, &part.begin(&mut self.random))?;
        }
        Some(Link {
            socket,
            heard: Instant::now(),
            drops: self.strings.drops.load(Relaxed),
        })
    }

    /// Reads a little, writes a little. `None` if the connection is over.
    fn turn(&mut self, link: &mut Link) -> Option<()> {
        if self.is_told_to_go(link) {
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
        for part in &mut self.parts {
            part.talk(&self.scene, &mut self.random, &mut link.socket)?;
        }
        Some(())
    }

    /// Nothing came for a moment.
    fn idle(&mut self, link: &mut Link) -> Option<()> {
        for part in &mut self.parts {
            part.idle(&self.scene, &mut link.socket)?;
        }
        let states = self.parts.iter();
        let states = states.map(|part| (part.position, part.restless().to_owned()));
        *self.strings.states.lock().expect("states") = states.collect();
        (link.heard.elapsed() < self.scene.dead_after).then_some(())
    }

    fn receive(&mut self, link: &mut Link, event: &Value) -> Option<()> {
        if event["event"] == "heartbeat" {
            let pong = json!({"event": "heartbeat", "message": "pong"});
            return send(&mut link.socket, &pong);
        }
        let part = match event["roomid"].as_str() {
            Some(roomid) => self.parts.iter_mut().find(|part| part.roomid == roomid),
            // What is of no room is of the first one.
            None => self.parts.first_mut(),
        };
        part?.receive(&self.scene, event)
    }
}
