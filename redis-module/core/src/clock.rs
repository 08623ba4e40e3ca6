//! The times that commands and ticks go by, made of two clocks that the caller reads.
//!
//! The wall clock only stamps messages: somebody may set it, so nothing else may hang on it. Waits and leases go by the
//! monotonic clock. Ages that span days go by "wall clock at start + monotonic time" (steady), which no jump moves; how old
//! a stamp is follows from what the wall clock said at which steady time, which is remembered for the last few jumps.

/// One reading of the clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The wall clock: Unix time in milliseconds. Messages are stamped with it.
    pub wall: u64,
    /// Unix time in milliseconds as no jump of the wall clock moves it: when members act.
    pub steady: u64,
    /// Milliseconds since some moment before the start; never 0. Leases, grace and waits.
    pub mono: u64,
}

/// By how much the wall clock is ahead of steady time, from some steady time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offset {
    since: u64,
    ms: i64,
}

/// Jumps that are remembered; of older ones it is remembered only how far the clock was behind at most.
const JUMPS: usize = 8;
/// What is less is no jump but drift, in milliseconds.
pub(crate) const DRIFT: u64 = 1000;

/// Makes [`Times`] of readings, and remembers jumps.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall_at_start: u64,
    mono_at_start: u64,
    last: Times,
    /// The newest first.
    offsets: [Option<Offset>; JUMPS],
}

impl Clock {
    /// A clock that starts now: `wall` in Unix milliseconds, `mono` in milliseconds of any origin.
    pub fn start(wall: u64, mono: u64) -> Self {
        let mut offsets = [None; JUMPS];
        if let Some(first) = offsets.first_mut() {
            *first = Some(Offset { since: 0, ms: 0 });
        }
        Self {
            wall_at_start: wall,
            mono_at_start: mono,
            last: Times {
                wall,
                steady: wall,
                mono: 1,
            },
            offsets,
        }
    }

    /// Both clocks were read.
    pub fn read(&mut self, wall: u64, mono: u64) -> Times {
        let passed = mono.saturating_sub(self.mono_at_start);
        self.last = Times {
            wall,
            steady: self.wall_at_start.saturating_add(passed),
            mono: passed.saturating_add(1),
        };
        self.note_jump();
        self.last
    }

    /// The last reading.
    pub const fn times(&self) -> Times {
        self.last
    }

    fn note_jump(&mut self) {
        let Times { wall, steady, .. } = self.last;
        let ms = wall as i64 - steady as i64;
        let Some(Some(newest)) = self.offsets.first_mut() else {
            return;
        };
        if newest.ms.abs_diff(ms) <= DRIFT {
            newest.ms = newest.ms.min(ms);
            return;
        }
        if let [.., before, Some(oldest)] = &mut self.offsets {
            // The list is full: the two oldest become one, at the lower of both, which can only make a message look younger.
            let ms = before.map_or(oldest.ms, |before| before.ms.min(oldest.ms));
            *before = Some(Offset { ms, ..*oldest });
        }
        self.offsets.rotate_right(1);
        if let Some(first) = self.offsets.first_mut() {
            *first = Some(Offset { since: steady, ms });
        }
    }

    /// When something with this stamp was published, in steady time, or later. A room's stamps never go back: while the wall
    /// clock is behind them a message gets the stamp of the one before. `newest`: no message of the room has a higher stamp;
    /// such a one counts as published when the wall clock said so last. Any other may have come as late as the wall clock
    /// was still behind it, but for now, as then nothing higher could have come since.
    fn published(&self, stamp: u64, newest: bool) -> u64 {
        let now = self.last.steady;
        let mut until = now;
        for (i, offset) in self.offsets.iter().flatten().enumerate() {
            let at = stamp.saturating_add_signed(offset.ms.saturating_neg());
            let said = at <= until.saturating_add(DRIFT);
            if at >= offset.since && (said || !newest && i > 0) {
                return at.min(until);
            }
            until = offset.since;
        }
        self.last.steady
    }

    /// Whether a message with this stamp is older than `age` ms. `last` is the newest stamp of its room, and `said` when that
    /// room's last message came (steady; 0 if before this node started).
    pub fn is_old(&self, stamp: u64, age: u64, of: (u64, u64)) -> bool {
        self.steady_of(stamp, of) < self.last.steady.saturating_sub(age)
    }

    /// In how many milliseconds a message is `age` old, by the same; 0: it is. It came no later than the room's last one, whatever
    /// the wall clock said meanwhile.
    pub fn old_in(&self, stamp: u64, age: u64, of: (u64, u64)) -> u64 {
        let latest = if of.1 > 0 { of.1 } else { u64::MAX };
        let then = self.steady_of(stamp, of).min(latest).saturating_add(age);
        then.saturating_sub(self.last.steady)
    }

    fn steady_of(&self, stamp: u64, (last, said): (u64, u64)) -> u64 {
        match stamp == last {
            true => self.published(stamp, true).max(said),
            false => self.published(stamp, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    const T: u64 = 500_000 * HOUR;

    /// A clock whose wall was ahead by so much from each of these steady times on; read each second until `end`.
    fn clock(jumps: &[(u64, i64)], end: u64) -> (Clock, Vec<(u64, u64)>) {
        let mut clock = Clock::start(T, 7);
        let mut stamps = Vec::new();
        for ms in (0..=end).step_by(1000) {
            let ahead = jumps
                .iter()
                .rev()
                .find(|jump| jump.0 <= ms)
                .map_or(0, |jump| jump.1);
            let wall = (T + ms).saturating_add_signed(ahead);
            let times = clock.read(wall, 7 + ms);
            assert_eq!(
                (times.steady, times.mono),
                (T + ms, ms + 1),
                "no jump moves these"
            );
            stamps.push((ms, wall));
        }
        (clock, stamps)
    }

    /// Of messages published each second in one room: when, and with which stamp; stamps never go back.
    fn raised(stamps: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let mut last = 0;
        let raise = |(at, stamp): &(u64, u64)| {
            last = last.max(*stamp);
            (*at, last)
        };
        stamps.iter().map(raise).collect()
    }

    const DAYS: i64 = 35 * 24 * HOUR as i64;
    const BACK: i64 = -(HOUR as i64);

    #[test]
    fn nothing_young_looks_old_whatever_the_wall_clock_did() {
        for jumps in [
            &[][..],
            &[(30_000, DAYS)],
            &[(30_000, DAYS), (33_000, 0)],
            &[(30_000, BACK)],
            &[(30_000, BACK), (60_000, 0)],
            &[(10_000, DAYS), (20_000, BACK), (30_000, 0), (40_000, DAYS)],
        ] {
            let (clock, stamps) = clock(jumps, 90_000);
            let of_a_room = raised(&stamps);
            let last = of_a_room.last().map_or(0, |(_, stamp)| *stamp);
            for age in [0, 5_000, 15_000, 45_000, 80_000] {
                for (at, stamp) in &stamps {
                    // A room in which only this was said.
                    let old = clock.is_old(*stamp, age, (*stamp, T + at));
                    assert!(!old || 90_000 - at > age, "{jumps:?}: {at} at {age}");
                }
                for (at, stamp) in &of_a_room {
                    let old = clock.is_old(*stamp, age, (last, T + 90_000));
                    assert!(!old || 90_000 - at > age, "{jumps:?}: {at} at {age}");
                }
            }
        }
    }

    #[test]
    fn ages_end_on_time_when_a_jump_stays() {
        for ahead in [0, DAYS, BACK] {
            let (clock, stamps) = clock(&[(30_000, ahead)], 90_000);
            for (at, stamp) in &stamps {
                // In a room in which nothing was said after the jump, and in one in which only this was said.
                let before = (T + 29_000, T + 29_000);
                let alone = (*stamp, T + at);
                for room in if *at < 30_000 {
                    vec![before, alone]
                } else {
                    vec![alone]
                } {
                    let old = clock.is_old(*stamp, 15_000, room);
                    assert_eq!(old, 90_000 - at > 15_000, "{ahead}: {at} {room:?}");
                }
            }
        }
    }

    #[test]
    fn many_jumps_are_bounded_and_safe() {
        let ahead = |i: u64| {
            if i.is_multiple_of(2) {
                0
            } else {
                -10_000 * i as i64
            }
        };
        let jumps: Vec<(u64, i64)> = (1..40).map(|i| (i * 2000, ahead(i))).collect();
        let (clock, stamps) = clock(&jumps, 90_000);
        for age in [1_000, 30_000, 80_000] {
            for (at, stamp) in &stamps {
                let old = clock.is_old(*stamp, age, (*stamp, T + at));
                assert!(!old || 90_000 - at > age);
            }
        }
    }
}
