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
    /// Both as seats were told last by what all of them are told, or by their own login.
    told: Both,
}

/// Both counts in the place of one small number, as there is one of it for each room: two that differ only in who is online
/// never look the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Both(u32);

impl Both {
    const fn of(total: u64, online: u64) -> Self {
        Self((total as u32).wrapping_mul(0x9e37_79b1) ^ online as u32)
    }
}

/// When a question was asked, by what had been announced then.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CountsAsked(u32);

impl Counts {
    /// An announcement, by which all are told. Whether it says something else than what was told before: an answer may have
    /// said the same to one of them only.
    pub(crate) fn announced(&mut self, total: u64, online: u64) -> bool {
        self.total = total;
        self.online = online;
        self.announced = self.announced.wrapping_add(1);
        let now = Both::of(total, online);
        std::mem::replace(&mut self.told, now) != now
    }

    /// What is known now was told to those who are not told of their own coming and going.
    pub(crate) const fn are_told(&mut self) {
        self.told = Both::of(self.total, self.online);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_said_to_one_is_news_to_the_others() {
        let mut counts = Counts::default();
        assert!(counts.announced(3, 2));
        assert!(!counts.announced(3, 2));
        let asked = counts.asked();
        counts.answered(asked, 3, 3);
        assert_eq!(counts.online, 3);
        assert!(counts.announced(3, 3), "only who asked knew");
        let asked = counts.asked();
        counts.answered(asked, 4, 4);
        counts.are_told();
        assert!(!counts.announced(4, 4));
    }
}
