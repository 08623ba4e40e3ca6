//! What must hold of a hub's questions, whatever it is answered.

use hub_core::ask::{Ask, Request};
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Uids of one command.
const MOST_UIDS: usize = 500;

/// See the top of the file.
#[derive(Default)]
pub(crate) struct Judge {
    last: Request,
    /// Rooms that are heard on this link, and those whose sessions Redis was told of.
    subscribed: BTreeSet<Arc<str>>,
    announced: BTreeSet<Arc<str>>,
    /// Joins that are unanswered.
    joining: BTreeMap<(Arc<str>, Arc<str>), usize>,
    /// Who ever logged in.
    pub(crate) uids: BTreeSet<Arc<str>>,
}

impl Judge {
    /// The link is gone.
    pub(crate) fn down(&mut self) {
        self.subscribed.clear();
        self.announced.clear();
        self.joining.clear();
    }

    /// The hub asks.
    pub(crate) fn asked(&mut self, request: Request, key: &Arc<str>, ask: &Ask) {
        // Long reads wait for their turn.
        if !matches!(ask, Ask::Members(_) | Ask::Back { .. } | Ask::Range { .. }) {
            assert!(request > self.last, "numbers grow");
            self.last = request;
        }
        let rooms = ["room:a", "room:b", "room:c"];
        assert!(rooms.contains(&&**key), "no room that anybody named: {key}");
        let heard = self.subscribed.contains(key);
        match ask {
            Ask::Subscribe => {}
            Ask::Unsubscribe => drop(self.subscribed.remove(key)),
            Ask::Join { uid, .. } => {
                assert!(heard, "{uid} joins {key}, which is not heard");
                self.known(std::slice::from_ref(uid));
                *self.joining.entry((key.clone(), uid.clone())).or_default() += 1;
            }
            Ask::Attach(uids) => {
                assert!(heard, "{uids:?} are attached to {key}, which is not heard");
                // Of nobody: a guest looks.
                if !uids.is_empty() {
                    self.known(uids);
                }
            }
            Ask::Ack(_, uids) => {
                assert!(self.announced.contains(key), "{ask:?} of {key} too early");
                self.known(uids);
                self.none_joins(key, ask, uids);
            }
            Ask::Detach(uids) => {
                self.known(uids);
                self.none_joins(key, ask, uids);
            }
            Ask::Away(_, uids) => self.known(uids),
            Ask::Leave(uid) => self.known(std::slice::from_ref(uid)),
            Ask::Publish { uid, payload, .. } | Ask::Signal(uid, payload) => {
                self.known(std::slice::from_ref(uid));
                serde_json::from_slice::<IgnoredAny>(payload).expect("JSON");
            }
            Ask::Range { from, count, bytes } => {
                assert!(*from > 0 && *count > 0 && *bytes > 0, "{ask:?}");
            }
            Ask::Back {
                from,
                count,
                bytes,
                own,
                ..
            } => {
                assert!(*from > 0 && *count > 0 && *bytes > 0, "{ask:?}");
                own.iter()
                    .for_each(|uid| self.known(std::slice::from_ref(uid)));
            }
            Ask::Members(_) | Ask::Call(_) => {}
        }
    }

    fn known(&self, uids: &[Arc<str>]) {
        assert!((1..=MOST_UIDS).contains(&uids.len()), "{}", uids.len());
        for uid in uids {
            assert!(self.uids.contains(uid), "{uid} never came");
        }
    }

    /// While a JOIN of a uid is unanswered no ACK or DETACH of it is sent: it would be of a device that it says nothing of.
    fn none_joins(&self, key: &Arc<str>, ask: &Ask, uids: &[Arc<str>]) {
        for uid in uids {
            let joins = self.joining.get(&(key.clone(), uid.clone()));
            assert_eq!(joins, None, "{ask:?} of {key}");
        }
    }

    /// A question of this link is about to be answered.
    pub(crate) fn answered(&mut self, key: &Arc<str>, ask: &Ask, refused: bool) {
        match ask {
            Ask::Subscribe if !refused => drop(self.subscribed.insert(key.clone())),
            Ask::Attach(_) => drop(self.announced.insert(key.clone())),
            Ask::Join { uid, .. } => {
                self.announced.insert(key.clone());
                let of = (key.clone(), uid.clone());
                if let Some(many) = self.joining.get_mut(&of) {
                    *many -= 1;
                    if *many == 0 {
                        self.joining.remove(&of);
                    }
                }
            }
            _ => {}
        }
    }
}
