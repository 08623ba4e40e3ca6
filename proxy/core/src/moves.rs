//! Rooms that went to another server while questions of clients were unanswered at the one before. What clients ask takes
//! effect in its order: so until each of those is answered there, or comes back since it was not done, what they ask since
//! waits here. There is no more of it than clients may leave unanswered.

use crate::ask::{Ask, Request};
use std::collections::HashMap;

#[derive(Debug, Default)]
struct Move {
    /// What is unanswered at a server before.
    left: Vec<Request>,
    /// What waits for that, what came back among it.
    held: Vec<(Request, Ask)>,
}

/// See the top of the file. Rooms by their places.
#[derive(Debug, Default)]
pub(crate) struct Moves(HashMap<u32, Move>);

impl Moves {
    /// A room goes, and leaves these behind.
    pub(crate) fn begin(&mut self, place: u32, left: Vec<Request>) {
        if !left.is_empty() {
            self.0.entry(place).or_default().left.extend(left);
        }
    }

    /// Whether what is asked now has to wait.
    pub(crate) fn holds(&self, place: u32) -> bool {
        self.0.contains_key(&place)
    }

    /// A question waits.
    pub(crate) fn hold(&mut self, place: u32, request: Request, ask: Ask) {
        let held = &mut self.0.entry(place).or_default().held;
        let at = held.partition_point(|(before, _)| *before < request);
        held.insert(at, (request, ask));
    }

    /// The server before did this one: what it did not do of what was asked earlier is not asked any more.
    pub(crate) fn passed(&mut self, place: u32, request: Request) -> Vec<Request> {
        let of = self.0.get_mut(&place);
        let Some(of) = of.filter(|of| of.left.contains(&request)) else {
            return Vec::new();
        };
        let many = of.held.partition_point(|(before, _)| *before < request);
        of.held.drain(..many).map(|(late, _)| late).collect()
    }

    /// The server before has nothing more to say to this one. What waited, if that was the last.
    pub(crate) fn settled(&mut self, place: u32, request: Request) -> Vec<(Request, Ask)> {
        let Some(of) = self.0.get_mut(&place) else {
            return Vec::new();
        };
        of.left.retain(|left| *left != request);
        if !of.left.is_empty() {
            return Vec::new();
        }
        let of = self.0.remove(&place);
        of.map(|of| of.held).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(held: Vec<(Request, Ask)>) -> Vec<Request> {
        held.into_iter().map(|(request, _)| request).collect()
    }

    #[test]
    fn what_came_back_goes_before_what_was_asked_since() {
        let mut moves = Moves::default();
        moves.begin(7, vec![1, 2, 3]);
        moves.begin(8, Vec::new());
        assert!(moves.holds(7) && !moves.holds(8));
        moves.hold(7, 4, Ask::Members(0));
        moves.hold(7, 2, Ask::Members(0));
        assert_eq!(numbers(moves.settled(7, 2)), [0; 0]);
        assert_eq!(numbers(moves.settled(7, 1)), [0; 0]);
        moves.hold(7, 3, Ask::Members(0));
        assert_eq!(moves.passed(7, 2), [0; 0]);
        assert_eq!(moves.passed(7, 3), [2]);
        assert_eq!(numbers(moves.settled(7, 3)), [3, 4]);
        assert!(!moves.holds(7));
        // One alone waits for nothing.
        moves.hold(9, 5, Ask::Members(0));
        assert_eq!(numbers(moves.settled(9, 5)), [5]);
    }
}
