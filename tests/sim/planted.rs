//! Defects on request, which show that they would be noticed. Four are the hub's own (see [`Broken`]); the others are what hubs
//! and shells once did wrong, done by the small shell here, so that nothing of it is in the real ones.

use crate::random::Random;
use hub_core::ask::{Answer, Ask, Attached, Fault, Request};
use hub_core::settings::Broken;
use room_core::announce::{self, Kind, control};
use room_core::position::Position;
use std::collections::HashMap;
use std::sync::Arc;

/// A defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    /// What was handed to a connection is acknowledged before its client confirmed it.
    AckEarly,
    /// A hole in the numbers is not looked at.
    NoGapCheck,
    /// Messages are stored without their ids.
    NoDedupe,
    /// An acknowledgement counts as reported before Redis answered.
    AckUnanswered,
    /// An ATTACH that was refused is taken for done.
    AttachRefused,
    /// A kick that overtakes the answer to its JOIN is lost.
    KickOvertakes,
    /// A kick during a reconnect is not told.
    KickUntold,
    /// A room is live after a reconnect without being subscribed.
    Deaf,
    /// Some pages of the log never come.
    PageForgotten,
    /// It is not told that a position is of another history.
    ResetUntold,
    /// It is not told that messages were dropped.
    LostUntold,
    /// Whoever is told that messages were dropped counts as having read that.
    LossRead,
    /// Some messages are said to be refused, and are stored.
    RefusedStored,
    /// Connections take whatever comes.
    Boundless,
    /// The ends of sessions are not reported.
    DetachForgotten,
    /// Some connections that are gone keep their seats.
    SeatStays,
    /// Redis says that the sessions have ended, and nobody announces them again.
    AnnounceIgnored,
    /// A JOIN that was refused in passing is never answered.
    JoinForgotten,
    /// Nobody follows where the owner of a slot points for a key that went before it.
    AskIgnored,
    /// Nor says to the server there that it is asked all the same.
    AskingForgotten,
    /// Nor notices that the server ended a subscription.
    UnsubscribedIgnored,
    /// Nor that a key went to another server.
    MovedIgnored,
    /// Pages of history lack their first message.
    HistoryHole,
    /// A server that another one has replaced is linked again by who heard of that.
    StaleLinked,
    /// After a switch a room is taken to be where it was at the primary that was replaced.
    StaleKept,
    /// What clients ask goes to the server where the room is now, before what they asked the one before comes back.
    Hasty,
}

impl Planted {
    pub(crate) const ALL: [(&'static str, Self); 26] = [
        ("ack-early", Self::AckEarly),
        ("no-gap-check", Self::NoGapCheck),
        ("no-dedupe", Self::NoDedupe),
        ("ack-unanswered", Self::AckUnanswered),
        ("attach-refused", Self::AttachRefused),
        ("kick-overtakes", Self::KickOvertakes),
        ("kick-untold", Self::KickUntold),
        ("deaf", Self::Deaf),
        ("page-forgotten", Self::PageForgotten),
        ("reset-untold", Self::ResetUntold),
        ("lost-untold", Self::LostUntold),
        ("loss-read", Self::LossRead),
        ("refused-stored", Self::RefusedStored),
        ("boundless", Self::Boundless),
        ("detach-forgotten", Self::DetachForgotten),
        ("seat-stays", Self::SeatStays),
        ("announce-ignored", Self::AnnounceIgnored),
        ("join-forgotten", Self::JoinForgotten),
        ("ask-ignored", Self::AskIgnored),
        ("asking-forgotten", Self::AskingForgotten),
        ("unsubscribed-ignored", Self::UnsubscribedIgnored),
        ("moved-ignored", Self::MovedIgnored),
        ("history-hole", Self::HistoryHole),
        ("stale-linked", Self::StaleLinked),
        ("stale-kept", Self::StaleKept),
        ("hasty", Self::Hasty),
    ];

    /// The one that the hub has.
    pub(crate) const fn of_hub(self) -> Option<Broken> {
        match self {
            Self::AckEarly => Some(Broken::AckEarly),
            Self::NoGapCheck => Some(Broken::NoGapCheck),
            Self::LossRead => Some(Broken::LossRead),
            Self::Hasty => Some(Broken::Hasty),
            _ => None,
        }
    }
}

/// What becomes of a question.
pub(crate) enum Fate {
    Sent,
    /// It is sent, and taken for answered like this at once.
    SentAndAnswered(Answer),
    /// It is not sent at all.
    Answered(Answer),
}

/// A proxy's defect.
pub(crate) struct Defect {
    pub(crate) what: Option<Planted>,
    /// What was asked and is not answered yet; only with a defect.
    open: HashMap<Request, Ask>,
    /// Where rooms were announced to be, since the last switch and before it.
    heads: HashMap<Arc<str>, Position>,
    kept: HashMap<Arc<str>, Position>,
    random: Random,
}

impl Defect {
    pub(crate) fn new(what: Option<Planted>, random: Random) -> Self {
        Self {
            what,
            open: HashMap::new(),
            heads: HashMap::new(),
            kept: HashMap::new(),
            random,
        }
    }

    pub(crate) fn is(&self, what: Planted) -> bool {
        self.what == Some(what)
    }

    /// True once in `n` times, with this defect.
    pub(crate) fn strikes(&mut self, what: Planted, n: u64) -> bool {
        self.is(what) && self.random.once_in(n)
    }

    /// A question is to be sent; `first`: on the first link of its process.
    pub(crate) fn asked(&mut self, request: Request, ask: &mut Ask, first: bool) -> Fate {
        let Some(what) = self.what else {
            return Fate::Sent;
        };
        let fate = match (what, &mut *ask) {
            (Planted::NoDedupe, Ask::Publish { id, .. }) => {
                *id = None;
                Fate::Sent
            }
            (Planted::AckUnanswered, Ask::Ack(..)) => Fate::SentAndAnswered(Answer::Done),
            (Planted::Deaf, Ask::Subscribe) if !first => Fate::Answered(Answer::Done),
            (Planted::DetachForgotten, Ask::Detach(_)) => Fate::Answered(Answer::Done),
            _ => Fate::Sent,
        };
        if matches!(fate, Fate::Sent) {
            self.open.insert(request, ask.clone());
        }
        fate
    }

    /// An answer came. Whether the hub hears of it.
    pub(crate) fn answered(
        &mut self,
        request: Request,
        answer: &mut Result<Answer, Fault>,
    ) -> bool {
        let Some(what) = self.what else { return true };
        let Some(ask) = self.open.remove(&request) else {
            return false;
        };
        match (what, &mut *answer, ask) {
            (Planted::AttachRefused, Err(fault), Ask::Attach(_)) if fault.passes() => {
                *answer = Ok(Answer::Attached(Attached::default()));
            }
            (Planted::JoinForgotten, Err(fault), Ask::Join { .. }) if fault.passes() => {
                return false;
            }
            (Planted::KickUntold, Ok(Answer::Attached(attached)), _) => attached.kicks.clear(),
            (Planted::PageForgotten, Ok(Answer::Range(_)), _) => return !self.random.once_in(20),
            (Planted::HistoryHole, Ok(Answer::Back(back)), _) if back.range.rows.len() > 1 => {
                let first = back.range.rows.remove(0);
                let before = back.range.before;
                back.range.before = before.next(first.ms, first.uid.as_bytes(), &first.payload);
            }
            (Planted::ResetUntold, Ok(Answer::Joined(joined)), _) => joined.reset = false,
            (Planted::LostUntold, Ok(Answer::Joined(joined)), _) => joined.lost = None,
            (Planted::RefusedStored, Ok(Answer::Published(_)), _) if self.random.once_in(100) => {
                *answer = Err(crate::server::refused("OOM"));
            }
            _ => {}
        }
        true
    }

    /// Something is announced. Whether the hub hears of it.
    pub(crate) fn hears(&self, frame: &[u8]) -> bool {
        if !self.is(Planted::KickOvertakes) && !self.is(Planted::MovedIgnored) {
            return true;
        }
        let Some((header, payload)) = announce::parse(frame) else {
            return true;
        };
        let says =
            |word: &str| header.kind == Kind::Control && payload.starts_with(word.as_bytes());
        if self.is(Planted::MovedIgnored) {
            return !says(control::MOVED);
        }
        let kick = says(control::KICKED);
        let joins = |ask: &Ask| matches!(ask, Ask::Join { uid, .. } if **uid == *header.uid);
        !(kick && self.open.values().any(joins))
    }

    /// Something is announced in a room.
    pub(crate) fn heard(&mut self, room: &Arc<str>, frame: &[u8]) {
        if !self.is(Planted::StaleKept) {
            return;
        }
        if let Some((header, _)) = announce::parse(frame)
            && header.kind == Kind::Message
        {
            self.heads.insert(room.clone(), header.position());
        }
    }

    /// There is another primary.
    pub(crate) fn switches(&mut self) {
        self.kept = std::mem::take(&mut self.heads);
    }

    /// Where a room is said to be that is announced again.
    pub(crate) fn keeps(&mut self, room: &Arc<str>, answer: &mut Result<Answer, Fault>) {
        if let Ok(Answer::Attached(attached)) = answer
            && let Some(head) = self.kept.remove(room)
        {
            attached.head = Some(head);
        }
    }

    /// A link is gone, and all questions with it.
    pub(crate) fn link_down<'a>(&mut self, open: impl Iterator<Item = &'a Request>) {
        for request in open {
            self.open.remove(request);
        }
    }
}
