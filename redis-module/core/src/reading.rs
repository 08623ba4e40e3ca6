//! Where somebody reads on in a room, and what is gone of what was to be read.

use crate::log::Reason;
use crate::position::{Position, Seq};
use crate::room::Room;

/// Where a session that joins begins to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// It has everything up to here, or is told what of it is gone.
    pub position: Position,
    /// Messages that are gone: from, to, why.
    pub lost: Option<Lost>,
    /// The given position is in this room's history.
    pub resumed: bool,
    /// The given position is of another history.
    pub reset: bool,
}

impl Start {
    /// What the session has acknowledged. That messages are gone it is only about to be told: until it acknowledges something
    /// behind them, it has what lies before them and no more, so that it is told again if the word does not arrive.
    pub const fn acknowledged(&self) -> Seq {
        match &self.lost {
            Some(lost) => lost.from.saturating_sub(1),
            None => self.position.seq,
        }
    }
}

/// A run of messages that somebody missed and cannot get any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The first one.
    pub from: Seq,
    /// The last one.
    pub to: Seq,
    /// Why the first one is gone.
    pub reason: Reason,
}

impl Room {
    /// The cursor of a newcomer who wants the last `history` messages.
    pub fn newcomer_cursor(&self, history: u64) -> Seq {
        let head = self.log.head().seq;
        head.saturating_sub(history)
            .max(self.log.first().saturating_sub(1))
            .min(head)
    }

    /// Whether `position` is in this room's history; `None` where the log no longer reaches back to it.
    pub fn verify(&self, position: Position) -> Option<bool> {
        if position.seq > self.log.head().seq {
            return Some(false);
        }
        self.log
            .position_at(position.seq)
            .map(|known| known == position)
    }

    /// Where a session that has everything up to `cursor` reads on, and what it has lost.
    pub fn start_at(&self, cursor: Seq) -> (Position, Option<Lost>) {
        match self.log.position_at(cursor) {
            Some(position) => (position, None),
            None => {
                let start = self.log.start();
                let from = cursor.saturating_add(1);
                let lost = (from <= start.seq).then(|| Lost {
                    from,
                    to: start.seq,
                    reason: self.log.drops().reason_of(from),
                });
                (start, lost)
            }
        }
    }

    /// Where a session starts that brings the position `since`: after it if it matches, from what is left after it if
    /// the log no longer reaches back, and from `cursor` if it is of another history.
    pub fn resume(&self, since: Position, cursor: Seq) -> Start {
        match self.verify(since) {
            Some(true) => Start {
                position: since,
                lost: None,
                resumed: true,
                reset: false,
            },
            Some(false) => {
                let (position, lost) = self.start_at(cursor);
                Start {
                    position,
                    lost,
                    resumed: false,
                    reset: true,
                }
            }
            None => {
                let (position, lost) = self.start_at(since.seq);
                Start {
                    position,
                    lost,
                    resumed: false,
                    reset: false,
                }
            }
        }
    }

    /// Messages after `cursor` that are stored.
    pub fn pending(&self, cursor: Seq) -> u64 {
        let from = cursor.max(self.log.first().saturating_sub(1));
        self.log.head().seq.saturating_sub(from)
    }

    /// Messages after `cursor` that are gone.
    pub fn lost(&self, cursor: Seq) -> u64 {
        self.log.first().saturating_sub(1).saturating_sub(cursor)
    }
}
