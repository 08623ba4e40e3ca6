//! The heartbeats of one connection: when one is due, which one an answer belongs to, and when silence means death. Pure:
//! time comes in as milliseconds of any clock that does not go back.
//!
//! Rooms note what they sent under the number of the next heartbeat; whoever answers it has had all that. A client confirms
//! in one of three ways: by `ack` events (rooms see to those), else by answering the JSON heartbeat, else, if it never
//! answers one, by the pong of its WebSocket stack.
//!
//! Answers carry no number: the first one that comes belongs to the first heartbeat, and so on. A client that leaves one
//! out therefore confirms a question later than it could, but never what it has not seen.

use crate::handle::Beat;

/// Heartbeats that ask for confirmation come at most this often in the long run …
pub const BEAT_INTERVAL_MS: u64 = 1000;
/// … but after a quiet time some may follow one another at once, so that a short conversation is confirmed promptly.
const BEAT_BURST_MS: u64 = 3000;
/// A client that answered a ping but no heartbeat for so long is one that never does.
const PONG_COUNTS_AFTER_MS: u64 = 3000;
/// Heartbeats that may wait for their answers; after that only pings are sent.
pub const MOST_UNANSWERED: u64 = 32;

/// What the clock wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// Nothing.
    Nothing,
    /// A heartbeat is to be sent ([`Beats::beat`]).
    Beat,
    /// A ping is to be sent ([`Beats::ping`]): too many heartbeats are not answered yet.
    Ping,
    /// The connection gave no sign of life for too long.
    Dead,
    /// A pong counts as the answer to this heartbeat.
    Confirmed(Beat),
}

/// See the top of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beats {
    /// Heartbeats that were sent.
    sent: Beat,
    /// JSON answers that came; the n-th belongs to heartbeat n.
    answers: Beat,
    /// Heartbeats that are no longer waited for: they may be asked about again.
    overdue: u64,
    /// The highest heartbeat whose ping came back.
    ponged: Beat,
    /// The highest heartbeat for which a pong was accepted in place of a JSON answer.
    taken: Beat,
    /// The highest number under which something was sent that a heartbeat is to confirm.
    noted: Beat,
    last_asked: u64,
    /// When the next heartbeat would be due if all came in the long run's distance.
    next_due: u64,
    /// When something last came from the client.
    heard: u64,
}

impl Beats {
    /// Of a connection that begins at `now`.
    pub fn new(now: u64) -> Self {
        Self {
            heard: now,
            ..Self::default()
        }
    }

    /// The number of the next heartbeat: what is sent now is noted under it.
    pub const fn next(&self) -> Beat {
        self.sent + 1
    }

    /// Something is sent that a heartbeat is to confirm; the number that it is noted under.
    pub const fn note(&mut self) -> Beat {
        self.noted = self.next();
        self.noted
    }

    /// Something was sent that no answer has confirmed.
    pub fn waits(&self) -> bool {
        self.noted > self.confirmed()
    }

    fn confirmed(&self) -> Beat {
        self.answers.max(self.taken)
    }

    fn unanswered(&self) -> u64 {
        self.sent - self.confirmed()
    }

    /// Whether an answer is being waited for.
    fn is_asking(&self) -> bool {
        self.unanswered() > self.overdue
    }

    fn is_due(&self, now: u64) -> bool {
        now + BEAT_BURST_MS >= self.next_due + BEAT_INTERVAL_MS
    }

    /// Whether a heartbeat may follow what is sent now: none is being waited for, and the last ones are long enough ago.
    pub fn may_beat(&self, now: u64) -> bool {
        !self.is_asking() && self.is_due(now)
    }

    /// A heartbeat is sent: its number, and that of the ping that must go with it if the client never answered one.
    pub fn beat(&mut self, now: u64) -> (Beat, Option<u64>) {
        self.overdue = self.unanswered();
        self.sent += 1;
        self.last_asked = now;
        self.next_due = self.next_due.max(now) + BEAT_INTERVAL_MS;
        (self.sent, (self.answers == 0).then_some(self.sent))
    }

    /// Another ping is sent for the newest heartbeat; its number.
    pub const fn ping(&mut self, now: u64) -> u64 {
        self.last_asked = now;
        self.sent
    }

    /// Something came from the client, or it took what its socket was too full for.
    pub fn heard(&mut self, now: u64) {
        self.heard = self.heard.max(now);
    }

    /// The client answered a heartbeat: which one. `None` if nobody had asked.
    pub fn answered(&mut self) -> Option<Beat> {
        if self.answers >= self.sent {
            return None;
        }
        self.answers += 1;
        self.overdue = self.overdue.min(self.unanswered());
        // A pong may have been taken for this answer already.
        Some(self.answers)
    }

    /// The client's WebSocket stack answered the ping with this number.
    pub fn ponged(&mut self, number: u64) {
        if number <= self.sent {
            self.ponged = self.ponged.max(number);
        }
    }

    /// This process stood still for the last `by` ms: that was not the client's silence.
    pub fn paused(&mut self, now: u64, by: u64) {
        self.heard = (self.heard + by).min(now);
        self.last_asked = (self.last_asked + by).min(now);
    }

    /// Looks at the clock. A client that said nothing for `idle` ms is asked, one for `dead` ms is given up; `waits`:
    /// something sent waits for its confirmation.
    pub fn tick(&mut self, now: u64, idle: u64, dead: u64, waits: bool) -> Tick {
        if now.saturating_sub(self.heard) >= dead {
            return Tick::Dead;
        }
        if self.is_asking() {
            let pong_counts = self.answers == 0 && now >= self.last_asked + PONG_COUNTS_AFTER_MS;
            if pong_counts && self.ponged == self.sent {
                self.taken = self.ponged;
                self.overdue = 0;
                return Tick::Confirmed(self.taken);
            }
            return match now >= self.last_asked + idle {
                false => Tick::Nothing,
                true if self.unanswered() < MOST_UNANSWERED => Tick::Beat,
                true => Tick::Ping,
            };
        }
        let quiet = now >= self.last_asked + idle && now >= self.heard + idle;
        let due = quiet || (waits && self.is_due(now));
        if due { Tick::Beat } else { Tick::Nothing }
    }
}

#[cfg(test)]
mod tests;
