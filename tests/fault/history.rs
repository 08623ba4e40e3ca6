//! What happened: what each client sent, was told and saw, and what the room held in the end.

use room_core::position::{Position, Seq};
use std::fmt::Write;

/// What kind of client it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As `room.js`: remembers its position, sends with ids until confirmed, confirms what it processed.
    Careful,
    /// As the tutorial's: logs in, sends, answers heartbeats from its message handler.
    Plain,
    /// A page with the npm package, whose handlers are slow or fail, and which is loaded anew.
    Package,
}

/// One thing that a client did or met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The server let it in: where it starts, whether it became a member only now.
    Login { position: Position, new: bool },
    /// It handed this text to its socket.
    Sent(String),
    /// It knows that this text is stored.
    Confirmed(String),
    /// It was told that this text is not sent again, and why.
    GaveUp { text: String, why: String },
    /// Its application got this text of this uid.
    Saw {
        position: Position,
        uid: String,
        text: String,
    },
    /// Its application was given what is at this position, and failed.
    Failed(Position),
    /// It was loaded anew.
    Reloaded,
    /// It went for good.
    Gone,
    /// It got what it remembered, and dropped it.
    Repeated(Position),
    /// It was told that these are gone.
    Lost { from: Seq, to: Seq, reason: String },
    /// It was told that what it saw may not be the history; it goes on after this.
    Reset(Position),
    /// Its connection ended.
    Ended,
}

/// Milliseconds since the run began, and what happened.
pub(crate) type Moment = (u64, Event);

/// What one client (a device) met.
#[derive(Clone, Debug)]
pub(crate) struct Diary {
    pub(crate) device: String,
    pub(crate) uid: String,
    pub(crate) kind: Kind,
    /// Another client has the same uid.
    pub(crate) shared: bool,
    pub(crate) moments: Vec<Moment>,
}

impl Diary {
    /// Of one that met nothing yet.
    pub(crate) fn empty(device: &str, uid: &str, kind: Kind, shared: bool) -> Self {
        Self {
            device: device.to_owned(),
            uid: uid.to_owned(),
            kind,
            shared,
            moments: Vec::new(),
        }
    }

    /// Whether it was not there any more in the end, to see the rest or to be told.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.moments.last(), Some((_, Event::Gone)))
    }
}

/// A stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) position: Position,
    pub(crate) uid: String,
    pub(crate) text: String,
}

/// What may have happened to the room.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowed {
    /// The room was replaced, rolled back, or lost a tail.
    pub(crate) other_history: bool,
    /// A limit dropped messages.
    pub(crate) drops: bool,
}

/// A whole run.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) allowed: Allowed,
    pub(crate) diaries: Vec<Diary>,
    /// What the room holds in the end, in order, and the position before it.
    pub(crate) before: Position,
    pub(crate) log: Vec<Stored>,
    /// When somebody looked, a uid's cursor was there.
    pub(crate) cursors: Vec<(u64, String, Seq)>,
    /// Who was not at rest in the end, and why.
    pub(crate) restless: Vec<String>,
}

impl History {
    /// Whether a device gave the first of these up before it sent the second, or does not wait until one message is confirmed before
    /// it sends the next, and sent these two on different connections: a proxy that stands still may read the first one late.
    pub(crate) fn may_overtake(&self, device: &str, first: u64, second: u64) -> bool {
        if self.gave_up(&format!("{device}-{first}")) {
            return true;
        }
        let diary = self.diaries.iter().find(|diary| diary.device == device);
        let Some(diary) = diary.filter(|diary| diary.kind == Kind::Plain) else {
            return false;
        };
        let sent = |number: u64| {
            let text = format!("{device}-{number}");
            let mut moments = diary.moments.iter();
            moments.position(|(_, event)| *event == Event::Sent(text.clone()))
        };
        let (Some(first), Some(second)) = (sent(first), sent(second)) else {
            return false;
        };
        let mut between = diary.moments[first..second.max(first)].iter();
        between.any(|(_, event)| *event == Event::Ended)
    }

    /// Whether somebody was told that this text is not sent again.
    pub(crate) fn gave_up(&self, wanted: &str) -> bool {
        let mut moments = self.diaries.iter().flat_map(|diary| &diary.moments);
        moments.any(|(_, event)| matches!(event, Event::GaveUp { text, .. } if text == wanted))
    }

    /// Keeps it in a file for whoever looks into a failure.
    pub(crate) fn keep(&self, name: &str) {
        let path = std::env::temp_dir().join(format!("roomcast-fault-{name}.txt"));
        let _ = std::fs::write(&path, self.told());
        eprintln!("the whole history: {}", path.display());
    }

    fn told(&self) -> String {
        let mut out = format!("{:?}\nbefore {}\n", self.allowed, self.before);
        for row in &self.log {
            let _ = writeln!(out, "log {} {} {}", row.position, row.uid, row.text);
        }
        for (ms, uid, cursor) in &self.cursors {
            let _ = writeln!(out, "cursor {ms} {uid} {cursor}");
        }
        for diary in &self.diaries {
            let _ = writeln!(
                out,
                "\n{} as {} ({:?})",
                diary.device, diary.uid, diary.kind
            );
            for (ms, event) in &diary.moments {
                let _ = writeln!(out, "{ms:>7} {event:?}");
            }
        }
        out
    }
}
