//! Long reads take turns. A page of a log or of members costs Redis as much as dozens of messages, and whatever is asked
//! after it waits behind it. So only so many are asked at the same time, and the rest wait here, where one room's wait for
//! each other before they wait for another room's.

use crate::ask::{Question, Request};
use std::collections::{HashMap, VecDeque};

/// See the top of the file.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Long reads without an answer.
    asked: usize,
    /// What waits, by the place of its room; none of them is empty.
    waiting: HashMap<u32, VecDeque<Question>>,
    /// The same rooms, in the order of their turns.
    rooms: VecDeque<u32>,
}

impl Turns {
    /// The question back if it may be asked now.
    pub(crate) fn take(&mut self, place: u32, question: Question, most: usize) -> Option<Question> {
        if self.asked < most {
            self.asked += 1;
            return Some(question);
        }
        let waiting = self.waiting.entry(place).or_default();
        if waiting.is_empty() {
            self.rooms.push_back(place);
        }
        waiting.push_back(question);
        None
    }

    /// A question comes to nothing. Whether it waited; one that did not counts until it is [`answered`](Self::answered).
    pub(crate) fn withdraw(&mut self, place: u32, request: Request) -> bool {
        let Some(waiting) = self.waiting.get_mut(&place) else {
            return false;
        };
        let before = waiting.len();
        waiting.retain(|question| question.request != request);
        let withdrawn = waiting.len() < before;
        if waiting.is_empty() {
            self.waiting.remove(&place);
            self.rooms.retain(|room| *room != place);
        }
        withdrawn
    }

    /// One was answered: the one that is asked instead.
    pub(crate) fn answered(&mut self) -> Option<Question> {
        self.asked = self.asked.saturating_sub(1);
        let place = self.rooms.pop_front()?;
        let waiting = self.waiting.get_mut(&place)?;
        let question = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&place);
        } else {
            self.rooms.push_back(place);
        }
        self.asked += usize::from(question.is_some());
        question
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Ask;

    fn question(request: Request) -> Question {
        Question {
            request,
            to: 1,
            asking: false,
            key: "room:r".into(),
            ask: Ask::Members(0),
        }
    }

    #[test]
    fn rooms_take_turns() {
        let mut turns = Turns::default();
        for request in 1..=2 {
            assert!(turns.take(7, question(request), 2).is_some());
        }
        for request in 3..=5 {
            assert_eq!(turns.take(7, question(request), 2), None);
        }
        assert_eq!(turns.take(8, question(6), 2), None);
        let order: Vec<_> =
            std::iter::from_fn(|| turns.answered().map(|next| next.request)).collect();
        assert_eq!(order, [3, 6, 4, 5]);
        assert!(turns.waiting.is_empty());
        // Two are without an answer still, of which the first was noticed above.
        assert_eq!(turns.answered(), None);
        assert!(turns.take(8, question(7), 2).is_some());
    }

    #[test]
    fn what_comes_to_nothing_has_no_turn() {
        let mut turns = Turns::default();
        assert!(turns.take(7, question(1), 1).is_some());
        for request in 2..=3 {
            assert_eq!(turns.take(7, question(request), 1), None);
        }
        assert_eq!(turns.take(8, question(4), 1), None);
        assert!(turns.withdraw(7, 2) && turns.withdraw(7, 3));
        assert!(!turns.withdraw(7, 1), "it is asked already");
        assert_eq!(turns.answered().map(|next| next.request), Some(4));
        assert_eq!(turns.answered(), None);
    }
}
