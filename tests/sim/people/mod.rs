//! People's devices: what each knows, says and does about what it hears. Careful ones do as `room.js`: they remember their
//! position, confirm what they processed, and send again what was not confirmed. Plain ones do as the tutorial's page.

mod hears;
mod reads_back;

use crate::checker::{Judge, Track, Who};
use crate::link::earliest;
use crate::plan::{GUEST, MOST_DEVICES};
use crate::random::Random;
use crate::stats::Stats;
use crate::truth::Truth;
use hub_core::handle::ConnId;
use reads_back::ReadsBack;
use std::collections::{HashSet, VecDeque};

/// Without a sign of life for so long a connection is given up: more than the proxies' time until they ask.
const SILENCE: u64 = 12_000;
/// A message without an answer for so long is given up with its connection.
const ANSWER_WITHIN: u64 = 15_000;

/// The devices: name, uid, whether they are careful, whether they answer heartbeats, proxy, rooms.
type Kind = (
    &'static str,
    &'static str,
    bool,
    bool,
    usize,
    &'static [usize],
);
pub(crate) const KINDS: [Kind; MOST_DEVICES] = [
    ("ann-phone", "ann", true, true, 0, &[0, 1]),
    ("ann-laptop", "ann", true, true, 0, &[0]),
    ("bob", "bob", false, true, 1, &[0]),
    ("cid", "cid", true, true, 1, &[0, 1, 2]),
    ("dee", "dee", false, true, 0, &[0, 1]),
    ("eve", "eve", true, true, 1, &[0, 2]),
    ("fay", "fay", false, false, 0, &[0, 2]),
    ("gus", "gus", true, true, 1, &[0]),
    ("hal", "hal", true, true, 1, &[0, 1, 2]),
];

pub(crate) const ROOMIDS: [&str; crate::plan::ROOMS] = ["r0", "r1", "r2"];
pub(crate) const KEYS: [&str; crate::plan::ROOMS] = ["room:r0", "room:r1", "room:r2"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It logs in then, if it is connected.
    Out(u64),
    Asked(u64),
    In,
}

/// A device's place in a room.
pub(crate) struct Place {
    pub(crate) room: usize,
    pub(crate) state: State,
    pub(crate) synced: bool,
    /// Since when.
    pub(crate) synced_at: u64,
    pub(crate) track: Track,
    /// What is not confirmed yet, with its padding; the first one may be in flight since then.
    pub(crate) outbox: VecDeque<(String, u64)>,
    pub(crate) in_flight: Option<u64>,
    retry_at: u64,
    ack_at: Option<u64>,
    reads_back: ReadsBack,
}

/// See the top of the file.
pub(crate) struct Device {
    pub(crate) kind: Kind,
    pub(crate) shared: bool,
    pub(crate) guest: bool,
    pub(crate) home: usize,
    pub(crate) conn: Option<ConnId>,
    pub(crate) connect_at: u64,
    pub(crate) crawls_until: u64,
    heard: u64,
    pub(crate) places: Vec<Place>,
    random: Random,
    said: u64,
    /// Its messages that were refused for good.
    pub(crate) refused: HashSet<String>,
    /// Those that may have been stored or not, or may be later: it went on without waiting.
    pub(crate) unsure: HashSet<String>,
    /// What a plain one said and has no answer to.
    unanswered: Vec<String>,
    /// What it says now, and the pings it answers.
    pub(crate) says: Vec<String>,
    pub(crate) pongs: Vec<u64>,
}

/// What a device's turn works on.
pub(crate) struct Scene<'a> {
    pub(crate) now: u64,
    pub(crate) truth: &'a Truth,
    pub(crate) stats: &'a mut Stats,
    pub(crate) wrong: &'a mut Vec<String>,
    pub(crate) trace: bool,
    /// How late messages are heard at most, where that is judged.
    pub(crate) latest: Option<u64>,
}

impl Device {
    pub(crate) fn new(number: usize, seed: u64) -> Self {
        let kind = KINDS[number];
        let mut random = Random::new(seed, 100 + number as u64);
        let place = |room: &usize| Place {
            room: *room,
            state: State::Out(0),
            synced: false,
            synced_at: 0,
            track: Track::default(),
            outbox: VecDeque::new(),
            in_flight: None,
            retry_at: 0,
            ack_at: None,
            reads_back: ReadsBack::default(),
        };
        Self {
            kind,
            guest: number == GUEST,
            shared: KINDS.iter().filter(|other| other.1 == kind.1).count() > 1,
            home: kind.4,
            conn: None,
            connect_at: random.to(100),
            crawls_until: 0,
            heard: 0,
            places: kind.5.iter().map(place).collect(),
            random,
            said: 0,
            refused: HashSet::new(),
            unsure: HashSet::new(),
            unanswered: Vec::new(),
            says: Vec::new(),
            pongs: Vec::new(),
        }
    }

    pub(crate) fn who(&self) -> Who<'static> {
        Who {
            name: self.kind.0,
            uid: self.kind.1,
            careful: self.kind.2,
            shared: self.shared,
            guest: self.guest,
        }
    }

    fn is_careful(&self) -> bool {
        self.kind.2
    }

    pub(crate) fn place_of(&self, room: usize) -> Option<usize> {
        self.places.iter().position(|place| place.room == room)
    }

    pub(crate) fn connected(&mut self, now: u64, conn: ConnId) {
        self.conn = Some(conn);
        self.heard = now;
        self.places
            .iter_mut()
            .for_each(|place| place.state = State::Out(now));
        self.log_in(now);
    }

    /// Its connection is over; it comes back after `ms`.
    pub(crate) fn disconnected(&mut self, now: u64, ms: u64) {
        self.conn = None;
        self.connect_at = now + ms;
        self.says.clear();
        self.pongs.clear();
        // A plain one does not say it again, and goes on elsewhere.
        self.unsure.extend(self.unanswered.drain(..));
        for place in &mut self.places {
            place.state = State::Out(0);
            place.synced = false;
            place.in_flight = None;
            place.ack_at = None;
            place.reads_back.stop();
            place.track.owed_kick = None;
            Judge::parted(&mut place.track);
        }
    }

    fn log_in(&mut self, now: u64) {
        let careful = self.is_careful();
        let due = |place: &&mut Place| matches!(place.state, State::Out(at) if at <= now);
        let mut entries = Vec::new();
        for place in self.places.iter_mut().filter(due) {
            place.state = State::Asked(now);
            place.synced = false;
            let roomid = ROOMIDS[place.room];
            let since = place.track.last.filter(|_| careful);
            entries.push(match since {
                Some(since) => format!("\"roomid\":\"{roomid}\",\"since\":\"{since}\""),
                None => format!("\"roomid\":\"{roomid}\""),
            });
        }
        let ack = if careful {
            ",\"ack\":\"client\",\"v\":1"
        } else {
            ""
        };
        let role = if self.guest { ",\"as\":\"guest\"" } else { "" };
        let (name, uid) = (self.kind.0, self.kind.1);
        let login =
            format!("{{\"event\":\"login\",\"uid\":\"{uid}\",\"name\":\"{name}\"{role}{ack}");
        if entries.len() > 1 && self.random.once_in(2) {
            let rooms: Vec<String> = entries.iter().map(|entry| format!("{{{entry}}}")).collect();
            self.says
                .push(format!("{login},\"rooms\":[{}]}}", rooms.join(",")));
        } else {
            self.says
                .extend(entries.iter().map(|entry| format!("{login},{entry}}}")));
        }
    }

    /// It is to say something.
    pub(crate) fn publish(&mut self, now: u64, room: usize, padding: u64) {
        let at = self.place_of(room).unwrap_or(0);
        self.said += 1;
        let text = format!("{}-{}", self.kind.0, self.said);
        let place = &mut self.places[at];
        if self.kind.2 {
            place.outbox.push_back((text, padding));
            self.send(now, at);
        } else if self.conn.is_some() && place.state == State::In {
            self.says.push(message(ROOMIDS[place.room], &text, padding));
            self.unanswered.push(text);
        }
    }

    pub(crate) fn signal(&mut self, room: usize) {
        if let Some(at) = self.place_of(room)
            && self.places[at].state == State::In
        {
            let roomid = ROOMIDS[room];
            self.says.push(format!(
                "{{\"event\":\"typing\",\"roomid\":\"{roomid}\",\"on\":true}}"
            ));
        }
    }

    pub(crate) fn leave(&mut self, room: usize) {
        if let Some(at) = self.place_of(room)
            && self.places[at].state == State::In
        {
            self.says.push(format!(
                "{{\"event\":\"leave\",\"roomid\":\"{}\"}}",
                ROOMIDS[room]
            ));
        }
    }

    pub(crate) fn logout(&mut self) {
        for place in self.places.iter().filter(|place| place.state == State::In) {
            let roomid = ROOMIDS[place.room];
            if let Some(at) = place.track.last.filter(|_| self.kind.2) {
                self.says.push(format!(
                    "{{\"event\":\"ack\",\"roomid\":\"{roomid}\",\"position\":\"{at}\"}}"
                ));
            }
            self.says
                .push(format!("{{\"event\":\"logout\",\"roomid\":\"{roomid}\"}}"));
        }
    }

    /// Sends the first of the outbox, if its turn has come.
    fn send(&mut self, now: u64, at: usize) {
        // Some send again at once, others when they have seen that the missed messages do not hold it.
        let hasty = self.kind.4 == 1;
        let place = &mut self.places[at];
        let ready = place.state == State::In && (place.synced || hasty) && place.retry_at <= now;
        if ready
            && place.in_flight.is_none()
            && let Some((text, padding)) = place.outbox.front()
        {
            place.in_flight = Some(now);
            self.says.push(message(ROOMIDS[place.room], text, *padding));
        }
    }

    /// Looks at the clock. Whether it gives its connection up.
    pub(crate) fn look(&mut self, now: u64) -> bool {
        if self.conn.is_none() {
            return false;
        }
        self.log_in(now);
        for at in 0..self.places.len() {
            if let Some(due) = self.places[at].ack_at
                && due <= now
            {
                self.ack(at);
            }
            self.send(now, at);
        }
        let stuck = |place: &Place| {
            let asked = match place.state {
                State::Asked(since) => Some(since),
                _ => None,
            };
            earliest([asked, place.in_flight]).is_some_and(|since| now >= since + ANSWER_WITHIN)
        };
        now >= self.heard + SILENCE || self.places.iter().any(stuck)
    }

    fn ack(&mut self, at: usize) {
        let place = &mut self.places[at];
        place.ack_at = None;
        if let Some(last) = place.track.last.filter(|_| place.state == State::In) {
            let roomid = ROOMIDS[place.room];
            self.says.push(format!(
                "{{\"event\":\"ack\",\"roomid\":\"{roomid}\",\"position\":\"{last}\"}}"
            ));
        }
    }

    /// When it wants to look at the clock.
    pub(crate) fn wakes(&self) -> u64 {
        if self.conn.is_none() {
            return self.connect_at;
        }
        let mut at = self.heard + SILENCE;
        for place in &self.places {
            let login = match place.state {
                State::Out(at) => Some(at),
                State::Asked(since) => Some(since + ANSWER_WITHIN),
                State::In => None,
            };
            let retry =
                (!place.outbox.is_empty() && place.in_flight.is_none()).then_some(place.retry_at);
            let retry = retry.filter(|at| *at > self.heard);
            let answer = place.in_flight.map(|since| since + ANSWER_WITHIN);
            at = at.min(earliest([login, place.ack_at, retry, answer]).unwrap_or(at));
        }
        at
    }
}

impl Place {
    fn out(&mut self, login_at: u64) {
        self.state = State::Out(login_at);
        self.synced = false;
        self.in_flight = None;
        self.ack_at = None;
        self.reads_back.stop();
        Judge::parted(&mut self.track);
    }
}

fn message(roomid: &str, text: &str, padding: u64) -> String {
    let pad = "x".repeat(padding as usize);
    format!(
        "{{\"event\":\"message\",\"roomid\":\"{roomid}\",\"message\":\"{text}\",\"id\":\"{text}\",\"pad\":\"{pad}\"}}"
    )
}
