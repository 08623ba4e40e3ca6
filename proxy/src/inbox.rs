//! What workers are told: one queue for each, and which one a room is told by.

use crate::conn::shared::ConnHandle;
use bytes::Bytes;
use hub_core::ask::{Answer, Fault, Request};
use hub_core::event::Event;
use hub_core::handle::{Beat, ConnId};
use parking_lot::Mutex;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tokio::sync::{Notify, oneshot};

/// Bytes of announcements that may wait for a worker. With more of them the link is made anew: its rooms then read from the
/// log what they need of it.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// A queue that was longer once does not keep the memory.
const KEPT: usize = 4096;

/// See [`hub_core::hub::Hub`], whose functions these are.
pub(crate) enum Input {
    Client {
        conn: ConnId,
        handle: ConnHandle,
        roomid: Arc<str>,
        event: Event,
        bytes: usize,
    },
    Gone {
        conn: ConnId,
        rooms: Vec<Arc<str>>,
    },
    Low {
        conn: ConnId,
        rooms: Vec<Arc<str>>,
    },
    Answered {
        conn: ConnId,
        rooms: Vec<Arc<str>>,
        beat: Beat,
    },
    Announced {
        generation: u64,
        channel: String,
        frame: Bytes,
    },
    Answer {
        generation: u64,
        request: Request,
        answer: Result<Answer, Fault>,
    },
    Up(u64),
    Down(u64),
    Announce,
    /// The answer comes when nothing is left to report.
    Stop(oneshot::Sender<()>),
}

#[derive(Default)]
struct Waiting {
    inputs: Vec<Input>,
    /// Of the announcements among them.
    bytes: usize,
}

/// The queue of one worker.
#[derive(Default)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    some: Notify,
}

impl Inbox {
    /// Puts something in. False: too much waits.
    pub(crate) fn push(&self, input: Input) -> bool {
        let bytes = match &input {
            Input::Announced { frame, .. } => frame.len(),
            _ => 0,
        };
        let (first, fits) = {
            let mut waiting = self.waiting.lock();
            waiting.inputs.push(input);
            waiting.bytes += bytes;
            (waiting.inputs.len() == 1, waiting.bytes <= MOST_BYTES)
        };
        if first {
            self.some.notify_one();
        }
        fits
    }

    /// Takes all there is; `empty` takes its place.
    pub(crate) fn take(&self, empty: &mut Vec<Input>) {
        if empty.capacity() > KEPT {
            *empty = Vec::new();
        }
        let mut waiting = self.waiting.lock();
        waiting.bytes = 0;
        std::mem::swap(&mut waiting.inputs, empty);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().inputs.is_empty()
    }

    /// Returns when something is there, or was since the last time.
    pub(crate) async fn some(&self) {
        self.some.notified().await;
    }
}

/// The queues of all workers.
pub(crate) struct Inboxes {
    key_prefix: String,
    all: Vec<Arc<Inbox>>,
    hasher: RandomState,
}

impl Inboxes {
    /// `many` of them, at least one.
    pub(crate) fn new(key_prefix: &str, many: usize) -> Self {
        Self {
            key_prefix: key_prefix.to_owned(),
            all: (0..many.max(1)).map(|_| Arc::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// All of them, in the order of the workers' numbers.
    pub(crate) fn all(&self) -> &[Arc<Inbox>] {
        &self.all
    }

    fn at(&self, roomid: &str) -> usize {
        match self.all.len() {
            1 => 0,
            many => (self.hasher.hash_one(roomid) % many as u64) as usize,
        }
    }

    /// The queue of the worker that has this room.
    pub(crate) fn of(&self, roomid: &str) -> &Inbox {
        // `at` is below their number.
        &self.all[self.at(roomid)]
    }

    /// Tells each worker that has some of the rooms.
    pub(crate) fn tell_each(&self, rooms: &[Arc<str>], input: impl Fn(Vec<Arc<str>>) -> Input) {
        if let [only] = &self.all[..] {
            if !rooms.is_empty() {
                only.push(input(rooms.to_vec()));
            }
            return;
        }
        for (i, inbox) in self.all.iter().enumerate() {
            let of_it = rooms.iter().filter(|roomid| self.at(roomid) == i);
            let of_it: Vec<Arc<str>> = of_it.cloned().collect();
            if !of_it.is_empty() {
                inbox.push(input(of_it));
            }
        }
    }

    /// Tells all workers.
    pub(crate) fn tell_all(&self, input: impl Fn() -> Input) {
        for inbox in &self.all {
            inbox.push(input());
        }
    }

    /// An announcement. False: too much waits.
    pub(crate) fn announced(&self, generation: u64, channel: String, frame: Bytes) -> bool {
        let roomid = channel.strip_prefix(&self.key_prefix).unwrap_or(&channel);
        self.of(roomid).push(Input::Announced {
            generation,
            channel,
            frame,
        })
    }
}
