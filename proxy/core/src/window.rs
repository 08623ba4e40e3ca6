//! How many rooms are attached on a link at the same time: as many as it takes to keep the server busy, and no more. What is
//! asked beyond that waits in front of the server, and everybody else's commands wait behind it.
//!
//! One room at a time is watched. While it takes about as long as the fastest ones did, which is the way there and back, twice as
//! many may be under way; once it takes longer, half as many.

/// So many may always be under way: a link that was slow for a moment goes on.
const LEAST: usize = 16;
/// Longer than the fastest by no more than this, in milliseconds, is as fast: clocks tick.
const SLACK_MS: u64 = 1;
/// The fastest is taken for slower by a millisecond after so many that were slower: ways become longer.
const MEMORY: u8 = 16;

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Window {
    size: usize,
    /// The room that is watched, and since when.
    watched: Option<(u32, u64)>,
    fastest: u64,
    slower: u8,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            size: LEAST,
            watched: None,
            fastest: u64::MAX,
            slower: 0,
        }
    }
}

impl Window {
    /// How many may be under way; never more than `most`.
    pub(crate) fn size(&self, most: usize) -> usize {
        self.size.min(most)
    }

    /// A room begins to be attached.
    pub(crate) const fn begin(&mut self, place: u32, now: u64) {
        if self.watched.is_none() {
            self.watched = Some((place, now));
        }
    }

    /// A room is gone.
    pub(crate) fn forget(&mut self, place: u32) {
        self.watched.take_if(|watched| watched.0 == place);
    }

    /// A room is attached, or will not be.
    pub(crate) fn end(&mut self, place: u32, now: u64, most: usize) {
        let Some((_, since)) = self.watched.take_if(|watched| watched.0 == place) else {
            return;
        };
        let took = now.saturating_sub(since);
        if took > self.fastest {
            self.slower += 1;
            if self.slower == MEMORY {
                (self.slower, self.fastest) = (0, self.fastest + 1);
            }
        } else {
            (self.slower, self.fastest) = (0, took);
        }
        self.size = match took <= self.fastest.saturating_add(SLACK_MS) {
            true => self.size.saturating_mul(2).min(most),
            false => self.size / 2,
        };
        self.size = self.size.max(LEAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 256;

    /// The largest and the smallest window, once it has settled, on a link of a way of so many milliseconds to a server that attaches
    /// `rate` rooms in one.
    fn settled(way: u64, rate: usize) -> (usize, usize) {
        let (mut window, mut now, mut sizes) = (Window::default(), 1000, Vec::new());
        for place in 0..200 {
            window.begin(place, now);
            window.begin(place + 1, now);
            now += way + (window.size(MOST) / rate) as u64;
            window.end(place + 1, now, MOST);
            window.end(place, now, MOST);
            sizes.push(window.size(MOST));
        }
        let late = sizes.iter().skip(100);
        let both = (late.clone().max(), late.min());
        (*both.0.unwrap(), *both.1.unwrap())
    }

    #[test]
    fn a_server_is_kept_busy_and_not_more() {
        assert_eq!(settled(0, 1000), (MOST, MOST), "it is fast");
        let (most, least) = settled(0, 40);
        assert!(most < MOST && least >= LEAST, "{most} {least}");
        let (most, least) = settled(50, 40);
        assert!(most < MOST && least >= LEAST, "{most} {least}");
        assert_eq!(settled(50, 1000), (MOST, MOST), "it is far");
    }

    #[test]
    fn a_way_that_becomes_longer_is_learned() {
        let mut window = Window::default();
        let mut take = |took: u64| {
            window.begin(1, 1000);
            window.end(1, 1000 + took, MOST);
            window.size(MOST)
        };
        assert_eq!((take(1), take(1), take(1)), (32, 64, 128));
        assert_eq!((take(50), take(50), take(50)), (64, 32, LEAST));
        let again = (0..1000).find(|_| take(50) > LEAST);
        assert!(again.is_some_and(|after| after < 800), "{again:?}");
    }
}
