//! How many members a room has and how many of them are online, as it was last told.
//!
//! Announcements and answers come over two connections, so either may overtake the other. Whatever changes a count is announced,
//! at the next tick at the latest; an answer is only a look at it. So an answer that was overtaken by an announcement counts
//! nothing: at worst the truth follows in the next one.

/// See the top of the file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) total: u64,
    pub(crate) online: u64,
    announced: u32,
}

/// When a question was asked, by what had been announced then.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CountsAsked(u32);

impl Counts {
    pub(crate) const fn announced(&mut self, total: u64, online: u64) {
        self.total = total;
        self.online = online;
        self.announced = self.announced.wrapping_add(1);
    }

    /// A question is asked whose answer has counts.
    pub(crate) const fn asked(&self) -> CountsAsked {
        CountsAsked(self.announced)
    }

    /// The answer came.
    pub(crate) const fn answered(&mut self, asked: CountsAsked, total: u64, online: u64) {
        if asked.0 == self.announced {
            self.total = total;
            self.online = online;
        }
    }

    /// Those online are known by name, by an answer and by all that was announced since it was asked for.
    pub(crate) fn named(&mut self, online: Option<&[String]>) {
        if let Some(online) = online {
            self.online = online.len() as u64;
        }
    }
}
