//! The times that commands and ticks go by, made of two clocks that the caller reads.
//!
//! The wall clock only stamps messages: somebody may set it, so nothing else may hang on it. Waits and leases go by the
//! monotonic clock. Ages that span days go by "wall clock at start + monotonic time", which no jump moves.

/// One reading of the clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The wall clock: Unix time in milliseconds. Messages are stamped with it.
    pub wall: u64,
    /// Unix time in milliseconds as no jump of the wall clock moves it: when members act.
    pub steady: u64,
    /// What the stamps of messages and of publish ids are compared with: `steady`, less the furthest that the wall clock was ever
    /// behind it. So a message that was stamped while the clock was set back is never taken for older than it is.
    pub aging: u64,
    /// Milliseconds since some moment before the start; never 0. Leases, grace and waits.
    pub mono: u64,
}

/// Makes [`Times`] of readings.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall_at_start: u64,
    mono_at_start: u64,
    furthest_behind: u64,
}

impl Clock {
    /// A clock that starts now: `wall` in Unix milliseconds, `mono` in milliseconds of any origin.
    pub const fn start(wall: u64, mono: u64) -> Self {
        Self {
            wall_at_start: wall,
            mono_at_start: mono,
            furthest_behind: 0,
        }
    }

    /// Both clocks were read.
    pub fn read(&mut self, wall: u64, mono: u64) -> Times {
        let passed = mono.saturating_sub(self.mono_at_start);
        let steady = self.wall_at_start.saturating_add(passed);
        self.furthest_behind = self.furthest_behind.max(steady.saturating_sub(wall));
        Times {
            wall,
            steady,
            aging: steady.saturating_sub(self.furthest_behind),
            mono: passed.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn a_jump_moves_only_the_stamps() {
        let mut clock = Clock::start(1_000 * HOUR, 7);
        let before = clock.read(1_000 * HOUR + 5, 12);
        assert_eq!((before.steady, before.aging, before.mono), (1_000 * HOUR + 5, 1_000 * HOUR + 5, 6));
        let ahead = clock.read(2_000 * HOUR, 13);
        assert_eq!((ahead.steady, ahead.aging, ahead.mono), (1_000 * HOUR + 6, 1_000 * HOUR + 6, 7));
    }

    #[test]
    fn a_message_stamped_while_the_clock_was_behind_never_looks_older_than_it_is() {
        let mut clock = Clock::start(1_000 * HOUR, 0);
        let stamped = clock.read(999 * HOUR, 0).wall;
        let later = clock.read(1_000 * HOUR + 60_000, 60_000);
        assert_eq!(later.aging - stamped, 60_000, "it is a minute old");
        assert_eq!(later.steady, 1_000 * HOUR + 60_000, "what members did is not moved");
    }
}
