//! A worker: owns the rooms that are its, and lets them handle what comes in.

use crate::broken::panic_at;
use crate::clock;
use crate::conn::shared::ConnHandle;
use crate::inbox::{Inbox, Input, Inputs};
use crate::link::{Pairs, Questions};
use hub_core::ask::Question;
use hub_core::hub::Hub;
use hub_core::settings::Settings;
use hub_core::{Asks, Figures};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::error;

/// How long rooms are served before the worker looks at what came in meanwhile.
const SLICE: Duration = Duration::from_micros(300);

/// What a worker is given.
pub(crate) struct Given {
    pub(crate) number: usize,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) settings: Settings,
    pub(crate) figures: Arc<Mutex<Figures>>,
    pub(crate) pairs: Arc<Pairs>,
    /// Called after a panic: connections and sessions of the lost rooms must end.
    pub(crate) failed: Box<dyn Fn() + Send>,
    /// A defect on request.
    pub(crate) panics: bool,
}

struct Worker {
    given: Given,
    hub: Hub<ConnHandle>,
    asks: Asks,
    stopped: Option<oneshot::Sender<()>>,
}

/// Works for ever.
pub(crate) async fn run(given: Given) {
    let mut worker = Worker {
        hub: Hub::new(given.settings.clone()),
        given,
        asks: Vec::new(),
        stopped: None,
    };
    let mut inputs = Inputs::default();
    loop {
        worker.given.inbox.take(&mut inputs);
        let turn = AssertUnwindSafe(|| worker.turn(&mut inputs));
        let left = match catch_unwind(turn) {
            Ok(left) => left,
            Err(_) => {
                inputs.clear();
                worker.begin_again();
                false
            }
        };
        if left || !worker.given.inbox.is_empty() {
            // Connections on this thread have their turn.
            tokio::task::yield_now().await;
            continue;
        }
        worker.sleep().await;
    }
}

impl Worker {
    /// Handles what came in and serves rooms for a moment. Whether something is left to serve.
    fn turn(&mut self, inputs: &mut Inputs) -> bool {
        let now = clock::now_ms();
        let mut list = std::mem::take(&mut inputs.list);
        for input in list.drain(..) {
            self.feed(now, input, inputs);
        }
        inputs.list = list;
        inputs.clear();
        if self.hub.next().is_some_and(|due| due <= now) {
            self.hub.tick(now, &mut self.asks);
        }
        // Redis can begin with the questions while seats are written to.
        self.ask();
        let left = self.serve(now);
        self.ask();
        if self.hub.has_served() {
            self.hub.handed_out(clock::unix_ms());
        }
        *self.given.figures.lock() = self.hub.figures();
        if self.stopped.is_some() && !left && self.hub.is_idle() {
            self.stopped.take().map(|stopped| stopped.send(()));
        }
        left
    }

    fn feed(&mut self, now: u64, input: Input, inputs: &Inputs) {
        let (hub, asks) = (&mut self.hub, &mut self.asks);
        match input {
            Input::Client {
                conn,
                handle,
                roomid,
                event,
                bytes,
            } => {
                panic_at("room", self.given.panics, &roomid);
                hub.client(now, conn, &handle, &roomid, event, bytes, asks);
            }
            Input::Gone { conn, rooms } => hub.gone(now, conn, &rooms, asks),
            Input::Low { conn, rooms } => hub.low(now, conn, &rooms, asks),
            Input::Answered { conn, rooms, beat } => hub.answered(now, conn, &rooms, beat, asks),
            Input::Announced { generation, text } => {
                if let Some((channel, frame)) = inputs.text(text) {
                    hub.announced(now, generation, channel, frame, asks);
                }
            }
            Input::Answer {
                generation,
                request,
                answer,
            } => hub.answer(now, generation, request, answer, asks),
            Input::Routed(slots, to) => hub.routed(&slots, to),
            Input::Down(generation) => hub.down(now, generation, asks),
            Input::Elsewhere {
                generation,
                request,
                ask,
                asking,
            } => hub.elsewhere(now, generation, request, ask, asking, asks),
            Input::Unsubscribed(generation, channel) => hub.unsubscribed(generation, &channel),
            Input::Announce(generation) => hub.announce(now, generation, asks),
            Input::Stop(stopped) => {
                hub.stop(now, asks);
                self.stopped = Some(stopped);
            }
            // The desk's.
            Input::Call(_) | Input::Pairs(_) => {}
        }
    }

    fn ask(&mut self) {
        let mut asks = std::mem::take(&mut self.asks);
        while let Some(first) = asks.first() {
            let generation = first.to;
            let others: Vec<Question> = asks.extract_if(.., |ask| ask.to != generation).collect();
            self.given.pairs.ask(Questions {
                worker: self.given.number,
                generation,
                asks,
            });
            asks = others;
        }
    }

    fn serve(&mut self, now: u64) -> bool {
        let began = Instant::now();
        let mut more = || began.elapsed() < SLICE;
        while self.hub.serve(now, &mut more, &mut self.asks) {
            if !more() {
                return true;
            }
        }
        false
    }

    async fn sleep(&self) {
        let some = self.given.inbox.some();
        match self.hub.next() {
            Some(due) => {
                let wait = due.saturating_sub(clock::now_ms());
                let _ = timeout(Duration::from_millis(wait), some).await;
            }
            None => some.await,
        }
    }

    /// A panic left the rooms in a state that nobody knows: all are given up, with their connections and sessions.
    fn begin_again(&mut self) {
        error!("a worker failed: all connections are closed, and begin again");
        self.hub = Hub::new(self.given.settings.clone());
        self.asks.clear();
        (self.given.failed)();
    }
}
