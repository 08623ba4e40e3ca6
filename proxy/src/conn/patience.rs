//! What a connection is given up for, besides silence: that nobody logs in, that nothing is read of what waits for it, and
//! that a message which it began has no end.
//! Pure: time comes in as milliseconds.

use hub_core::close::Close;

/// How long, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Without a sign of life before it is asked for one.
    pub(crate) idle: u64,
    /// Without a sign of life at all.
    pub(crate) dead: u64,
    /// Without a login.
    pub(crate) login: u64,
    /// With bytes that wait for the socket, of which it takes none.
    pub(crate) write: u64,
    /// Within a message, from its first byte to its last.
    pub(crate) message: u64,
}

#[cfg(test)]
impl Patience {
    pub(super) const fn in_seconds(idle: u64, dead: u64, login: u64, write: u64) -> Self {
        Self {
            message: 60_000,
            idle: 1000 * idle,
            dead: 1000 * dead,
            login: 1000 * login,
            write: 1000 * write,
        }
    }
}

/// Why a connection is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// No sign of life.
    Silent,
    /// Nothing was read of what waits for it.
    Unread,
    /// A message that it began has no end.
    Unfinished,
    /// Nobody logged in.
    NoLogin,
}

impl GivenUp {
    /// What the client is told, if it can hear it.
    pub(super) const fn close(self) -> Close {
        match self {
            Self::Silent | Self::Unread | Self::Unfinished => Close::Dead,
            Self::NoLogin => Close::NoLogin,
        }
    }
}

/// What is waited for, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    login: Option<u64>,
    write: Option<u64>,
    message: Option<u64>,
}

impl Waits {
    /// Of a connection that begins at `now`.
    pub(super) const fn new(now: u64) -> Self {
        Self {
            login: Some(now),
            write: None,
            message: None,
        }
    }

    /// Bytes came that end within a message, or not; one was `finished` by them.
    pub(super) fn came(&mut self, within: bool, finished: bool, now: u64) {
        let began = if finished { None } else { self.message };
        self.message = within.then(|| began.unwrap_or(now));
    }

    /// Nothing is read for a while: what is missing of a message may be there.
    pub(super) const fn pauses_reading(&mut self) {
        self.message = None;
    }

    /// Somebody logged in.
    pub(super) const fn logged_in(&mut self) {
        self.login = None;
    }

    /// The socket took something.
    pub(super) const fn wrote(&mut self) {
        self.write = None;
    }

    /// This process stood still for the last `by` ms: that was not the client.
    pub(super) fn paused(&mut self, now: u64, by: u64) {
        for since in [&mut self.login, &mut self.write, &mut self.message]
            .into_iter()
            .flatten()
        {
            *since = (*since + by).min(now);
        }
    }

    /// Looks at the clock; `queued` bytes wait for the socket.
    pub(super) fn look(&mut self, now: u64, queued: usize, patience: &Patience) -> Option<GivenUp> {
        match queued {
            0 => self.write = None,
            _ => _ = self.write.get_or_insert(now),
        }
        let over = |since: Option<u64>, most| since.is_some_and(|since| now >= since + most);
        if over(self.write, patience.write) {
            return Some(GivenUp::Unread);
        }
        if over(self.message, patience.message) {
            return Some(GivenUp::Unfinished);
        }
        over(self.login, patience.login).then_some(GivenUp::NoLogin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        idle: 10,
        dead: 20,
        login: 100,
        write: 50,
        message: 30,
    };

    #[test]
    fn who_does_not_log_in_is_let_go() {
        let mut waits = Waits::new(1000);
        assert_eq!(waits.look(1099, 0, &PATIENCE), None);
        assert_eq!(waits.look(1100, 0, &PATIENCE), Some(GivenUp::NoLogin));
        waits.paused(1100, 30);
        assert_eq!(waits.look(1129, 0, &PATIENCE), None);
        waits.logged_in();
        assert_eq!(waits.look(9999, 0, &PATIENCE), None);
    }

    #[test]
    fn who_reads_nothing_is_let_go_and_who_reads_slowly_is_not() {
        let mut waits = Waits::new(0);
        waits.logged_in();
        for now in (0..1000).step_by(40) {
            assert_eq!(waits.look(now, 7, &PATIENCE), None, "{now}");
            waits.wrote();
        }
        assert_eq!(waits.look(1000, 7, &PATIENCE), None);
        assert_eq!(waits.look(1049, 9, &PATIENCE), None);
        assert_eq!(waits.look(1050, 9, &PATIENCE), Some(GivenUp::Unread));
        assert_eq!(waits.look(1051, 0, &PATIENCE), None, "it has all");
        assert_eq!(waits.look(1052, 9, &PATIENCE), None);
    }

    #[test]
    fn a_message_has_an_end() {
        let mut waits = Waits::new(0);
        waits.logged_in();
        waits.came(true, false, 10);
        waits.came(true, false, 39);
        assert_eq!(waits.look(39, 0, &PATIENCE), None);
        assert_eq!(waits.look(40, 0, &PATIENCE), Some(GivenUp::Unfinished));
        waits.came(true, true, 40);
        assert_eq!(waits.look(69, 0, &PATIENCE), None, "another one began");
        waits.pauses_reading();
        assert_eq!(waits.look(99, 0, &PATIENCE), None, "it is not read");
        waits.came(true, false, 100);
        waits.came(false, true, 110);
        assert_eq!(waits.look(999, 0, &PATIENCE), None);
    }
}
