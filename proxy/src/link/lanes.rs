//! The two connections of a pair as [`Lane`]s, and what waits for place on them, in its order.

use super::commands::{Channels, On, Reading, command};
use super::lane::{Lane, MOST_OPEN};
use super::pairs::Questions;
use hub_core::ask::{Ask, Question, Request};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// What a request is for.
pub(super) struct About {
    pub(super) worker: usize,
    pub(super) request: Request,
    pub(super) reading: Reading,
    /// When it was handed over.
    pub(super) since: Instant,
    /// In a cluster: the question, which comes back if another node has the room.
    pub(super) ask: Option<Ask>,
}

struct Waiting {
    worker: usize,
    question: Question,
}

/// See the top of the file.
pub(super) struct Lanes {
    pub(super) commands: Lane<About>,
    pub(super) announcements: Lane<About>,
    waiting: VecDeque<Waiting>,
    channels: Channels,
}

impl Lanes {
    pub(super) const fn new(
        commands: MultiplexedConnection,
        announcements: MultiplexedConnection,
        channels: Channels,
    ) -> Self {
        Self {
            commands: Lane::new(commands),
            announcements: Lane::new(announcements),
            waiting: VecDeque::new(),
            channels,
        }
    }

    /// Behind all that waits already.
    pub(super) fn add(&mut self, questions: Questions) {
        let worker = questions.worker;
        let asks = questions.asks.into_iter();
        self.waiting
            .extend(asks.map(|question| Waiting { worker, question }));
    }

    /// Hands over what there is place for.
    pub(super) fn send(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let now = Instant::now();
        while !self.commands.is_full() && !self.announcements.is_full() {
            let Some(next) = self.waiting.pop_front() else {
                // All came at once, perhaps: it does not keep the memory.
                self.waiting.shrink_to(MOST_OPEN);
                return;
            };
            let question = next.question;
            let sharded = self.channels == Channels::Sharded;
            let ask = sharded.then(|| question.ask.clone());
            let (on, reading, command) = command(&question.key, question.ask, self.channels);
            let about = About {
                worker: next.worker,
                request: question.request,
                reading,
                since: now,
                ask,
            };
            match on {
                On::Commands => self.commands.send(command, question.asking, about, now),
                On::Announcements => {
                    self.announcements
                        .send(command, question.asking, about, now);
                }
            }
        }
    }

    /// The next answer of either connection if it is there.
    pub(super) fn try_next(&mut self) -> Option<(About, RedisResult<Value>)> {
        let answered = self.commands.try_next();
        answered.or_else(|| self.announcements.try_next())
    }

    pub(super) fn is_late(&self, most: Duration) -> bool {
        let deadline = self.deadline(most);
        deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// When the oldest request has waited for so long.
    pub(super) fn deadline(&self, most: Duration) -> Option<Instant> {
        let both = [
            self.commands.deadline(most),
            self.announcements.deadline(most),
        ];
        both.into_iter().flatten().min()
    }
}
