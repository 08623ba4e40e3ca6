//! What a guest is told when it comes to a room: where it begins, and what of what it wants is gone. A member is told that by
//! a join; a guest's proxy looks at the room and at its log, and puts what it sees in the same words.

use crate::ask::{Dedupe, Joined, Lost, Range};
use crate::counts::CountsAsked;
use crate::event::LoginNumber;
use crate::handle::ConnId;
use room_core::position::{Position, Seq};

/// What is missing is not kept for who does not belong to the room.
const NOT_KEPT: &str = "not-kept";
/// It is not for those who may only be sent what is said while they are here.
const NO_HISTORY: &str = "no-history";

/// A guest that comes, or goes on elsewhere.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) conn: ConnId,
    pub(crate) login: LoginNumber,
    /// Where it left off.
    pub(crate) since: Option<Position>,
    /// How many old messages it wants.
    pub(crate) history: u64,
    pub(crate) counts: CountsAsked,
    /// What the module said of it.
    pub(crate) dedupe: Option<Dedupe>,
    pub(crate) step: Step,
}

/// What of the log a guest may be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct May {
    /// What follows where it left off.
    pub(crate) on: bool,
    /// All, where that is of another history: what of it was said before the guest came nobody can tell.
    pub(crate) all: bool,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The room.
    Room,
    /// The log, from this message on.
    Log(Seq),
    /// All of the log: where the guest left off is of another history.
    AllOfLog,
}

/// What follows from an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The log is to be looked at.
    Look(Step),
    /// The guest begins.
    Begin(Joined),
}

impl Visit {
    /// The room is there.
    pub(crate) fn room(&self, head: Position) -> Seen {
        let from = match self.since {
            Some(since) if since == head => None,
            Some(since) => Some(since.seq),
            None if self.history == 0 => None,
            None => Some(head.seq.saturating_sub(self.history)),
        };
        match from {
            Some(before) => Seen::Look(Step::Log(before.saturating_add(1))),
            None => Seen::Begin(Joined {
                resumed: self.since.is_some(),
                ..begin(head, head)
            }),
        }
    }

    /// There is no room yet: the guest has everything up to its beginning.
    pub(crate) fn no_room(&self) -> Joined {
        Joined {
            reset: self.since.is_some_and(|since| since.seq > 0),
            ..Joined::default()
        }
    }

    /// The log from `from` on.
    pub(crate) fn log(&self, from: Seq, range: &Range, may: May) -> Seen {
        let (head, before) = (range.head, range.before);
        let goes_on = match self.since {
            // What is gone cannot be compared.
            Some(since) => since == before || since.seq < before.seq || since.seq == 0,
            None => true,
        };
        if !goes_on && may.all {
            return Seen::Look(Step::AllOfLog);
        }
        let (start, reason) = match goes_on && may.on {
            true => (before, NOT_KEPT),
            false => (head, NO_HISTORY),
        };
        let lost = (goes_on && from <= start.seq).then(|| Lost {
            from,
            to: start.seq,
            reason: reason.to_owned(),
        });
        Seen::Begin(Joined {
            lost,
            resumed: self.since == Some(start),
            reset: !goes_on,
            ..begin(start, head)
        })
    }

    /// All of the log, which is of another history than what it had.
    pub(crate) fn all_of_log(range: &Range) -> Joined {
        Joined {
            reset: true,
            ..begin(range.before, range.head)
        }
    }
}

/// It has everything up to `position`.
fn begin(position: Position, head: Position) -> Joined {
    Joined {
        position,
        head,
        pending: head.seq.saturating_sub(position.seq),
        ..Joined::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use room_core::position::Tag;

    fn at(seq: Seq) -> Position {
        Position::new(seq, Tag(seq as u32))
    }

    fn of(since: Option<Position>, history: u64) -> Visit {
        Visit {
            conn: 1,
            login: 1,
            since,
            history,
            counts: CountsAsked::default(),
            dedupe: None,
            step: Step::Room,
        }
    }

    /// A log that holds 5 to 10.
    fn log(from: Seq) -> Range {
        Range {
            head: at(10),
            before: at(from.saturating_sub(1).clamp(4, 10)),
            rows: Vec::new(),
        }
    }

    /// All that is asked, and where it ends: position, lost, resumed, reset.
    type End = (Position, Option<(Seq, Seq, String)>, bool, bool);

    fn end(visit: &Visit, may: May) -> End {
        let mut seen = visit.room(at(10));
        loop {
            let joined = match seen {
                Seen::Begin(joined) => joined,
                Seen::Look(Step::Log(from)) => {
                    seen = visit.log(from, &log(from), may);
                    continue;
                }
                Seen::Look(_) => Visit::all_of_log(&log(1)),
            };
            let pending = joined.head.seq - joined.position.seq;
            assert_eq!((joined.head, joined.pending), (at(10), pending));
            let lost = joined.lost.map(|lost| (lost.from, lost.to, lost.reason));
            return (joined.position, lost, joined.resumed, joined.reset);
        }
    }

    #[test]
    fn who_may_have_what_was_said_begins_where_it_left_off() {
        let other = |seq| Position::new(seq, Tag(99));
        let kept = |from, to| Some((from, to, NOT_KEPT.to_owned()));
        for (since, history, wanted) in [
            (None, 0, (at(10), None, false, false)),
            (None, 3, (at(7), None, false, false)),
            (None, 6, (at(4), None, false, false)),
            (None, 7, (at(4), kept(4, 4), false, false)),
            (None, u64::MAX, (at(4), kept(1, 4), false, false)),
            (Some(at(10)), 0, (at(10), None, true, false)),
            (Some(at(6)), 9, (at(6), None, true, false)),
            (Some(at(2)), 0, (at(4), kept(3, 4), false, false)),
            // What is gone cannot be compared, and of nothing there is nothing to compare.
            (Some(other(2)), 0, (at(4), kept(3, 4), false, false)),
            (
                Some(Position::default()),
                0,
                (at(4), kept(1, 4), false, false),
            ),
            (Some(other(6)), 0, (at(4), None, false, true)),
            (Some(other(10)), 0, (at(4), None, false, true)),
            (Some(at(11)), 0, (at(4), None, false, true)),
            (Some(at(Seq::MAX)), 0, (at(4), None, false, true)),
        ] {
            let may = May {
                on: true,
                all: true,
            };
            let got = end(&of(since, history), may);
            assert_eq!(got, wanted, "{since:?} {history}");
        }
    }

    #[test]
    fn who_may_not_begins_at_the_head_whatever_it_says() {
        let not = |from| Some((from, 10, NO_HISTORY.to_owned()));
        for (since, wanted) in [
            (None, (at(10), None, false, false)),
            (Some(at(10)), (at(10), None, true, false)),
            (Some(at(6)), (at(10), not(7), false, false)),
            (Some(at(2)), (at(10), not(3), false, false)),
            (Some(Position::new(6, Tag(99))), (at(10), None, false, true)),
            (Some(at(11)), (at(10), None, false, true)),
        ] {
            let may = May {
                on: false,
                all: false,
            };
            assert_eq!(end(&of(since, 0), may), wanted, "{since:?}");
        }
    }

    #[test]
    fn who_was_here_and_may_have_no_more_goes_on_or_begins_at_the_head() {
        for (since, wanted) in [
            (at(6), (at(6), None, true, false)),
            (at(2), (at(4), Some((3, 4, NOT_KEPT.into())), false, false)),
            (Position::new(6, Tag(99)), (at(10), None, false, true)),
            (at(11), (at(10), None, false, true)),
        ] {
            let may = May {
                on: true,
                all: false,
            };
            assert_eq!(end(&of(Some(since), 0), may), wanted, "{since:?}");
        }
    }

    #[test]
    fn a_room_that_is_not_there_has_nothing_yet() {
        for (since, reset) in [(None, false), (Some(at(0)), false), (Some(at(1)), true)] {
            let joined = of(since, 5).no_room();
            assert_eq!(
                (joined.position, joined.reset),
                (Position::default(), reset)
            );
        }
    }
}
