//! What is heard of a uid or of the room while a join is unanswered: whether it came before the join or behind it, nobody can
//! tell by itself.

use super::Room;
use crate::ask::{Answer, Ask, Attached, Fault};
use crate::cx::{Cx, Purpose};
use crate::handle::{ConnId, Handle};
use crate::seat::{Heard, State, Why};
use std::sync::Arc;

impl<H: Handle> Room<H> {
    /// Keeps a kick or the end of a membership with the join that it may concern. Whether one is under way. Who was here and
    /// joins again by the room's own doing is meant in any case, whichever came first.
    pub(super) fn hear_end(&mut self, conn: ConnId, kicked: Option<&str>) -> bool {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return true;
        };
        match seat.waiting.as_mut().map(|waiting| &mut waiting.why) {
            Some(Why::Again { .. }) if kicked.is_some() => false,
            Some(
                Why::Login {
                    heard, asked: true, ..
                }
                | Why::Again { heard, .. },
            ) => {
                *heard = Some(Heard {
                    kicked: kicked.map(str::to_owned),
                });
                true
            }
            _ => seat.state == State::Out,
        }
    }

    /// The key went: whether joins that are under way were answered before or behind that, nobody can tell.
    pub(super) fn doubt_joins(&mut self) {
        for seat in self.seats.rows_mut() {
            if let Some(waiting) = &mut seat.waiting {
                waiting.gone = true;
            }
        }
    }

    /// The key went to another server, and the sessions with it: whoever is announced learns where. Joins without an answer may
    /// have been before that.
    pub(super) fn key_moved(&mut self, cx: &mut Cx<'_, H>) {
        self.doubt_joins();
        self.announce(cx);
    }

    /// Kicks that were missed. A room that was born again counts anew, so whatever the history, more is news.
    pub(super) fn believe_kicks(&mut self, kicks: &[(String, u64)], cx: &mut Cx<'_, H>) {
        for (uid, count) in kicks {
            if self.book.is_here(uid) && self.book.kicks(uid) < *count {
                self.end_uid(uid, Some(""), "", cx);
            }
        }
    }

    /// An end was heard while a join was unanswered: whether it came after the join.
    pub(super) fn heard(
        &mut self,
        uid: &Arc<str>,
        answer: Result<Answer, Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        match answer {
            Ok(Answer::Attached(Attached { gone, kicks, .. })) => {
                let count = kicks.iter().find(|kick| *kick.0 == **uid);
                if gone.iter().any(|gone| **gone == **uid) {
                    self.end_uid(uid, None, "left", cx);
                } else if count.is_some_and(|kick| kick.1 > self.book.kicks(uid)) {
                    self.end_uid(uid, Some(""), "", cx);
                }
            }
            Err(fault) if fault.passes() && fault != Fault::Down => {
                self.ask(
                    cx,
                    Ask::Attach(vec![uid.clone()]),
                    Purpose::Heard(uid.clone()),
                );
            }
            _ => {}
        }
    }
}
