//! One direction of a connection: what is sent arrives later, in the order in which it was sent.

use crate::random::Random;
use std::collections::VecDeque;

/// See the top of the file. Times in milliseconds of the virtual clock.
pub(crate) struct Pipe<T> {
    queue: VecDeque<(u64, T)>,
    last: u64,
    stalled_until: u64,
    delay: Delay,
    random: Random,
}

/// How long something takes, from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delay {
    pub(crate) least: u64,
    pub(crate) most: u64,
}

impl<T> Pipe<T> {
    pub(crate) fn new(delay: Delay, random: Random) -> Self {
        Self {
            queue: VecDeque::new(),
            last: 0,
            stalled_until: 0,
            delay,
            random,
        }
    }

    pub(crate) fn send(&mut self, now: u64, item: T) {
        let span = self.delay.most - self.delay.least;
        // Most are quick, some are late.
        let late = self.random.to(span) * self.random.to(100) / 100;
        self.last = self.last.max(now + self.delay.least + late);
        self.queue.push_back((self.last, item));
    }

    /// Nothing arrives until then.
    pub(crate) fn stall(&mut self, until: u64) {
        self.stalled_until = self.stalled_until.max(until);
    }

    /// When the next one arrives.
    pub(crate) fn next(&self) -> Option<u64> {
        let (at, _) = self.queue.front()?;
        Some((*at).max(self.stalled_until))
    }

    pub(crate) fn pop(&mut self, now: u64) -> Option<T> {
        match self.next() {
            Some(at) if at <= now => self.queue.pop_front().map(|(_, item)| item),
            _ => None,
        }
    }

    /// What is on its way never arrives.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}
