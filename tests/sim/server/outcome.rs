//! What came of a command, without what it borrows; and replies as the proxy's link reads them.

use super::text;
use bytes::Bytes;
use hub_core::ask::{Attached, Dedupe, Joined, Lost};
use room_core::announce::{self, Kind};
use room_core::commands::outcome::{Announcement, KeyFate};
use room_core::commands::{self, Outcome};
use room_core::dedupe::DedupePolicy;
use room_core::room::Room;

/// What came of a command, without what it borrows.
#[derive(Default)]
pub(super) struct Finish {
    pub(super) told: Vec<Told>,
    pub(super) born: Option<Box<Room>>,
    pub(super) gone: bool,
}

/// A frame, and for a stored message its position, uid and payload.
pub(super) type Told = (
    Bytes,
    Option<(room_core::position::Position, String, Vec<u8>)>,
);

impl Finish {
    pub(super) fn take<R>(&mut self, outcome: Outcome<'_, R>) -> R {
        for told in &outcome.tell {
            let stored = (told.kind == Kind::Message)
                .then(|| (told.position, text(&told.uid), told.payload.to_vec()));
            self.told.push((frame(told), stored));
        }
        match outcome.key {
            KeyFate::Born(room) => self.born = Some(room),
            KeyFate::Gone => self.gone = true,
            KeyFate::Same | KeyFate::Changed => {}
        }
        outcome.reply
    }
}

pub(super) fn frame(told: &Announcement<'_>) -> Bytes {
    let mut out = Vec::new();
    announce::write(&mut out, &told.header(0), &told.payload);
    out.into()
}

pub(super) fn joined(done: &commands::Joined) -> Joined {
    Joined {
        position: done.start.position,
        head: done.head,
        pending: done.pending,
        lost: done.start.lost.map(|lost| Lost {
            from: lost.from,
            to: lost.to,
            reason: lost.reason.word().into(),
        }),
        resumed: done.start.resumed,
        reset: done.start.reset,
        new: done.new,
        members: done.members,
        online: done.online,
        kicks: done.kicks.into(),
        dedupe: dedupe(done.now, done.dedupe),
    }
}

fn dedupe(now: u64, policy: DedupePolicy) -> Option<Dedupe> {
    Some(Dedupe {
        now,
        count: policy.count,
        age: policy.age_ms,
    })
}

pub(super) fn attached(done: &commands::Attached<'_>) -> Attached {
    Attached {
        head: Some(done.head),
        gone: done.gone.iter().map(|uid| text(uid)).collect(),
        kicks: done
            .kicks
            .iter()
            .map(|(uid, kicks)| (text(uid), (*kicks).into()))
            .collect(),
        counts: Some((done.members, done.online)),
        online: done
            .who
            .as_ref()
            .map(|who| who.iter().map(|uid| text(uid)).collect()),
        dedupe: dedupe(done.now, done.dedupe),
    }
}
