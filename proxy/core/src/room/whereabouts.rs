//! Who is online, asked of Redis while others come and go: announcements may overtake the answer, and are newer or no
//! older than it.

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
    open: usize,
    heard: Vec<Heard>,
}

impl Whereabouts {
    /// A question is asked; its answer is to be given to [`answered`](Self::answered) with this.
    pub(super) fn asked(&mut self) -> usize {
        self.open += 1;
        self.heard.len()
    }

    /// Presence lines were announced.
    pub(super) fn hear(&mut self, lines: &str) {
        if self.open == 0 {
            return;
        }
        let here: Vec<String> = lines
            .lines()
            .filter_map(|line| line.strip_prefix('=').map(str::to_owned))
            .collect();
        if !here.is_empty() {
            self.heard.push(Heard::All(here));
        }
        for line in lines.lines() {
            if let Some(uid) = line.strip_prefix('+') {
                self.heard.push(Heard::Came(uid.to_owned()));
            } else if let Some(uid) = line.strip_prefix('-') {
                self.heard.push(Heard::Went(uid.to_owned()));
            }
        }
    }

    /// The answer came, or there is none: who is online by it and by what was heard since it was asked.
    pub(super) fn answered(
        &mut self,
        asked: usize,
        online: Option<Vec<String>>,
    ) -> Option<Vec<String>> {
        let online = online.map(|mut online| {
            for heard in self.heard.iter().skip(asked) {
                match heard {
                    Heard::Came(uid) if !online.contains(uid) => online.push(uid.clone()),
                    Heard::Came(_) => {}
                    Heard::Went(uid) => online.retain(|known| known != uid),
                    Heard::All(all) => online.clone_from(all),
                }
            }
            online
        });
        self.open = self.open.saturating_sub(1);
        if self.open == 0 {
            *self = Self::default();
        }
        online
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
}
