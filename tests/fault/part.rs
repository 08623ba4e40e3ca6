//! What one client does in one room, and writes down of it.

use crate::history::{Diary, Event, Kind, Moment};
use crate::people::Scene;
use harness::random::Random;
use room_core::position::Position;
use serde_json::{Value, json};
use std::collections::{HashSet, VecDeque};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket};

/// After an error of the server a client waits for so long before it tries again.
const AGAIN: Duration = Duration::from_millis(100);

/// See the top of the file.
pub(crate) struct Part {
    pub(crate) roomid: String,
    pub(crate) diary: Diary,
    pub(crate) position: Option<Position>,
    remembered: HashSet<Position>,
    /// Texts that a careful client has not confirmed yet.
    outbox: VecDeque<String>,
    written: u64,
    here: Here,
}

/// How far it is on this connection.
struct Here {
    logged_in: bool,
    synced: bool,
    /// Sends again at once what was not confirmed, not only when it has seen that the missed messages do not hold it.
    hasty: bool,
    /// When the first of the outbox was sent on this connection.
    in_flight: Option<Instant>,
    send_after: Instant,
    /// The login was refused in passing, and is to be sent again.
    enters_again: Option<Instant>,
    /// Something came that a careful client is to confirm.
    owes_ack: bool,
}

impl Here {
    fn new(hasty: bool) -> Self {
        Self {
            logged_in: false,
            synced: false,
            hasty,
            in_flight: None,
            send_after: Instant::now(),
            enters_again: None,
            owes_ack: false,
        }
    }
}

impl Part {
    pub(crate) fn new(roomid: &str, diary: Diary) -> Self {
        Self {
            roomid: roomid.to_owned(),
            diary,
            position: None,
            remembered: HashSet::new(),
            outbox: VecDeque::new(),
            written: 0,
            here: Here::new(false),
        }
    }

    pub(crate) fn note(&mut self, scene: &Scene, event: Event) {
        let moment: Moment = (scene.now(), event);
        self.diary.moments.push(moment);
    }

    /// On a new connection: how it logs in there.
    pub(crate) fn begin(&mut self, random: &mut Random) -> Value {
        let careful = self.diary.kind == Kind::Careful;
        self.here = Here::new(careful && random.below(2) == 0);
        self.login()
    }

    fn login(&self) -> Value {
        let mut login = json!({"event": "login", "name": self.diary.device, "roomid": self.roomid, "uid": self.diary.uid});
        if self.diary.kind == Kind::Careful {
            login["ack"] = "client".into();
            login["v"] = 1.into();
            if let Some(since) = self.position {
                login["since"] = since.to_string().into();
            }
        }
        login
    }

    /// Why it is not at rest; empty if it is.
    pub(crate) fn restless(&self) -> &'static str {
        match (self.here.synced, self.outbox.is_empty()) {
            (false, _) => "not synced",
            (_, false) => "a message is not confirmed",
            _ => "",
        }
    }

    /// Nothing came for a moment. `None` if it gives its connection up.
    pub(crate) fn idle(&mut self, scene: &Scene, socket: &mut WebSocket<TcpStream>) -> Option<()> {
        if std::mem::take(&mut self.here.owes_ack)
            && let Some(position) = self.position
        {
            let ack =
                json!({"event": "ack", "roomid": self.roomid, "position": position.to_string()});
            send(socket, &ack)?;
        }
        let sent = self.here.in_flight;
        let stuck = sent.is_some_and(|sent| sent.elapsed() > scene.answers_within);
        (!stuck).then_some(())
    }

    /// Says something, if it is time to.
    pub(crate) fn talk(
        &mut self,
        scene: &Scene,
        random: &mut Random,
        socket: &mut WebSocket<TcpStream>,
    ) -> Option<()> {
        let now = Instant::now();
        if self.here.enters_again.take_if(|at| *at <= now).is_some() {
            return send(socket, &self.login());
        }
        let ready = self.here.synced || (self.here.hasty && self.here.logged_in);
        if !ready || now < self.here.send_after {
            return Some(());
        }
        let talking = scene.is_talking();
        if self.diary.kind == Kind::Plain {
            if talking {
                let text = self.write(scene);
                send(socket, &self.message(&text))?;
                self.wait(scene, random);
            }
            return Some(());
        }
        if talking && self.outbox.len() < 3 {
            let text = self.write(scene);
            self.outbox.push_back(text);
        }
        if self.here.in_flight.is_none()
            && let Some(text) = self.outbox.front().cloned()
        {
            self.here.in_flight = Some(now);
            let mut message = self.message(&text);
            message["id"] = text.into();
            send(socket, &message)?;
            self.wait(scene, random);
        }
        Some(())
    }

    fn message(&self, text: &str) -> Value {
        json!({"event": "message", "roomid": self.roomid, "message": text})
    }

    fn wait(&mut self, scene: &Scene, random: &mut Random) {
        let (least, more) = scene.pace;
        let pause = least + random.below(more) as u64;
        self.here.send_after = Instant::now() + Duration::from_millis(pause);
    }

    /// A text that nobody wrote before.
    fn write(&mut self, scene: &Scene) -> String {
        self.written += 1;
        let text = format!("{}-{}", self.diary.device, self.written);
        self.note(scene, Event::Sent(text.clone()));
        text
    }

    /// An event of this room. `None` if it gives its connection up.
    pub(crate) fn receive(&mut self, scene: &Scene, event: &Value) -> Option<()> {
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
                    self.note(scene, Event::Login { position, new });
                    self.here.logged_in = true;
                    if self.position.is_none() || self.diary.kind == Kind::Plain {
                        self.position = Some(position);
                    }
                }
            }
            Some("synced") => self.here.synced = true,
            Some("message") => self.heard(scene, event, position()?),
            Some("sent") => self.confirmed(scene, event["id"].as_str()?),
            Some("lost") => {
                let (from, to) = (event["from"].as_u64()?, event["to"].as_u64()?);
                let reason = event["reason"].as_str()?.to_owned();
                self.note(scene, Event::Lost { from, to, reason });
                self.position = Some(position()?);
            }
            Some("reset") => {
                self.note(scene, Event::Reset(position()?));
                self.position = Some(position()?);
            }
            Some("error") => {
                // Another attempt after a moment …
                self.here.in_flight = None;
                self.here.send_after = Instant::now() + AGAIN;
                if !self.here.logged_in {
                    // … and of the login, if clients stay, or else on another connection.
                    scene.stays.then_some(())?;
                    self.here.enters_again = Some(self.here.send_after);
                }
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

    fn heard(&mut self, scene: &Scene, event: &Value, position: Position) {
        let (uid, text) = (
            event["uid"].as_str().unwrap_or("?").to_owned(),
            event["message"].as_str().unwrap_or("?").to_owned(),
        );
        self.position = Some(position);
        self.here.owes_ack = self.diary.kind == Kind::Careful;
        if self.diary.kind == Kind::Careful && !self.remembered.insert(position) {
            self.note(scene, Event::Repeated(position));
            return;
        }
        let mine = text
            .split_once('-')
            .is_some_and(|(device, _)| device == self.diary.device);
        let saw = Event::Saw {
            position,
            uid,
            text: text.clone(),
        };
        self.note(scene, saw);
        if mine {
            match self.diary.kind {
                Kind::Careful | Kind::Package => self.confirmed(scene, &text),
                Kind::Plain => self.note(scene, Event::Confirmed(text)),
            }
        }
    }

    fn confirmed(&mut self, scene: &Scene, text: &str) {
        if self.outbox.front().is_some_and(|first| first == text) {
            self.outbox.pop_front();
            self.here.in_flight = None;
            self.note(scene, Event::Confirmed(text.to_owned()));
        }
    }
}

/// Sends an event.
pub(crate) fn send(socket: &mut WebSocket<TcpStream>, event: &Value) -> Option<()> {
    socket.send(Message::text(event.to_string())).ok()
}
