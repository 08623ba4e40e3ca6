//! Rooms that are to be attached on a new pair of connections, so many at a time on each: one server that answers late
//! holds up nobody who is on another.

use crate::ask::Generation;
use crate::window::Window;
use std::collections::VecDeque;

#[derive(Debug, Default)]
struct Line {
    on: Generation,
    queue: VecDeque<u32>,
    /// How many are being attached.
    under_way: usize,
    window: Window,
}

/// See the top of the file. There are as few as there are servers.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<Line>);

impl Lines {
    /// A room waits to be attached there; one that is talked in before the others.
    pub(crate) fn push(&mut self, on: Generation, place: u32, talked_in: bool) {
        let queue = &mut self.line(on).queue;
        match talked_in {
            true => queue.push_front(place),
            false => queue.push_back(place),
        }
    }

    /// A room began to be attached there.
    pub(crate) fn begin(&mut self, on: Generation, place: u32, now: u64) {
        let line = self.line(on);
        line.under_way += 1;
        line.window.begin(place, now);
    }

    /// A room is attached there, or will not be.
    pub(crate) fn end(&mut self, on: Generation, place: u32, now: u64, most: usize) {
        let line = self.line(on);
        line.under_way = line.under_way.saturating_sub(1);
        line.window.end(place, now, most);
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

    /// A room that may begin, and where, while no more than `most` are under way on one link.
    pub(crate) fn next(&mut self, most: usize) -> Option<(Generation, u32)> {
        let free =
            |line: &&mut Line| line.under_way < line.window.size(most) && !line.queue.is_empty();
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
            line.window.forget(place);
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
            lines.push(7, place, false);
        }
        lines.push(8, 9, false);
        assert_eq!(lines.next(1), Some((7, 0)));
        lines.begin(7, 0, 0);
        assert_eq!(lines.next(1), Some((8, 9)));
        lines.begin(8, 9, 0);
        assert_eq!(lines.next(1), None);
        lines.leave(1);
        lines.end(7, 0, 0, 1);
        assert_eq!(lines.next(1), Some((7, 2)));
        lines.push(7, 3, false);
        lines.forget(7);
        assert_eq!(lines.next(1), None);
    }

    #[test]
    fn rooms_that_are_talked_in_come_first() {
        let mut lines = Lines::default();
        for (place, talked_in) in [(0, false), (1, true), (2, false)] {
            lines.push(7, place, talked_in);
        }
        let order: Vec<u32> = (0..3)
            .filter_map(|_| lines.next(9).map(|next| next.1))
            .collect();
        assert_eq!(order, [1, 0, 2]);
    }
}
