//! What workers are told: one queue for each, and which one a room is told by.

use crate::calls::Called;
use crate::conn::shared::ConnHandle;
use hub_core::ask::{Answer, Ask, Fault, Request};
use hub_core::event::Event;
use hub_core::handle::{Beat, ConnId};
use hub_core::routes::Range;
use parking_lot::Mutex;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tokio::sync::{Notify, oneshot};

/// Bytes of announcements that may wait for a worker. With more of them the link is made anew: its rooms then read from the
/// log what they need of it.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// A queue that was longer once does not keep the memory: inputs, and bytes of announcements.
const KEPT: usize = 512;
const KEPT_BYTES: usize = 64 * 1024;
/// With so much in its queue a worker is woken whatever else is to be read.
const PLENTY: usize = 64;

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
    /// An announcement; its text is in [`Inputs::text`].
    Announced {
        generation: u64,
        text: Text,
    },
    Answer {
        generation: u64,
        request: Request,
        answer: Result<Answer, Fault>,
    },
    Routed(Arc<[Range]>, Option<u64>),
    Down(u64),
    Announce(u64),
    /// A node did not do what it was asked.
    Elsewhere {
        generation: u64,
        request: Request,
        ask: Ask,
        asking: Option<u64>,
    },
    /// A node ended a subscription; to which channel.
    Unsubscribed(u64, String),
    /// The answer comes when nothing is left to report.
    Stop(oneshot::Sender<()>),
    /// What a backend asks; for the desk only.
    Call(Called),
    /// Which pairs there are; for the desk only.
    Pairs(oneshot::Sender<Vec<u64>>),
}

/// Where an announcement's channel and frame are: one behind the other.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    begin: usize,
    frame: usize,
    end: usize,
}

/// What came in, in its order.
#[derive(Default)]
pub(crate) struct Inputs {
    pub(crate) list: Vec<Input>,
    /// The announcements' text. Copied together, so that what the link's thread allocated is freed there: else both
    /// threads wait for the allocator's lock.
    text: Vec<u8>,
    /// The worker was woken for them.
    woken: bool,
}

impl Inputs {
    /// Empty again.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.list.shrink_to(KEPT);
        self.text.clear();
        self.text.shrink_to(KEPT_BYTES);
        self.woken = false;
    }

    /// Whether the worker is to be woken, which it was not yet.
    fn wakes(&mut self, wanted: bool) -> bool {
        let wakes = wanted && !self.woken;
        self.woken |= wakes;
        wakes
    }

    fn keep(&mut self, channel: &[u8], frame: &[u8]) -> Text {
        let begin = self.text.len();
        self.text.extend_from_slice(channel);
        self.text.extend_from_slice(frame);
        Text {
            begin,
            frame: begin + channel.len(),
            end: self.text.len(),
        }
    }

    /// Channel and frame of an announcement; a channel that is not text is no room's.
    pub(crate) fn text(&self, text: Text) -> Option<(&str, &[u8])> {
        let channel = self.text.get(text.begin..text.frame)?;
        let frame = self.text.get(text.frame..text.end)?;
        Some((std::str::from_utf8(channel).ok()?, frame))
    }
}

/// The queue of one worker.
#[derive(Default)]
pub(crate) struct Inbox {
    waiting: Mutex<Inputs>,
    some: Notify,
}

impl Inbox {
    /// Puts something in.
    pub(crate) fn push(&self, input: Input) {
        let wakes = {
            let mut waiting = self.waiting.lock();
            waiting.list.push(input);
            waiting.wakes(true)
        };
        self.wake(wakes);
    }

    /// Puts an announcement in, which is looked at after [`Inboxes::wake`]. False: too much waits.
    fn announced(&self, generation: u64, channel: &[u8], frame: &[u8]) -> bool {
        let (wakes, fits) = {
            let mut waiting = self.waiting.lock();
            let text = waiting.keep(channel, frame);
            waiting.list.push(Input::Announced { generation, text });
            let is_plenty = waiting.list.len() >= PLENTY;
            (waiting.wakes(is_plenty), waiting.text.len() <= MOST_BYTES)
        };
        self.wake(wakes);
        fits
    }

    fn wake(&self, wakes: bool) {
        if wakes {
            self.some.notify_one();
        }
    }

    /// Wakes the worker, if there is something that it was not woken for.
    fn wake_if_some(&self) {
        let wakes = {
            let mut waiting = self.waiting.lock();
            let is_some = !waiting.list.is_empty();
            waiting.wakes(is_some)
        };
        self.wake(wakes);
    }

    /// Takes all there is; `empty` takes its place.
    pub(crate) fn take(&self, empty: &mut Inputs) {
        std::mem::swap(&mut *self.waiting.lock(), empty);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().list.is_empty()
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
    /// Of what has no rooms, and hears of links and answers as workers do.
    desk: Option<Arc<Inbox>>,
    hasher: RandomState,
    /// Something was announced since the workers were woken.
    heard: Notify,
}

impl Inboxes {
    /// `many` of them, at least one.
    pub(crate) fn new(key_prefix: &str, many: usize) -> Self {
        Self {
            key_prefix: key_prefix.to_owned(),
            all: (0..many.max(1)).map(|_| Arc::default()).collect(),
            desk: None,
            hasher: RandomState::new(),
            heard: Notify::new(),
        }
    }

    /// The same with one for the desk; its number is behind those of the workers.
    pub(crate) fn with_desk(mut self) -> (Self, usize, Arc<Inbox>) {
        let desk = Arc::<Inbox>::default();
        self.desk = Some(desk.clone());
        let number = self.all.len();
        (self, number, desk)
    }

    /// The one of this number.
    pub(crate) fn numbered(&self, number: usize) -> Option<&Inbox> {
        let of_worker = self.all.get(number);
        let desk = || self.desk.as_ref().filter(|_| number == self.all.len());
        of_worker.or_else(desk).map(|inbox| &**inbox)
    }

    /// All workers', in the order of their numbers.
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

    /// Tells all workers, and the desk.
    pub(crate) fn tell_all(&self, input: impl Fn() -> Input) {
        for inbox in self.all.iter().chain(&self.desk) {
            inbox.push(input());
        }
    }

    /// An announcement. False: too much waits.
    pub(crate) fn announced(&self, generation: u64, channel: &[u8], frame: &[u8]) -> bool {
        let Ok(key) = std::str::from_utf8(channel) else {
            // A room's key is text.
            return true;
        };
        let roomid = key.strip_prefix(&self.key_prefix).unwrap_or(key);
        let fits = self.of(roomid).announced(generation, channel, frame);
        self.heard.notify_one();
        fits
    }

    /// A subscription ended that nobody may have asked to end.
    pub(crate) fn unsubscribed(&self, generation: u64, channel: &[u8]) {
        if let Ok(key) = std::str::from_utf8(channel) {
            let roomid = key.strip_prefix(&self.key_prefix).unwrap_or(key);
            let input = Input::Unsubscribed(generation, key.to_owned());
            self.of(roomid).push(input);
        }
    }

    /// Wakes workers after announcements, for ever. On the link's thread, whose turn this is when the link has read what
    /// there is: of a burst, workers see as much as came together, and seats get it in one piece.
    pub(crate) async fn wake(&self) {
        loop {
            self.heard.notified().await;
            for inbox in &self.all {
                inbox.wake_if_some();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn is_woken(inbox: &Inbox) -> bool {
        inbox.some().now_or_never().is_some()
    }

    #[test]
    fn announcements_wait_until_the_link_has_read_all_and_nothing_else_does() {
        let inboxes = Inboxes::new("room:", 1);
        let inbox = &inboxes.all()[0];
        assert!(inboxes.announced(1, b"room:a", b"x"));
        assert!(!is_woken(inbox), "more may follow");
        assert!(inboxes.wake().now_or_never().is_none());
        assert!(is_woken(inbox));
        let mut taken = Inputs::default();
        inbox.take(&mut taken);
        let Some(Input::Announced { text, .. }) = taken.list.first() else {
            panic!("an announcement");
        };
        assert_eq!(taken.text(*text), Some(("room:a", &b"x"[..])));
        taken.clear();

        inboxes.announced(1, b"room:a", b"x");
        inbox.push(Input::Announce(1));
        assert!(
            is_woken(inbox),
            "what is behind an announcement does not wait with it"
        );
        inbox.take(&mut taken);
        taken.clear();

        for _ in 0..PLENTY {
            assert!(!is_woken(inbox));
            inboxes.announced(1, b"room:a", b"x");
        }
        assert!(is_woken(inbox), "so much is not waited with");
        inboxes.announced(1, b"room:a", b"x");
        assert!(!is_woken(inbox), "once is enough");
    }
}
