//! Parts of a tick that share its time: those that got none begin the next tick, so that no part waits for ever however
//! much the others have to do.

/// Whose turn is first.
#[derive(Debug, Default)]
pub struct Turns {
    first: usize,
}

impl Turns {
    /// Runs the parts 0 to `parts` - 1, each once, from the one whose turn it is, until `run` says that no time is left for
    /// another one.
    pub fn take(&mut self, parts: usize, mut run: impl FnMut(usize) -> bool) {
        let first = self.first;
        self.first = 0;
        for turn in 1..parts {
            if !run((first + turn - 1) % parts) {
                self.first = (first + turn) % parts;
                return;
            }
        }
        if parts > 0 {
            run((first + parts - 1) % parts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one tick ran with time for so many parts.
    fn tick(turns: &mut Turns, time_for: usize) -> Vec<usize> {
        let mut ran = Vec::new();
        turns.take(5, |part| {
            ran.push(part);
            ran.len() < time_for
        });
        ran
    }

    #[test]
    fn who_got_no_turn_begins_the_next_tick() {
        let mut turns = Turns::default();
        assert_eq!(tick(&mut turns, 2), [0, 1]);
        assert_eq!(tick(&mut turns, 2), [2, 3]);
        assert_eq!(tick(&mut turns, 2), [4, 0]);
        assert_eq!(tick(&mut turns, 5), [1, 2, 3, 4, 0], "each once");
        assert_eq!(tick(&mut turns, 9), [0, 1, 2, 3, 4]);
        Turns::default().take(0, |_| panic!("there is no part"));
    }
}
