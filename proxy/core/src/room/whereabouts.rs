//! Who is online, asked of Redis while others come and go: announcements may overtake the answer, and are newer or no
//! older than it.

use std::collections::{BTreeMap, VecDeque};

/// An announcement of who came, who went, or who is here.
#[derive(Debug)]
enum Heard {
    Came(String),
    Went(String),
    All(Vec<String>),
}

/// What was announced while questions of who is online are open.
#[derive(Debug, Default)]
pub(super) struct Whereabouts {
    heard: VecDeque<Heard>,
    /// Announcements before those: no open question is older than they are.
    before: u64,
    /// Where each open question stands among them.
    open: BTreeMap<u64, usize>,
}

impl Whereabouts {
    /// A question is asked; its answer is to be given to [`answered`](Self::answered) with this.
    pub(super) fn asked(&mut self) -> u64 {
        let now = self.before + self.heard.len() as u64;
        *self.open.entry(now).or_default() += 1;
        now
    }

    /// Presence lines were announced.
    pub(super) fn hear(&mut self, lines: &str) {
        if self.open.is_empty() {
            return;
        }
        let here: Vec<String> = lines
            .lines()
            .filter_map(|line| line.strip_prefix('=').map(str::to_owned))
            .collect();
        if !here.is_empty() {
            // It says all that was said before.
            self.forget(self.heard.len());
            self.heard.push_back(Heard::All(here));
        }
        for line in lines.lines() {
            if let Some(uid) = line.strip_prefix('+') {
                self.heard.push_back(Heard::Came(uid.to_owned()));
            } else if let Some(uid) = line.strip_prefix('-') {
                self.heard.push_back(Heard::Went(uid.to_owned()));
            }
        }
    }

    fn forget(&mut self, many: usize) {
        self.heard.drain(..many);
        self.before += many as u64;
    }

    /// The answer came, or there is none: who is online by it and by what was heard since it was asked.
    pub(super) fn answered(
        &mut self,
        asked: u64,
        online: Option<Vec<String>>,
    ) -> Option<Vec<String>> {
        let online = online.map(|mut online| {
            let earlier = usize::try_from(asked.saturating_sub(self.before));
            for heard in self.heard.iter().skip(earlier.unwrap_or(usize::MAX)) {
                match heard {
                    Heard::Came(uid) if !online.contains(uid) => online.push(uid.clone()),
                    Heard::Came(_) => {}
                    Heard::Went(uid) => online.retain(|known| known != uid),
                    Heard::All(all) => online.clone_from(all),
                }
            }
            online
        });
        self.close(asked);
        online
    }

    /// A question is open no more. What only those that are gone were asked before is forgotten: where somebody asks
    /// before each is answered, there would be no end to it.
    fn close(&mut self, asked: u64) {
        if let Some(many) = self.open.get_mut(&asked) {
            *many -= 1;
            if *many == 0 {
                self.open.remove(&asked);
            }
        }
        match self.open.keys().next() {
            None => *self = Self::default(),
            Some(oldest) => {
                let done = usize::try_from(oldest.saturating_sub(self.before));
                self.forget(done.unwrap_or(usize::MAX).min(self.heard.len()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overtakes_an_answer_is_newer() {
        let mut room = Whereabouts::default();
        room.hear("+early");
        let asked = room.asked();
        room.hear("+bob\n-ann");
        let online = Some(vec!["ann".to_owned(), "cid".to_owned()]);
        assert_eq!(
            room.answered(asked, online),
            Some(vec!["cid".into(), "bob".into()])
        );
        let asked = room.asked();
        room.hear("=x\n=y");
        assert_eq!(
            room.answered(asked, Some(Vec::new())),
            Some(vec!["x".into(), "y".into()])
        );
        assert_eq!(room.answered(0, None), None);
    }
    #[test]
    fn where_somebody_always_asks_what_was_heard_is_forgotten_all_the_same() {
        let mut room = Whereabouts::default();
        let mut asked = room.asked();
        for n in 0..1000 {
            room.hear(&format!("+u{n}\n-u{n}"));
            let next = room.asked();
            room.hear("+late");
            let online = room.answered(asked, Some(vec!["ann".into(), format!("u{n}")]));
            assert_eq!(online, Some(vec!["ann".into(), "late".into()]));
            assert!(room.heard.len() < 4, "{}", room.heard.len());
            asked = next;
        }
        for n in 0..1000 {
            room.hear(&format!("+u{n}\n=ann"));
            assert!(room.heard.len() < 4, "{}", room.heard.len());
        }
        let online = room.answered(asked, Some(Vec::new()));
        assert_eq!(online, Some(vec!["ann".into(), "u999".into()]));
        assert!(room.heard.is_empty() && room.open.is_empty());
    }
}
