//! What rooms and the rest of a proxy share of a connection: what waits for the socket, the heartbeats, what is done.

use bytes::Bytes;
use hub_core::beats::Beats;
use hub_core::event::LoginNumber;
use hub_core::events;
use hub_core::handle::{ConnId, Handle, Push, Pushed};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// Live frames are refused beyond so many waiting bytes; pages unless less than a quarter waits.
pub(crate) const LIMIT: usize = 4_000;
pub(crate) const LOW: usize = LIMIT / 4;

/// Connections about which there is something to do.
pub(crate) type Dirty = Rc<RefCell<Vec<ConnId>>>;

/// See the top of the file.
#[derive(Clone)]
pub(crate) struct SimHandle(pub(crate) Rc<Shared>);

pub(crate) struct Shared {
    pub(crate) conn: ConnId,
    dirty: Dirty,
    pub(crate) beats: RefCell<Beats>,
    pub(crate) outbox: RefCell<VecDeque<Bytes>>,
    pub(crate) waiting: Cell<usize>,
    /// Something was refused: it is to be told when little waits.
    pub(crate) hungry: Cell<bool>,
    pub(crate) closed: Cell<bool>,
    pub(crate) done: RefCell<Vec<usize>>,
    pub(crate) ended: RefCell<Vec<(Arc<str>, LoginNumber)>>,
    /// How often something was refused.
    pub(crate) fulls: Cell<u64>,
    /// It takes whatever comes: a planted defect.
    boundless: bool,
}

impl SimHandle {
    pub(crate) fn new(conn: ConnId, dirty: Dirty, now: u64, boundless: bool) -> Self {
        Self(Rc::new(Shared {
            conn,
            dirty,
            beats: RefCell::new(Beats::new(now)),
            outbox: RefCell::default(),
            waiting: Cell::new(0),
            hungry: Cell::new(false),
            closed: Cell::new(false),
            done: RefCell::default(),
            ended: RefCell::default(),
            fulls: Cell::new(0),
            boundless,
        }))
    }
}

impl Shared {
    pub(crate) fn put(&self, frames: Bytes) {
        self.waiting.set(self.waiting.get() + frames.len());
        self.outbox.borrow_mut().push_back(frames);
        self.dirty.borrow_mut().push(self.conn);
    }

    /// Sends a heartbeat, and the ping that goes with it.
    pub(crate) fn beat(&self, now: u64) {
        let (_, ping) = self.beats.borrow_mut().beat(now);
        self.put(events::heartbeat().clone());
        if let Some(number) = ping {
            self.put(events::ping(number));
        }
    }
}

impl Handle for SimHandle {
    fn push(&self, now: u64, frames: &Bytes, how: Push) -> Pushed {
        let shared = &*self.0;
        if shared.closed.get() {
            return Pushed::Gone;
        }
        let waiting = shared.waiting.get();
        let (full, asks) = match how {
            Push::Answer | Push::Begin => (false, false),
            Push::Told { asks } => (false, asks),
            Push::Live { asks } => (waiting > 0 && waiting + frames.len() > LIMIT, asks),
            Push::Page { asks } => (waiting > LOW, asks),
        };
        if full && !shared.boundless {
            shared.hungry.set(true);
            shared.fulls.set(shared.fulls.get() + 1);
            return Pushed::Full;
        }
        shared.put(frames.clone());
        if !asks {
            return Pushed::Taken(shared.beats.borrow().next());
        }
        let (number, due) = {
            let mut beats = shared.beats.borrow_mut();
            (beats.note(), beats.may_beat(now))
        };
        if due {
            shared.beat(now);
        }
        Pushed::Taken(number)
    }

    fn done(&self, bytes: usize) {
        self.0.done.borrow_mut().push(bytes);
        self.0.dirty.borrow_mut().push(self.0.conn);
    }

    fn ended(&self, roomid: &Arc<str>, login: LoginNumber) {
        self.0.ended.borrow_mut().push((roomid.clone(), login));
        self.0.dirty.borrow_mut().push(self.0.conn);
    }
}
