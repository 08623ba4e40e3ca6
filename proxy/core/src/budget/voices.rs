//! How many bytes are said in a room, and by whom. All who speak there share what it may have; when little is left, whoever
//! said more of late than that is refused, and nobody else: so a few who shout do not silence the others.

use super::bucket::Bucket;
use std::collections::HashMap;
use std::sync::Arc;

/// Seconds' worth of bytes that may be said at once.
const BURST_SECONDS: u64 = 10;
/// Half of what somebody said counts no more after so long. Short enough that one who speaks alone may have the whole rate.
const HALF: u64 = 3_000;
/// Whoever said no more than that of late is never refused, or this part of what may be said at once, if that is less.
const QUIET: u64 = 4_096;
const QUIET_PART: u64 = 64;
/// Of so many it is known what they said; of more only of those who said most.
const MOST: usize = 256;

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Voices {
    all: Bucket,
    each: HashMap<Arc<str>, Voice>,
}

/// What somebody said of late.
#[derive(Clone, Copy, Debug)]
struct Voice {
    /// Bytes, in thousandths.
    said: u64,
    reckoned: u64,
}

impl Voice {
    /// What counts of it now.
    fn left(self, now: u64) -> u64 {
        let passed = now.saturating_sub(self.reckoned);
        let halves = u32::try_from(passed / HALF).unwrap_or(u32::MAX);
        let left = self.said.checked_shr(halves).unwrap_or(0);
        left - left.saturating_mul(passed % HALF) / (2 * HALF)
    }
}

impl Voices {
    /// Of a room in which nothing was said.
    pub(crate) fn new(now: u64) -> Self {
        Self {
            all: Bucket::new(now),
            each: HashMap::new(),
        }
    }

    /// Somebody says so much, where `rate` bytes a second may be said; or how long it is to wait (ms).
    pub(crate) fn say(
        &mut self,
        rate: u64,
        now: u64,
        uid: &Arc<str>,
        bytes: u64,
    ) -> Result<(), u64> {
        self.all.reckon(rate, now);
        let most = rate.saturating_mul(BURST_SECONDS);
        let before = self.each.get(uid).map_or(0, |voice| voice.left(now));
        let said = before.saturating_add(bytes.saturating_mul(1000));
        let share = said / 1000;
        let left = most.saturating_sub(self.all.owed());
        if share > left.max(QUIET.min(most / QUIET_PART)) {
            let wait = self.all.due(rate, most.saturating_sub(share));
            return Err(wait.max(1));
        }
        self.all.charge(bytes);
        if self.each.len() >= MOST && !self.each.contains_key(uid) {
            self.forget_quiet(now);
        }
        let voice = Voice {
            said,
            reckoned: now,
        };
        self.each.insert(uid.clone(), voice);
        Ok(())
    }

    /// Whether all of it is paid off: then nobody need know who said what.
    pub(crate) fn is_settled(&mut self, rate: u64, now: u64) -> bool {
        self.all.reckon(rate, now);
        self.all.is_empty()
    }

    /// Forgets the half of them that said least.
    fn forget_quiet(&mut self, now: u64) {
        let mut said: Vec<u64> = self.each.values().map(|voice| voice.left(now)).collect();
        let (_, middle, _) = said.select_nth_unstable(MOST / 2);
        let middle = *middle;
        self.each.retain(|_, voice| voice.left(now) > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u64 = 1_000;

    fn ann() -> Arc<str> {
        "ann".into()
    }

    /// Bytes that are taken of those who say so many each 100 ms, for so many seconds.
    fn talk(voices: &mut Voices, from: u64, seconds: u64, each: &[(&Arc<str>, u64)]) -> Vec<u64> {
        let mut taken = vec![0; each.len()];
        for now in (from..from + seconds * 1000).step_by(100) {
            for ((uid, bytes), taken) in each.iter().zip(&mut taken) {
                if voices.say(RATE, now, uid, *bytes).is_ok() {
                    *taken += bytes;
                }
            }
        }
        taken
    }

    #[test]
    fn one_alone_has_the_whole_rate_and_a_burst() {
        let mut voices = Voices::new(0);
        let taken = talk(&mut voices, 0, 100, &[(&ann(), 1_000)])[0];
        assert!((100_000..=111_000).contains(&taken), "{taken}");
        assert!(!voices.is_settled(RATE, 100_000));
        assert!(voices.is_settled(RATE, 111_000));
    }

    #[test]
    fn who_shouts_is_refused_and_who_talks_is_not() {
        let (shouts, bob): (Arc<str>, Arc<str>) = ("shouts".into(), "bob".into());
        let mut voices = Voices::new(0);
        let both = [(&shouts, 5_000), (&bob, 20)];
        let taken = talk(&mut voices, 0, 60, &both);
        assert_eq!(taken[1], 60 * 10 * 20, "all of it");
        assert!(taken[0] <= 75_000, "{taken:?}");
        // Twenty who shout leave something for the others too, and have the same among them.
        let many: Vec<Arc<str>> = (0..20).map(|i| format!("loud{i}").into()).collect();
        let mut all: Vec<_> = many.iter().map(|uid| (uid, 1_000)).collect();
        all.push((&bob, 2));
        let taken = talk(&mut voices, 200_000, 60, &all);
        assert_eq!(taken[20], 60 * 10 * 2);
        assert!(taken[..20].iter().sum::<u64>() <= 80_000, "{taken:?}");
    }

    #[test]
    fn a_refusal_says_when_it_is_over() {
        let mut voices = Voices::new(0);
        for _ in 0..5 {
            voices.say(RATE, 0, &ann(), 1_000).unwrap();
        }
        let wait = voices.say(RATE, 0, &ann(), 1_000).unwrap_err();
        assert_eq!(wait, 1_000);
        assert_eq!(voices.say(RATE, wait, &ann(), 1_000), Ok(()));
    }

    #[test]
    fn there_is_an_end_to_those_who_are_known() {
        let mut voices = Voices::new(0);
        for i in 0..10_000_u64 {
            let _ = voices.say(1_000_000, i, &format!("{i}").into(), 1);
            assert!(voices.each.len() <= MOST);
        }
    }
}
