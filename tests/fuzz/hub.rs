//! A hub: what clients say, what is announced, how Redis answers, the link and time, in any order. It never panics, asks only
//! what may be asked then, gives every event back once, writes whole frames, holds no more than its limits allow, and comes to
//! rest when a server answers it well and everybody has gone.

use crate::allocator::counted;
use crate::desk::{Conn, Log, back, frame, uid};
use crate::judge::Judge;
use crate::show;
use crate::steps::{How, Step};
use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use hub_core::Asks;
use hub_core::ask::{Answer, Ask, Fault, Question, Request};
use hub_core::handle::ConnId;
use hub_core::hub::Hub;
use hub_core::routes::ALL;
use hub_core::settings::Settings;
use room_core::announce::Kind;
use std::sync::Arc;

mod clients;

/// Events of a connection that may be under way: then it is not read any more.
const UNANSWERED: usize = 16;
/// Bytes that all of this may take: three rooms with rings and pages of the size below, and all that is under way.
const MOST_MEMORY: i64 = 4 * 1024 * 1024;

/// The target.
///
/// # Panics
/// If something is wrong.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(lazy) = bool::arbitrary(&mut input) else {
        return;
    };
    let before = counted().live;
    let mut world = World::new(lazy);
    while let Ok(step) = Step::arbitrary(&mut input) {
        show(&step);
        world.step(&step);
        let taken = counted().live - before;
        assert!(taken < MOST_MEMORY, "{taken} bytes are held");
        if input.is_empty() {
            break;
        }
    }
    world.end();
}

/// A client's connection.
struct Slot {
    id: ConnId,
    conn: Conn,
}

struct World {
    hub: Hub<Conn>,
    /// It writes only when it is told to.
    lazy: bool,
    now: u64,
    generation: u64,
    up: bool,
    asks: Asks,
    open: Vec<(Request, Arc<str>, Ask)>,
    judge: Judge,
    slots: Vec<Slot>,
    ids: ConnId,
    names: [Arc<str>; 3],
    logs: [Log; 3],
}

impl World {
    fn new(lazy: bool) -> Self {
        let settings = Settings {
            room_pause: 1000,
            page: 512,
            window: 2,
            ring: 4096,
            ..Settings::default()
        };
        let mut world = Self {
            hub: Hub::new(settings),
            lazy,
            now: 1000,
            generation: 0,
            up: false,
            asks: Asks::new(),
            open: Vec::new(),
            judge: Judge::default(),
            slots: Vec::new(),
            ids: 0,
            names: ["a".into(), "b".into(), "c".into()],
            logs: [Log::new(1), Log::new(2), Log::new(3)],
        };
        for _ in 0..4 {
            let slot = world.slot();
            world.slots.push(slot);
        }
        world.link_up();
        world
    }

    fn slot(&mut self) -> Slot {
        self.ids += 1;
        Slot {
            id: self.ids,
            conn: Conn::default(),
        }
    }

    fn place(&self, conn: u8) -> usize {
        usize::from(conn) % self.slots.len()
    }

    /// What the hub asked meanwhile is looked at; what it has to write is written.
    fn look(&mut self) {
        for Question {
            request, key, ask, ..
        } in self.asks.drain(..)
        {
            self.judge.asked(request, &key, &ask);
            self.open.push((request, key, ask));
        }
    }

    fn serve(&mut self, slices: usize) {
        let mut left = slices;
        loop {
            let mut seats = 2;
            let mut more = || {
                seats -= 1;
                seats >= 0
            };
            let behind = self.hub.serve(self.now, &mut more, &mut self.asks);
            self.look();
            left = left.saturating_sub(1);
            if !behind || left == 0 {
                return;
            }
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        match step {
            Step::Gone(_) | Step::Dies(_) | Step::Full(..) | Step::Low(_) => self.socket(step),
            Step::Beat(_) | Step::Answered(..) => self.beat(step),
            Step::Said { .. } | Step::Told { .. } | Step::Raw(..) => self.told(step),
            Step::Answer(at, how) => {
                if !self.open.is_empty() {
                    let at = usize::from(*at) % self.open.len();
                    self.answer(at, how);
                }
            }
            Step::AnswerAll => self.answer_all(),
            Step::Stray(request, back) => {
                let generation = self.generation.saturating_sub((*back % 3).into());
                let stray = self.open.iter().any(|open| open.0 == request.0);
                if !stray || generation != self.generation {
                    let answer = Ok(Answer::Done);
                    let (now, asks) = (self.now, &mut self.asks);
                    self.hub.answer(now, generation, request.0, answer, asks);
                }
            }
            Step::Up => self.link_up(),
            Step::Down => self.link_down(),
            Step::Announce => self.hub.announce(self.now, self.generation, &mut self.asks),
            Step::Pass(ms) => self.pass((*ms).into()),
            Step::Serve(slices) => self.serve((*slices).into()),
            Step::Born(room, birth) => self.logs[usize::from(*room) % 3] = Log::new(*birth),
            Step::Trim(room, many) => self.logs[usize::from(*room) % 3].trim((*many).into()),
            said => self.client(said),
        }
        self.look();
        if !self.lazy {
            self.serve(usize::MAX);
        }
    }

    fn told(&mut self, step: &Step<'_>) {
        match step {
            Step::Said {
                room,
                uid: who,
                size,
                heard,
            } => {
                let payload = vec![b'x'; usize::from(*size % 8192)];
                let frame = self.logs[usize::from(*room) % 3].say(uid(*who), payload);
                if *heard {
                    self.hear(*room, &frame);
                }
            }
            Step::Told {
                room,
                kind,
                db,
                at,
                counts,
                uid: who,
                what,
            } => {
                let log = &self.logs[usize::from(*room) % 3];
                let kind = match kind % 4 {
                    0 => Kind::Message,
                    1 => Kind::Ephemeral,
                    2 => Kind::Presence,
                    _ => Kind::Control,
                };
                let who = if *who == u8::MAX { "-" } else { uid(*who) };
                let (at, counts) = (at.of(|back| log.back(back)), (counts.0.0, counts.1.0));
                let frame = frame(kind, i32::from(*db), at, counts, who, &what.bytes());
                self.hear(*room, &frame);
            }
            Step::Raw(room, bytes) => self.hear(*room, &Bytes::copy_from_slice(bytes)),
            _ => {}
        }
    }

    fn hear(&mut self, room: u8, frame: &Bytes) {
        let channel = format!("room:{}", self.names[usize::from(room) % 3]);
        let (now, generation) = (self.now, self.generation);
        self.hub
            .announced(now, generation, &channel, frame, &mut self.asks);
    }

    fn answer(&mut self, at: usize, how: &How<'_>) {
        let (request, key, ask) = self.open.remove(at);
        let room = self.names.iter().position(|name| key.ends_with(&**name));
        let room = room.expect("the judge knows the room");
        let answer = match how {
            How::Well => {
                let (answer, told) = self.logs[room].well(&ask);
                if let Some(frame) = told {
                    self.hear(room as u8, &frame);
                    self.look();
                }
                Ok(answer)
            }
            how => self.logs[room].badly(how),
        };
        let answer = match (answer, &ask) {
            (Ok(Answer::Range(range)), Ask::Back { .. }) => Ok(back(range)),
            (answer, _) => answer,
        };
        // Whoever says that the link is down has taken it down.
        if answer == Err(Fault::Down) {
            return self.link_down();
        }
        self.judge.answered(&key, &ask, answer.is_err());
        let (now, generation) = (self.now, self.generation);
        self.hub
            .answer(now, generation, request, answer, &mut self.asks);
        self.look();
    }

    fn answer_all(&mut self) {
        for _ in 0..self.open.len() {
            if self.open.is_empty() {
                return;
            }
            self.answer(0, &How::Well);
        }
    }

    /// The link before ends with the one that takes its place: what was asked on it nobody answers.
    fn link_up(&mut self) {
        if self.up {
            self.link_down();
        }
        self.generation += 1;
        self.up = true;
        self.open.clear();
        self.judge.down();
        let up = Some(self.generation);
        self.hub.routed(&[ALL], up);
    }

    fn link_down(&mut self) {
        self.up = false;
        self.open.clear();
        self.judge.down();
        self.hub.down(self.now, self.generation, &mut self.asks);
        assert!(self.asks.is_empty(), "nothing is asked without a link");
    }

    /// Time goes on, and what is due is done.
    fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        let mut looks = 0;
        while let Some(next) = self.hub.next().filter(|next| *next <= end) {
            looks += 1;
            assert!(looks < 100_000, "time stands still at {next}");
            self.now = self.now.max(next);
            self.hub.tick(self.now, &mut self.asks);
            self.look();
        }
        self.now = end;
    }

    /// From now on Redis answers well: what is under way has its effect. Then all go, and nothing is left.
    fn end(mut self) {
        self.look();
        if !self.up {
            self.link_up();
        }
        for at in 0..self.slots.len() {
            self.socket(&Step::Low(at as u8));
        }
        self.rest();
        for slot in &self.slots {
            assert_eq!(slot.conn.0.open.get(), 0, "events without effect");
            assert_eq!(slot.conn.0.held.get(), 0, "bytes that are not given back");
        }
        for at in 0..self.slots.len() {
            self.socket(&Step::Gone(at as u8));
        }
        self.rest();
        let figures = self.hub.figures();
        assert!(self.hub.is_idle(), "something is left: {figures:?}");
        assert_eq!((figures.rooms, figures.seats), (0, 0));
        assert_eq!(self.hub.next(), None);
    }

    fn rest(&mut self) {
        for _ in 0..60 {
            self.look();
            self.serve(usize::MAX);
            self.answer_all();
            self.pass(100);
        }
    }
}
