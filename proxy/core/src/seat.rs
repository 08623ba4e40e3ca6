//! A connection's place in a room.

use crate::event::{Event, Login, LoginNumber};
use crate::handle::{Beat, ConnId, Handle};
use crate::history::ReadsBack;
use crate::rights::{Right, Rights};
use crate::table::Keyed;
use room_core::position::{Position, Seq, Tag};
use serde_json::value::RawValue;
use smallvec::SmallVec;
use std::sync::Arc;

/// Heartbeats without an answer whose reach is remembered; with more, one covers what two did.
const MOST_NOTES: usize = 32;

/// Where a seat takes its frames from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nowhere: its login is under way.
    Out,
    /// The ring.
    Live,
    /// It waits until its connection has room.
    Full,
    /// It has all that the room has, or more, and waits for the room.
    Ahead,
    /// It waits for the page of the log that begins with this number.
    Page(Seq),
    /// Redis is asked whether its past, which reaches to here, is this history's. In two parts: a position would make each seat
    /// eight bytes larger.
    Check(Seq, Tag),
    /// That is still to be asked.
    Doubt,
    /// Nowhere: its client may not read. What it has not had waits for it in the log.
    Mute,
    /// Its connection is gone, and will say so.
    Gone,
}

impl State {
    pub(crate) const fn check(at: Position) -> Self {
        Self::Check(at.seq, at.tag)
    }
}

/// What the client will have had when it answers a heartbeat.
type Notes = SmallVec<[(Beat, Position); 2]>;

/// What the seat's next events wait for.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) why: Why,
    /// What came meanwhile, with its bytes.
    pub(crate) queue: Vec<(Event, usize)>,
    /// The key went meanwhile: the answer may be of the room that was there before.
    pub(crate) gone: bool,
}

/// See [`Waiting`].
#[derive(Debug)]
pub(crate) enum Why {
    /// A login; not asked yet if the room is not subscribed.
    Login {
        login: Box<Login>,
        bytes: usize,
        came: u64,
        asked: bool,
        heard: Option<Heard>,
    },
    /// The room joins again by itself.
    Again { heard: Option<Heard> },
    /// The end of the membership.
    Leave,
}

/// A kick or the end of the membership that was heard while a join was unanswered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Why it was kicked.
    pub(crate) kicked: Option<String>,
}

/// It is to be told when it has what was there, up to `promised`, when its login `came`.
#[derive(Debug)]
pub(crate) struct Synced {
    pub(crate) promised: Seq,
    pub(crate) came: u64,
}

/// Its client was told that its own message is here.
#[derive(Clone, Copy, Debug)]
struct Vouched {
    at: Position,
    /// That was before a history that may have gone: it is asked about before what is told of a newer message takes its place.
    before: bool,
    /// It is not further on than what the seat was handed, and probably of another history.
    strange: bool,
    /// What it was told since, while this was still to be asked about; and whether that is to be asked about too.
    newer: Option<(Position, bool)>,
}

impl Vouched {
    const fn new(at: Position, before: bool, strange: bool) -> Self {
        Self {
            at,
            before,
            strange,
            newer: None,
        }
    }
}

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Seat<H> {
    pub(crate) conn: ConnId,
    pub(crate) handle: H,
    /// The client's last login here.
    pub(crate) number: LoginNumber,
    pub(crate) uid: Arc<str>,
    pub(crate) name: Option<Arc<RawValue>>,
    /// It confirms by `ack` events, or, as a guest, not at all: an answer to a heartbeat says nothing of what it has.
    pub(crate) acks: bool,
    /// It is here without belonging to the room: Redis knows nothing of it.
    pub(crate) guest: bool,
    pub(crate) rights: Rights,
    pub(crate) owes_synced: Option<Box<Synced>>,
    /// It was elsewhere than in the ring since it was live: events that are not stored passed it by.
    pub(crate) strayed: bool,
    /// Its uid is said to be no member: it ends if its past is of this history, else it joins again.
    pub(crate) gone: bool,
    pub(crate) state: State,
    /// It was handed everything up to here.
    pub(crate) sent: Position,
    /// Where its login began; where the room's history is another one since, where it began anew in that. In two parts as well.
    began: Seq,
    began_tag: Tag,
    /// Live: the number of the next chunk.
    pub(crate) next: u64,
    /// Until it was handed that.
    vouched: Option<Box<Vouched>>,
    /// What the answers to heartbeats will confirm. A connection at rest keeps no memory for it.
    notes: Option<Box<Notes>>,
    pub(crate) waiting: Option<Box<Waiting>>,
    pub(crate) reads_back: Option<Box<ReadsBack>>,
}

impl<H> Keyed for Seat<H> {
    type Key = ConnId;
    fn key(&self) -> &ConnId {
        &self.conn
    }
}

impl<H: Handle> Seat<H> {
    /// One whose login begins.
    pub(crate) fn new(conn: ConnId, handle: H, login: &Login) -> Self {
        Self {
            conn,
            handle,
            number: login.number,
            uid: login.uid.clone(),
            name: login.name.clone(),
            acks: login.acks,
            guest: false,
            rights: login.rights,
            owes_synced: None,
            strayed: false,
            gone: false,
            state: State::Out,
            sent: Position::default(),
            began: 0,
            began_tag: Tag::default(),
            next: 0,
            vouched: None,
            notes: None,
            waiting: None,
            reads_back: None,
        }
    }

    /// It begins, or begins anew, with everything up to `at`.
    pub(crate) fn restart(&mut self, at: Position) {
        self.skip_to(at);
        self.notes = None;
    }

    /// It goes on behind what is gone. What it was handed before that its client may still confirm.
    pub(crate) fn skip_to(&mut self, at: Position) {
        self.sent = at;
        self.gone = false;
        self.vouched = None;
    }

    pub(crate) const fn began(&self) -> Position {
        Position::new(self.began, self.began_tag)
    }

    pub(crate) const fn set_began(&mut self, at: Position) {
        (self.began, self.began_tag) = (at.seq, at.tag);
    }

    /// Its client was told that its message is stored at `at`; `back`: though the room was further on when it was asked.
    pub(crate) fn vouch(&mut self, at: Position, back: bool) {
        let strange = at.seq <= self.sent.seq;
        if let Some(first) = self.open_word().filter(|word| word.before) {
            let newest = |(newer, before): (Position, bool)| back || before || at.seq > newer.seq;
            if at != first.at && (back || !strange) && first.newer.is_none_or(newest) {
                let newer = Some((at, false));
                self.vouched = Some(Box::new(Vouched { newer, ..first }));
            }
            return;
        }
        let news = match strange {
            true => back && at != self.sent,
            false => at.seq > self.past().seq,
        };
        if news {
            self.vouched = Some(Box::new(Vouched::new(at, false, strange)));
        }
    }

    /// Its client was told, before it began anew, that its message is stored at `at`: that is to be asked about.
    pub(crate) fn was_told(&mut self, at: Position) {
        self.vouched = Some(Box::new(Vouched::new(at, true, false)));
    }

    /// The history may not be what it was: what was told of it is to be asked about, or (if `true`) is true.
    pub(crate) fn set_believed(&mut self, believed: bool) {
        if let Some(word) = &mut self.vouched {
            word.before = !believed;
            if let Some((_, before)) = &mut word.newer {
                *before |= !believed;
            }
        }
    }

    fn open_word(&self) -> Option<Vouched> {
        let word = **self.vouched.as_ref()?;
        if word.strange || word.at.seq > self.sent.seq {
            return Some(word);
        }
        let newer = word.newer.filter(|newer| newer.0.seq > self.sent.seq);
        newer.map(|(at, before)| Vouched::new(at, before, false))
    }

    /// What its client was told is stored, and what it was handed does not show.
    pub(crate) fn vouched(&self) -> Option<Position> {
        self.open_word().map(|word| word.at)
    }

    /// What its client was told is true up to `at`, and what it was told since takes its place: if that is to be asked about.
    pub(crate) fn next_word(&mut self, at: Position) -> Option<Position> {
        let word = self.vouched.as_mut()?;
        let (newer, before) = word.newer.take()?;
        if newer.seq <= at.seq {
            return None;
        }
        **word = Vouched::new(newer, before, false);
        before.then_some(newer)
    }

    /// What its client was told on this link while something older was to be asked about.
    pub(crate) fn newer_word(&self) -> Option<Position> {
        let (newer, before) = self.vouched.as_ref()?.newer?;
        (!before).then_some(newer)
    }

    /// What its client was told of a message that is no further on is settled. Whether that was it.
    pub(crate) fn settle_strange(&mut self, at: Position) -> bool {
        let taken = self.vouched.take_if(|word| word.strange && word.at == at);
        let newer = taken.as_ref().and_then(|word| word.newer);
        if let Some((newer, before)) = newer {
            self.vouched = Some(Box::new(Vouched::new(newer, before, false)));
        }
        taken.is_some()
    }

    /// The newest of what its client was told of the room's history.
    pub(crate) fn past(&self) -> Position {
        let further = self.open_word().filter(|word| !word.strange);
        further.map_or(self.sent, |word| word.at)
    }

    /// Whether its client was told of a message that the room's history up to `at` does not show.
    pub(crate) fn is_ahead_of(&self, at: Position) -> bool {
        let ahead = |word: Vouched| {
            let newer = word.newer.is_some_and(|newer| newer.0.seq > at.seq);
            word.strange || word.at.seq > at.seq || newer
        };
        self.open_word().is_some_and(ahead)
    }

    /// It was handed everything up to `sent`; the answer to heartbeat `beat` confirms that.
    pub(crate) fn handed(&mut self, sent: Position, beat: Beat) {
        self.sent = sent;
        if self.vouched.is_some() && self.open_word().is_none() {
            self.vouched = None;
        }
        if self.acks {
            return;
        }
        let notes = self.notes.get_or_insert_default();
        let full = notes.len() >= MOST_NOTES;
        match notes.last_mut() {
            Some(last) if full || last.0 == beat => *last = (beat, sent),
            _ => notes.push((beat, sent)),
        }
    }

    /// The client answered a heartbeat: what that confirms.
    pub(crate) fn answered(&mut self, beat: Beat) -> Option<Position> {
        let notes = self.notes.as_mut()?;
        let many = notes.partition_point(|note| note.0 <= beat);
        let to = notes.drain(..many).next_back().map(|note| note.1);
        if notes.is_empty() {
            self.notes = None;
        }
        to
    }

    /// Its past may be of another history: that is to be asked.
    pub(crate) fn doubt(&mut self) {
        self.state = State::Doubt;
        self.strayed = true;
        self.set_believed(false);
    }

    /// Whether it waits for a login as somebody: as a guest too, if that counts.
    pub(crate) fn comes_as(&self, uid: &str, guests: bool) -> bool {
        match self.waiting.as_ref().map(|waiting| &waiting.why) {
            Some(Why::Login { login, .. }) => &*login.uid == uid && (guests || !login.guest),
            _ => false,
        }
    }

    pub(crate) const fn may(&self, right: Right) -> bool {
        self.rights.has(right)
    }

    /// Whether the client can have processed everything up to here.
    pub(crate) fn was_sent(&self, to: Position) -> bool {
        to.seq < self.sent.seq || to == self.sent
    }

    /// Whether frames go to it: not while its own login is under way.
    pub(crate) fn is_seated(&self) -> bool {
        !matches!(self.state, State::Out | State::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::admission::Admission;
    use crate::handle::{Push, Pushed};
    use bytes::Bytes;
    use room_core::position::Tag;

    #[derive(Clone)]
    struct Nobody;

    impl Handle for Nobody {
        fn push(&self, _: u64, _: &Bytes, _: Push) -> Pushed {
            Pushed::Gone
        }
        fn done(&self, _: usize) {}
        fn ended(&self, _: &Arc<str>, _: LoginNumber) {}
    }

    fn at(seq: Seq) -> Position {
        Position::new(seq, Tag(seq as u32))
    }

    fn seat(acks: bool) -> Seat<Nobody> {
        let login = Login {
            number: 1,
            uid: "ann".into(),
            name: None,
            since: None,
            history: 0,
            acks,
            guest: false,
            rights: Rights::ALL,
            told: None,
            admission: Admission::Free,
        };
        Seat::new(1, Nobody, &login)
    }

    #[test]
    fn who_acknowledges_itself_is_believed_about_what_was_sent() {
        let mut seat = seat(true);
        seat.restart(at(3));
        seat.handed(at(7), 1);
        assert!(seat.was_sent(at(7)) && seat.was_sent(at(5)));
        assert!(!seat.was_sent(at(8)), "not sent yet");
        assert!(!seat.was_sent(Position::new(7, Tag(1))), "another history");
        assert_eq!(seat.answered(5), None, "heartbeats confirm nothing for it");
    }

    #[test]
    fn an_answer_covers_what_was_handed_before_its_question() {
        let mut seat = seat(false);
        for (seq, beat) in [(1, 1), (2, 1), (3, 2), (4, 4)] {
            seat.handed(at(seq), beat);
        }
        assert_eq!(seat.answered(1), Some(at(2)));
        assert_eq!(seat.answered(1), None);
        assert_eq!(seat.answered(3), Some(at(3)));
        assert_eq!(seat.answered(4), Some(at(4)));
        // Very many questions without an answer: the last ones are as one.
        for seq in 5..200 {
            seat.handed(at(seq), seq);
        }
        assert_eq!(seat.answered(150), Some(at(35)));
        assert_eq!(seat.answered(199), Some(at(199)));
    }
}
