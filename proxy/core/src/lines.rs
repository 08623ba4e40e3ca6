//! Rooms that are to be attached on a new pair of connections, so many at a time on each: one server that answers late
//! holds up nobody who is on another.

use crate::ask::Generation;
use std::collections::VecDeque;

#[derive(Debug, Default)]
struct Line {
    on: Generation,
    queue: VecDeque<u32>,
    /// How many are being attached.
    under_way: usize,
}

/// See the top of the file. There are as few as there are servers.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<Line>);

impl Lines {
    /// A room waits to be attached there.
    pub(crate) fn push(&mut self, on: Generation, place: u32) {
        self.line(on).queue.push_back(place);
    }

    /// A room began to be attached there, or does no longer.
    pub(crate) fn count(&mut self, on: Generation, was: bool, is: bool) {
        if was != is {
            let line = self.line(on);
            line.under_way = (line.under_way + usize::from(is)).saturating_sub(usize::from(was));
        }
    }

    fn line(&mut self, on: Generation) -> &mut Line {
        let at = match self.0.iter().position(|line| line.on == on) {
            Some(at) => at,
            None => {
                self.0.push(Line {
                    on,
                    ..Line::default()
                });
                self.0.len() - 1
            }
        };
        // It is one of them.
        &mut self.0[at]
    }

    /// A room that may begin, and where.
    pub(crate) fn next(&mut self, window: usize) -> Option<(Generation, u32)> {
        let free = |line: &&mut Line| line.under_way < window && !line.queue.is_empty();
        let line = self.0.iter_mut().find(free)?;
        Some((line.on, line.queue.pop_front()?))
    }

    /// A pair is gone.
    pub(crate) fn forget(&mut self, gone: Generation) {
        self.0.retain(|line| line.on != gone);
    }

    /// A room is gone.
    pub(crate) fn leave(&mut self, place: u32) {
        for line in &mut self.0 {
            line.queue.retain(|known| *known != place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_does_not_hold_up_another() {
        let mut lines = Lines::default();
        for place in 0..3 {
            lines.push(7, place);
        }
        lines.push(8, 9);
        assert_eq!(lines.next(1), Some((7, 0)));
        lines.count(7, false, true);
        assert_eq!(lines.next(1), Some((8, 9)));
        lines.count(8, false, true);
        assert_eq!(lines.next(1), None);
        lines.leave(1);
        lines.count(7, true, false);
        assert_eq!(lines.next(1), Some((7, 2)));
        lines.push(7, 3);
        lines.forget(7);
        assert_eq!(lines.next(1), None);
    }
}
