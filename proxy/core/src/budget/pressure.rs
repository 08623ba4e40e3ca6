//! What becomes of a connection that stays above its budget: it is read more slowly, then told so, then closed.

/// Without a pause for so long it is not above it any more.
const CALM: u64 = 2000;
/// It is told at most this often, and not before so long.
const TELL_EVERY: u64 = 1000;

/// What is to be done beside the pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// Nothing.
    Pause,
    /// It is told.
    Tell,
    /// It is closed.
    Close,
}

/// See the top of the file.
#[derive(Clone, Copy, Debug)]
pub struct Pressure {
    since: u64,
    /// Until when it was last paused.
    last: u64,
    told: u64,
}

impl Pressure {
    /// Of a connection that is paused for the first time.
    pub const fn new(now: u64) -> Self {
        Self {
            since: now,
            last: now,
            told: now,
        }
    }

    /// It is paused, until then; one that is for `most` ms in all, and was told, is closed.
    pub fn pauses(&mut self, now: u64, until: u64, most: u64) -> Press {
        if now.saturating_sub(self.last) > CALM {
            *self = Self::new(now);
        }
        self.last = self.last.max(until);
        if now.saturating_sub(self.since) >= most && self.told > self.since {
            return Press::Close;
        }
        if now.saturating_sub(self.told) < TELL_EVERY {
            return Press::Pause;
        }
        self.told = now;
        Press::Tell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_pauses_then_words_then_the_end() {
        let mut pressure = Pressure::new(5000);
        let all: Vec<Press> = (5000..8000)
            .step_by(100)
            .map(|now| pressure.pauses(now, now + 100, 2500))
            .collect();
        let told = all.iter().filter(|press| **press == Press::Tell).count();
        assert_eq!(told, 2);
        assert_eq!(all.first(), Some(&Press::Pause));
        assert_eq!(
            all.iter().position(|press| *press == Press::Close),
            Some(25)
        );
    }

    #[test]
    fn nobody_is_closed_who_was_not_told() {
        let mut pressure = Pressure::new(0);
        assert_eq!(pressure.pauses(0, 1500, 1000), Press::Pause);
        assert_eq!(pressure.pauses(1500, 2000, 1000), Press::Tell);
        assert_eq!(pressure.pauses(1600, 2000, 1000), Press::Close);
    }

    #[test]
    fn who_slows_down_begins_anew() {
        let mut pressure = Pressure::new(0);
        for now in (0..9000).step_by(100) {
            assert_ne!(pressure.pauses(now, now + 100, 10_000), Press::Close);
        }
        assert_eq!(pressure.pauses(12_000, 12_500, 10_000), Press::Pause);
        assert_eq!(pressure.pauses(13_000, 13_500, 10_000), Press::Tell);
    }
}
