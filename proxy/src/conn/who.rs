//! Who logged in on a connection, as far as others need to know. Pure.

use std::sync::Arc;

/// See the top of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Who {
    uid: Option<Arc<str>>,
    /// Others did too, which happens where no token is asked for.
    others: bool,
}

impl Who {
    /// One more login.
    pub(super) fn logs_in(&mut self, uid: &Arc<str>) {
        match &self.uid {
            Some(first) => self.others |= *first != *uid,
            None => self.uid = Some(uid.clone()),
        }
    }

    /// Whether what is true of some uids may be so of one of these.
    pub(crate) fn may_be(&self, of: impl FnOnce(&str) -> bool) -> bool {
        self.others || self.uid.as_deref().is_some_and(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_any_may_be_meant() {
        let mut who = Who::default();
        assert!(!who.may_be(|_| true), "nobody is here");
        for _ in 0..2 {
            who.logs_in(&"u".into());
            assert!(who.may_be(|uid| uid == "u") && !who.may_be(|uid| uid == "v"));
        }
        who.logs_in(&"v".into());
        assert!(who.may_be(|uid| uid == "v"));
    }
}
