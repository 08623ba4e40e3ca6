//! What one connection was sent and has confirmed. Pure: time comes in as milliseconds of any clock that does not go
//! back.
//!
//! A **seat** is a connection's place in one room. Its client confirms what it processed in one of three ways:
//! by `ack` events (if it said so at login), else by answering the JSON heartbeat, else, if it never answers one, by the
//! pong of its WebSocket stack. An answer covers everything that was sent before the question.
//!
//! Answers carry no number: the first one that comes belongs to the first heartbeat, and so on. A client that leaves one
//! out therefore confirms a question later than it could, but never what it has not seen.

use room_core::position::Position;
use smallvec::SmallVec;
use std::collections::VecDeque;

/// Heartbeats that ask for confirmation come at most this often in the long run …
pub const BEAT_INTERVAL_MS: u64 = 1000;
/// … but after a quiet time some may follow one another at once, so that a short conversation is confirmed promptly.
const BEAT_BURST_MS: u64 = 3000;
/// A client that answered a ping but no heartbeat for so long is one that never does.
const PONG_COUNTS_AFTER_MS: u64 = 3000;

/// Heartbeats that may wait for their answers; after that only pings are sent.
const MOST_UNANSWERED: u64 = 32;

/// One room on this connection.
#[derive(Clone, Debug)]
struct Seat {
    sent: Position,
    confirmed: Position,
    /// What heartbeats without an answer cover: their number, and everything up to there.
    covered: VecDeque<(u64, Position)>,
    /// The client sends `ack` events.
    acks: bool,
}

impl Seat {
    const fn new(at: Position, acks: bool) -> Self {
        Self {
            sent: at,
            confirmed: at,
            covered: VecDeque::new(),
            acks,
        }
    }

    /// Heartbeat `number` covers everything that was sent.
    fn cover(&mut self, number: u64) {
        let last = self.covered.back().map_or(self.confirmed, |(_, at)| *at);
        if !self.acks && self.sent.seq > last.seq {
            self.covered.push_back((number, self.sent));
        }
    }

    /// What the answer to heartbeat `number` confirms.
    fn uncover(&mut self, number: u64) -> Option<Position> {
        let many = self.covered.partition_point(|(known, _)| *known <= number);
        let to = self.covered.drain(..many).next_back().map(|(_, at)| at);
        if self.covered.is_empty() {
            // A connection at rest keeps no memory for it.
            self.covered = VecDeque::new();
        }
        let to = to.filter(|to| to.seq > self.confirmed.seq)?;
        self.confirmed = to;
        Some(to)
    }
}

/// A seat's number, unique in this proxy: one that is gone never comes back as another.
pub type Slot = u64;

/// What the clock wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// Nothing.
    Nothing,
    /// A heartbeat is to be sent.
    Beat,
    /// A ping is to be sent: too many heartbeats are not answered yet.
    Ping,
    /// The connection gave no sign of life for too long.
    Dead,
}

/// See the top of the file.
#[derive(Debug, Default)]
pub struct Confirmations {
    /// The first one lies beside the rest: it is looked at with every delivery.
    seats: SmallVec<[(Slot, Seat); 1]>,
    /// Heartbeats that were sent, and answers that came: the latter belong to the first ones.
    beats: u64,
    answers: u64,
    /// Heartbeats that were given up waiting for.
    overdue: u64,
    /// The newest heartbeat whose ping was answered, and the newest one for which that was taken as the answer.
    ponged: u64,
    taken: u64,
    last_asked: u64,
    /// When the next heartbeat would be due if all came in the long run's distance.
    next_due: u64,
    heard: u64,
}

impl Confirmations {
    /// A connection that begins at `now`.
    pub fn new(now: u64) -> Self {
        Self {
            heard: now,
            ..Self::default()
        }
    }

    /// A new seat that has everything up to `at`.
    pub fn open(&mut self, slot: Slot, at: Position, acks: bool) {
        self.seats.push((slot, Seat::new(at, acks)));
    }

    /// Ends a seat. Whether there was one.
    pub fn close(&mut self, slot: Slot) -> bool {
        let before = self.seats.len();
        self.seats.retain(|(known, _)| *known != slot);
        self.seats.len() < before
    }

    /// Whether there is such a seat.
    pub fn has(&self, slot: Slot) -> bool {
        self.seats.iter().any(|(known, _)| *known == slot)
    }

    fn seat(&mut self, slot: Slot) -> Option<&mut Seat> {
        self.seats
            .iter_mut()
            .find(|(known, _)| *known == slot)
            .map(|(_, seat)| seat)
    }

    /// Starts a seat anew after a `reset`: what is sent next continues `at`.
    pub fn restart(&mut self, slot: Slot, at: Position) {
        if let Some(seat) = self.seat(slot) {
            *seat = Seat::new(at, seat.acks);
        }
    }

    /// What the client confirmed to have.
    pub fn confirmed(&self, slot: Slot) -> Option<Position> {
        let seat = self.seats.iter().find(|(known, _)| *known == slot);
        seat.map(|(_, seat)| seat.confirmed)
    }

    /// Messages up to `to` were handed to the connection. False if the seat is gone.
    pub fn sent(&mut self, slot: Slot, to: Position) -> bool {
        match self.seat(slot) {
            Some(seat) => {
                seat.sent = to;
                true
            }
            None => false,
        }
    }

    /// Live messages up to `to` are about to be handed to the connection. `None` if the seat is gone; else whether a
    /// heartbeat should follow them.
    pub fn deliver(&mut self, slot: Slot, to: Position, now: u64) -> Option<bool> {
        let seat = self.seat(slot)?;
        seat.sent = to;
        Some(!seat.acks && !self.is_asking() && self.may_ask(now))
    }

    /// Whether a heartbeat should follow what is being sent to this seat now.
    pub fn wants_beat(&self, slot: Slot, now: u64) -> bool {
        let asks = |(known, seat): &(Slot, Seat)| *known == slot && !seat.acks;
        self.seats.iter().any(asks) && !self.is_asking() && self.may_ask(now)
    }

    /// Heartbeats without an answer.
    fn unanswered(&self) -> u64 {
        self.beats - self.answers.max(self.taken)
    }

    /// Whether an answer is being waited for.
    fn is_asking(&self) -> bool {
        self.unanswered() > self.overdue
    }

    fn may_ask(&self, now: u64) -> bool {
        now + BEAT_BURST_MS >= self.next_due + BEAT_INTERVAL_MS
    }

    /// A heartbeat was sent; the number of the ping that should go with it.
    pub fn beat(&mut self, now: u64) -> Option<u64> {
        self.overdue = self.unanswered();
        self.beats += 1;
        self.last_asked = now;
        self.next_due = self.next_due.max(now) + BEAT_INTERVAL_MS;
        let number = self.beats;
        self.seats
            .iter_mut()
            .for_each(|(_, seat)| seat.cover(number));
        (self.answers == 0).then_some(number)
    }

    /// Another ping was sent for the outstanding heartbeat; its number.
    pub fn ping(&mut self, now: u64) -> u64 {
        self.last_asked = now;
        self.beats
    }

    /// Something came from the client.
    pub fn heard(&mut self, now: u64) {
        self.heard = now;
    }

    /// The client answered a heartbeat. Calls `each` with the seats that this confirms.
    pub fn answered(&mut self, each: impl FnMut(Slot, Position)) {
        if self.answers < self.beats {
            self.answers += 1;
            self.overdue = self.overdue.min(self.unanswered());
            self.uncover(self.answers, each);
        }
    }

    fn uncover(&mut self, number: u64, mut each: impl FnMut(Slot, Position)) {
        for (slot, seat) in &mut self.seats {
            if let Some(to) = seat.uncover(number) {
                each(*slot, to);
            }
        }
    }

    /// The client's WebSocket stack answered the ping with this number.
    pub fn ponged(&mut self, number: u64) {
        if number <= self.beats {
            self.ponged = self.ponged.max(number);
        }
    }

    /// The client says that it processed everything up to `position`. False if that was never sent to it.
    pub fn acked(&mut self, slot: Slot, position: Position) -> bool {
        let Some(seat) = self.seat(slot) else {
            return false;
        };
        let known = position.seq < seat.sent.seq || position == seat.sent;
        if known && position.seq > seat.confirmed.seq {
            seat.confirmed = position;
        }
        known
    }

    /// Looks at the clock. `each` is called with seats that a pong confirms.
    pub fn tick(
        &mut self,
        now: u64,
        idle_ms: u64,
        dead_ms: u64,
        each: impl FnMut(Slot, Position),
    ) -> Tick {
        if now.saturating_sub(self.heard) >= dead_ms {
            return Tick::Dead;
        }
        if self.is_asking() {
            let pong_counts = self.answers == 0 && now >= self.last_asked + PONG_COUNTS_AFTER_MS;
            if pong_counts && self.ponged == self.beats {
                self.taken = self.ponged;
                self.overdue = 0;
                self.uncover(self.taken, each);
                return Tick::Nothing;
            }
            return match now >= self.last_asked + idle_ms {
                false => Tick::Nothing,
                true if self.unanswered() < MOST_UNANSWERED => Tick::Beat,
                true => Tick::Ping,
            };
        }
        let unconfirmed =
            |(_, seat): &(Slot, Seat)| !seat.acks && seat.sent.seq > seat.confirmed.seq;
        let waits = self.seats.iter().any(unconfirmed);
        let quiet = now >= self.last_asked + idle_ms && now >= self.heard + idle_ms;
        let due = quiet || (waits && self.may_ask(now));
        if due { Tick::Beat } else { Tick::Nothing }
    }
}

#[cfg(test)]
mod tests;
