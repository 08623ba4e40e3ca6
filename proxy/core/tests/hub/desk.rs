//! A hub with its questions laid out: the test answers them, in whatever order and as late as it likes.

use bytes::Bytes;
use hub_core::Asks;
use hub_core::ask::{Answer, Ask, Attached, Back, Fault, Joined, Question, Range, Request, Row};
use hub_core::budget::admission::Admission;
use hub_core::event::{Event, Login};
use hub_core::handle::{Beat, ConnId, Handle, Push, Pushed};
use hub_core::hub::Hub;
use hub_core::rights::Rights;
use hub_core::routes::ALL;
use hub_core::settings::Settings;
use room_core::announce::{self, Header, Kind};
use room_core::position::{Position, Tag};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// A connection that takes everything, unless it is told to be full.
#[derive(Clone, Default)]
pub(crate) struct Conn(Rc<Inner>);

#[derive(Default)]
struct Inner {
    bytes: RefCell<Vec<u8>>,
    full: Cell<bool>,
    beat: Cell<Beat>,
    done: Cell<usize>,
    spent: Cell<u64>,
    ended: RefCell<Vec<String>>,
}

impl Handle for Conn {
    fn push(&self, _: u64, frames: &Bytes, how: Push) -> Pushed {
        if self.0.full.get() && matches!(how, Push::Live { .. } | Push::Page { .. }) {
            return Pushed::Full;
        }
        self.0.bytes.borrow_mut().extend_from_slice(frames);
        Pushed::Taken(self.0.beat.get() + 1)
    }
    fn done(&self, bytes: usize) {
        self.0.done.set(self.0.done.get() + bytes);
    }
    fn spent(&self, work: u64) {
        self.0.spent.set(self.0.spent.get() + work);
    }
    fn ended(&self, roomid: &Arc<str>, _: u32) {
        self.0.ended.borrow_mut().push(roomid.to_string());
    }
}

impl Conn {
    /// The events that came since the last look.
    pub(crate) fn take(&self) -> Vec<Value> {
        let bytes = std::mem::take(&mut *self.0.bytes.borrow_mut());
        let mut rest = &bytes[..];
        let mut events = Vec::new();
        while let [first, len, after @ ..] = rest {
            assert_eq!(*first, 0x81, "a whole text frame");
            let (len, after) = match len {
                126 => (
                    usize::from(u16::from_be_bytes([after[0], after[1]])),
                    &after[2..],
                ),
                127 => (
                    u64::from_be_bytes(after[..8].try_into().unwrap()) as usize,
                    &after[8..],
                ),
                len => (usize::from(*len), after),
            };
            events.push(serde_json::from_slice(&after[..len]).unwrap());
            rest = &after[len..];
        }
        events
    }

    /// The names of the events that came since the last look; a message shows its `message`.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |event: &Value| match event["event"].as_str().unwrap() {
            "message" => event["message"].as_str().unwrap().to_owned(),
            name => name.to_owned(),
        };
        self.take().iter().map(name).collect()
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.0.full.set(full);
    }
    pub(crate) fn done(&self) -> usize {
        self.0.done.get()
    }
    pub(crate) fn spent(&self) -> u64 {
        self.0.spent.get()
    }
    pub(crate) fn ended(&self) -> usize {
        self.0.ended.borrow().len()
    }
    /// A heartbeat was sent; its number.
    pub(crate) fn beat(&self) -> Beat {
        self.0.beat.set(self.0.beat.get() + 1);
        self.0.beat.get()
    }
}

pub(crate) struct Desk {
    pub(crate) hub: Hub<Conn>,
    pub(crate) asks: Asks,
    pub(crate) now: u64,
    pub(crate) generation: u64,
    /// The log of room `r`, from 1 on, and the positions from 0 on.
    pub(crate) log: Vec<Row>,
    pub(crate) at: Vec<Position>,
    pub(crate) online: u64,
}

/// A member's login with all rights, as the first one of its connection.
pub(crate) fn login_of(uid: &str) -> Login {
    Login {
        number: 1,
        uid: uid.into(),
        name: None,
        since: None,
        history: 0,
        acks: false,
        guest: false,
        rights: Rights::ALL,
        told: None,
        admission: Admission::Free,
    }
}

pub(crate) fn refused(code: &str) -> Fault {
    Fault::Refused {
        code: code.into(),
        message: "no".into(),
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        let mut desk = Self {
            hub: Hub::new(Settings::default()),
            asks: Asks::new(),
            now: 1_000,
            generation: 0,
            log: Vec::new(),
            at: vec![Position::new(0, Tag(7))],
            online: 1,
        };
        desk.up();
        desk
    }

    pub(crate) fn up(&mut self) {
        self.generation += 1;
        let up = Some(self.generation);
        self.hub.routed(&[ALL], up);
        self.serve();
    }

    pub(crate) fn down(&mut self) {
        self.hub.down(self.now, self.generation, &mut self.asks);
        self.serve();
    }

    pub(crate) fn head(&self) -> Position {
        *self.at.last().unwrap()
    }

    /// Another history, from here on.
    pub(crate) fn born_again(&mut self, birth: u32) {
        self.log.clear();
        self.at = vec![Position::new(0, Tag(birth))];
    }

    /// Stores a message; its announcement.
    pub(crate) fn say(&mut self, text: &str) -> Bytes {
        let row = Row {
            seq: self.log.len() as u64 + 1,
            ms: 5,
            uid: "bob".into(),
            payload: format!(r#"{{"event":"message","message":"{text}"}}"#).into_bytes(),
        };
        let at = self.head().next(row.ms, b"bob", &row.payload);
        let frame = self.frame(Kind::Message, at, "bob", &row.payload);
        self.log.push(row);
        self.at.push(at);
        frame
    }

    pub(crate) fn control(&self, uid: &str, what: &str) -> Bytes {
        self.frame(Kind::Control, self.head(), uid, what.as_bytes())
    }

    /// Somebody writes.
    pub(crate) fn typing(&self, uid: &str) -> Bytes {
        let typing = br#"{"event":"typing"}"#;
        self.frame(Kind::Ephemeral, self.head(), uid, typing)
    }

    pub(crate) fn frame(&self, kind: Kind, at: Position, uid: &str, payload: &[u8]) -> Bytes {
        let mut out = Vec::new();
        let header = Header {
            kind,
            db: 0,
            seq: at.seq,
            tag: at.tag,
            ms: 5,
            online: self.online,
            members: 9,
            uid,
        };
        announce::write(&mut out, &header, payload);
        out.into()
    }

    pub(crate) fn hear(&mut self, frame: &Bytes) {
        let (now, generation) = (self.now, self.generation);
        self.hub
            .announced(now, generation, "room:r", frame, &mut self.asks);
        self.serve();
    }

    pub(crate) fn serve(&mut self) {
        while self.hub.serve(self.now, &mut || true, &mut self.asks) {}
    }

    pub(crate) fn event(&mut self, id: ConnId, conn: &Conn, event: Event) {
        self.hub
            .client(self.now, id, conn, &"r".into(), event, 1, &mut self.asks);
        self.serve();
    }

    pub(crate) fn login_to(&mut self, room: &Arc<str>, id: ConnId, conn: &Conn, uid: &str) {
        let login = login_of(uid);
        let event = Event::Login(Box::new(login));
        self.hub
            .client(self.now, id, conn, room, event, 1, &mut self.asks);
        self.serve();
    }

    pub(crate) fn login(&mut self, id: ConnId, conn: &Conn, uid: &str, since: Option<Position>) {
        let login = Login {
            since,
            ..login_of(uid)
        };
        self.event(id, conn, Event::Login(Box::new(login)));
    }

    /// Somebody logs in as the first one of the room, up to the join: its number.
    pub(crate) fn asks_to_join(&mut self, id: ConnId, conn: &Conn, uid: &str) -> Request {
        self.login(id, conn, uid, None);
        let (subscribe, _) = self.one();
        self.answer(subscribe, Ok(Answer::Done));
        let (join, ask) = self.one();
        assert!(matches!(ask, Ask::Join { .. }), "{ask:?}");
        join
    }

    pub(crate) fn beat_answered(&mut self, id: ConnId, beat: Beat) {
        self.hub
            .answered(self.now, id, &["r".into()], beat, &mut self.asks);
    }

    pub(crate) fn low(&mut self, id: ConnId) {
        self.hub.low(self.now, id, &["r".into()], &mut self.asks);
        self.serve();
    }

    pub(crate) fn answer(&mut self, request: Request, answer: Result<Answer, Fault>) {
        let (now, generation) = (self.now, self.generation);
        self.hub
            .answer(now, generation, request, answer, &mut self.asks);
        self.serve();
    }

    /// Time passes, and what is due is done.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(next) = self.hub.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.hub.tick(self.now, &mut self.asks);
            self.serve();
        }
        self.now = end;
    }

    /// Takes the only open question.
    pub(crate) fn one(&mut self) -> (Request, Ask) {
        assert_eq!(self.asks.len(), 1, "{:?}", self.asks);
        let Question { request, ask, .. } = self.asks.remove(0);
        (request, ask)
    }

    /// The room is deleted and made anew by somebody else; its seats join again: the question of the first.
    pub(crate) fn deleted(&mut self) -> Request {
        let gone = self.control("-", "gone");
        self.born_again(9);
        self.hear(&gone);
        let (request, _) = self.one();
        self.answer(request, Err(refused("NOROOM")));
        let (join, ask) = self.one();
        assert!(matches!(ask, Ask::Join { .. }), "{ask:?}");
        join
    }

    pub(crate) fn joined(&self, at: Position) -> Answer {
        Answer::Joined(Joined {
            position: at,
            head: self.head(),
            pending: self.head().seq - at.seq,
            members: 9,
            online: 1,
            ..Joined::default()
        })
    }

    pub(crate) fn attached(&self) -> Answer {
        Answer::Attached(Attached {
            head: Some(self.head()),
            counts: Some((9, 1)),
            online: Some(vec!["ann".into()]),
            ..Attached::default()
        })
    }

    pub(crate) fn range(&self, from: u64, count: u64) -> Answer {
        // Beyond the head there is nothing, and that is behind the head.
        let before = (from as usize - 1).min(self.log.len());
        let rows = self.log[before..].iter().take(count as usize);
        let before = self.at[before];
        Answer::Range(Range {
            head: self.head(),
            before,
            rows: rows.cloned().collect(),
        })
    }

    /// The last `count` messages of `from` to `to`; the log is whole.
    pub(crate) fn back(&self, from: u64, to: u64, count: u64) -> Answer {
        let begin = from.max((to + 1).saturating_sub(count));
        let Answer::Range(range) = self.range(begin, (to + 1).saturating_sub(begin)) else {
            unreachable!("it is a range");
        };
        Answer::Back(Back {
            range,
            more: begin > from,
            gone: 0,
        })
    }

    /// Answers all questions in their order as a server would that has everything; the questions.
    pub(crate) fn answer_all(&mut self) -> Vec<Ask> {
        let mut all = Vec::new();
        while !self.asks.is_empty() {
            all.push(self.answer_first());
        }
        all
    }

    pub(crate) fn answer_first(&mut self) -> Ask {
        let Question { request, ask, .. } = self.asks.remove(0);
        let answer = match &ask {
            Ask::Join { since, .. } => self.joined(since.unwrap_or(self.head())),
            Ask::Attach(_) => self.attached(),
            Ask::Range { from, count, .. } => self.range(*from, *count),
            Ask::Back {
                from, to, count, ..
            } => self.back(*from, *to, *count),
            _ => Answer::Done,
        };
        self.answer(request, Ok(answer));
        ask
    }
}
