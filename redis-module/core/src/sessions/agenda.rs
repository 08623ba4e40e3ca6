//! Row numbers in the order in which something is to be done with them; they grow by one small piece at a time.
//!
//! A row may be gone when its turn comes, or its number may be given to another: whoever takes a number out looks
//! whether the row that has it now wants what is to be done.

use std::collections::{BTreeMap, VecDeque};

/// Numbers in one piece.
const PIECE: usize = 1024;

/// First in, first out.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pieces: VecDeque<Vec<u32>>,
    /// How many of the first piece are taken out.
    taken: usize,
}

impl Queue {
    pub(super) fn push(&mut self, row: u32) {
        match self.pieces.back_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(row),
            _ => self.pieces.push_back(vec![row]),
        }
    }

    pub(super) fn front(&self) -> Option<u32> {
        self.pieces.front()?.get(self.taken).copied()
    }

    pub(super) fn pop(&mut self) -> Option<u32> {
        let row = self.front()?;
        self.taken += 1;
        if self
            .pieces
            .front()
            .is_some_and(|piece| self.taken == piece.len())
        {
            self.pieces.pop_front();
            self.taken = 0;
        }
        Some(row)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Frees one piece of a queue that nobody uses any more. Whether there was one.
    pub(super) fn scrap(&mut self) -> bool {
        self.pieces.pop_back().is_some()
    }
}

/// Rows by the time in milliseconds at which they are due.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    days: BTreeMap<u64, Queue>,
}

impl Agenda {
    pub(super) fn push(&mut self, when: u64, row: u32) {
        self.days.entry(when).or_default().push(row);
    }

    /// The earliest one that is due at `now`, and when it was due.
    pub(super) fn pop(&mut self, now: u64) -> Option<(u64, u32)> {
        let mut first = self.days.first_entry()?;
        let when = *first.key();
        if when > now {
            return None;
        }
        let row = first.get_mut().pop();
        if first.get().is_empty() {
            first.remove();
        }
        row.map(|row| (when, row))
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// Frees one piece of an agenda that nobody uses any more. Whether there was one.
    pub(super) fn scrap(&mut self) -> bool {
        let Some(mut last) = self.days.last_entry() else {
            return false;
        };
        last.get_mut().scrap();
        if last.get().is_empty() {
            last.remove();
        }
        true
    }
}
