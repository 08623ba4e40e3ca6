//! How long rooms gather what was confirmed before they report it. An acknowledgement costs Redis about as much as a message,
//! and where a room's people are on many proxies each of these sends its own. So the more of them a hub asks, the longer its
//! rooms gather: a busy room then confirms several messages at once.

use crate::settings::Settings;

/// It is looked so often how many were asked, but not before all rooms had their turn twice: they may come in clumps.
const ROUND_MS: u64 = 500;
const TURNS: u64 = 2;

/// See the top of the file.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    since: u64,
    asked: u64,
    interval: u64,
}

impl Pace {
    /// An acknowledgement is asked.
    pub(crate) fn asked(&mut self, now: u64, settings: &Settings) {
        self.look(now, settings);
        self.asked += 1;
    }

    /// How long a room gathers.
    pub(crate) fn interval(&mut self, now: u64, settings: &Settings) -> u64 {
        self.look(now, settings);
        self.interval.max(settings.ack_interval)
    }

    fn look(&mut self, now: u64, settings: &Settings) {
        let passed = now.saturating_sub(self.since);
        if passed < ROUND_MS.max(TURNS * self.interval) {
            return;
        }
        let least = settings.ack_interval;
        let before = self.interval.max(least);
        let rate = self.asked.saturating_mul(1000) / passed;
        let wanted = before.saturating_mul(rate) / settings.acks.max(1);
        // A burst is no load, and a pause is not its end.
        let wanted = wanted.clamp(before / 2, before.saturating_mul(2));
        self.interval = wanted.clamp(least, settings.longest_ack_interval.max(least));
        self.since = now;
        self.asked = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many rooms are confirmed all the time; the interval after each of some rounds.
    fn rounds(pace: &mut Pace, now: &mut u64, rooms: u64, settings: &Settings) -> Vec<u64> {
        let round = |_| {
            let interval = pace.interval(*now, settings);
            let round = ROUND_MS.max(TURNS * interval);
            // Most of them at once, then none for a while.
            for _ in 0..rooms * round / interval {
                pace.asked(*now, settings);
            }
            *now += round;
            pace.interval(*now, settings)
        };
        (0..10).map(round).collect()
    }

    #[test]
    fn few_are_told_at_once_and_many_are_gathered() {
        let settings = Settings {
            ack_interval: 50,
            longest_ack_interval: 2_000,
            acks: 1_000,
            ..Settings::default()
        };
        let (mut pace, mut now) = (Pace::default(), 10_000);
        pace.interval(now, &settings);
        assert_eq!(rounds(&mut pace, &mut now, 40, &settings).last(), Some(&50));
        // 500 rooms that are told every 500 ms are 1,000 a second.
        let busy = rounds(&mut pace, &mut now, 500, &settings);
        assert_eq!(busy.first(), Some(&100));
        assert!((450..=550).contains(busy.last().unwrap()), "{busy:?}");
        let most = rounds(&mut pace, &mut now, 100_000, &settings);
        assert_eq!(most.last(), Some(&2_000));
        let quiet = rounds(&mut pace, &mut now, 0, &settings);
        assert_eq!((quiet.first(), quiet.last()), (Some(&1_000), Some(&50)));
    }
}
