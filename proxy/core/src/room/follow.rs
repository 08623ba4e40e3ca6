//! Announcements: what follows goes into the ring, what does not is looked up in the log.

use super::Room;
use crate::cx::Cx;
use crate::events;
use crate::handle::Handle;
use crate::settings::Broken;
use bytes::Bytes;
use room_core::announce::{self, Header, Kind, control};
use room_core::position::{Position, Seq};
use std::collections::VecDeque;
use std::sync::Arc;

/// Messages that are kept, not judged yet, while the room reads the log or does not know where it is.
#[derive(Debug, Default)]
pub(super) struct Gather {
    pub(super) frames: VecDeque<Bytes>,
    size: usize,
    /// The head of the first answer: the log is read up to here.
    pub(super) bound: Option<Seq>,
    /// A `ROOM.RANGE` is under way.
    pub(super) asked: bool,
    /// Frames were dropped while it was: its answer says nothing of them.
    pub(super) stale: bool,
    /// So many of the frames came before it was asked: what of them is beyond its answer is of a history that is no more.
    pub(super) early: usize,
    /// What came during the last answer, in bytes.
    pub(super) grown: usize,
}

/// What a message is to the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Next,
    Duplicate,
    /// Messages are missing before it.
    Gap,
    /// It is older than the room's position, and not remembered.
    Unknown,
    /// It contradicts the room's position.
    Contradicts,
}

impl<H: Handle> Room<H> {
    /// An announcement came on the room's channel.
    pub(crate) fn announced(&mut self, frame: &[u8], cx: &mut Cx<'_, H>) {
        let Some((header, payload)) = announce::parse(frame) else {
            return;
        };
        if header.db != cx.settings.db {
            return;
        }
        let news = self.counts.announced(header.members, header.online);
        match header.kind {
            // Numbers begin at 1: whoever says that is no module, and there is nothing to look up.
            Kind::Message if header.seq == 0 => {}
            Kind::Message => self.message(frame, &header, payload, cx),
            Kind::Ephemeral => {
                let roomid = &self.roomid;
                self.ring.push_event(cx.settings.page, |out| {
                    events::put_live(out, roomid, &header, payload);
                });
                self.wake(cx);
            }
            Kind::Presence => self.presence(&header, payload, news, cx),
            Kind::Control => self.control(&header, payload, cx),
        }
    }

    fn message(&mut self, frame: &[u8], header: &Header<'_>, payload: &[u8], cx: &mut Cx<'_, H>) {
        if self.gather.is_some() || !self.knows {
            return self.keep(frame, header.seq, cx);
        }
        let careless = cx.settings.broken == Some(Broken::NoGapCheck);
        match self.judge(header, payload) {
            Verdict::Duplicate => {}
            Verdict::Next => self.take(header, payload, cx),
            _ if careless => self.take(header, payload, cx),
            Verdict::Gap | Verdict::Contradicts => {
                self.keep(frame, header.seq, cx);
                self.read_missed(cx);
            }
            Verdict::Unknown => {
                self.keep(frame, header.seq, cx);
                self.verify(header.seq, cx);
            }
        }
    }

    fn judge(&mut self, header: &Header<'_>, payload: &[u8]) -> Verdict {
        let (at, frame) = (self.ring.at(), header.position());
        let follows = |before: Position| {
            frame.seq == before.seq.saturating_add(1)
                && before.next(header.ms, header.uid.as_bytes(), payload) == frame
        };
        if frame.seq > at.seq {
            return match frame.seq == at.seq.saturating_add(1) {
                true if follows(at) => Verdict::Next,
                true => Verdict::Contradicts,
                false => Verdict::Gap,
            };
        }
        if self.ring.has(frame) {
            return Verdict::Duplicate;
        }
        match &mut self.trail {
            _ if frame.seq == at.seq => Verdict::Contradicts,
            Some(trail) if follows(**trail) => {
                **trail = frame;
                Verdict::Duplicate
            }
            _ => Verdict::Unknown,
        }
    }

    fn take(&mut self, header: &Header<'_>, payload: &[u8], cx: &mut Cx<'_, H>) {
        let roomid = &self.roomid;
        self.ring.push(header.position(), cx.settings.page, |out| {
            events::put_live(out, roomid, header, payload);
        });
        self.trail = None;
        self.wake(cx);
        self.ring.measure(header.ms, self.left);
    }

    /// Keeps a message until it is known what it follows.
    fn keep(&mut self, frame: &[u8], seq: Seq, cx: &mut Cx<'_, H>) {
        let gather = self.gather.get_or_insert_default();
        if gather.bound.is_some_and(|bound| seq <= bound) {
            return;
        }
        if gather.size + frame.len() > cx.settings.ring {
            // What is dropped is in the log: an answer to a question that is asked from now on has it.
            cx.figures.dropped += gather.frames.len() as u64 + 1;
            **gather = Gather {
                asked: gather.asked,
                stale: gather.asked,
                ..Gather::default()
            };
            return;
        }
        gather.size += frame.len();
        gather.grown += frame.len();
        gather.frames.push_back(Bytes::copy_from_slice(frame));
    }

    /// Judges what was kept, now that the room is at the bound.
    pub(super) fn replay(&mut self, cx: &mut Cx<'_, H>) {
        let Some(gather) = self.gather.take() else {
            return;
        };
        for frame in gather.frames {
            if let Some((mut header, payload)) = announce::parse(&frame) {
                // Who is online was told meanwhile: the message counts as of now.
                (header.members, header.online) = (self.counts.total, self.counts.online);
                self.message(&frame, &header, payload, cx);
            }
        }
        if let Some(gather) = self.gather.as_mut().filter(|gather| gather.asked) {
            gather.early = gather.frames.len();
        }
    }

    /// The room learns where it is, unless it knows.
    pub(super) fn start(&mut self, head: Position, cx: &mut Cx<'_, H>) {
        if self.knows {
            return;
        }
        self.knows = true;
        self.ring.start(head);
        self.trail = None;
        if let Some(gather) = &mut self.gather {
            gather.frames.retain(|frame| {
                announce::parse(frame).is_some_and(|(header, _)| header.seq > head.seq)
            });
        }
        self.replay(cx);
        self.wake(cx);
    }

    /// `news`: the counters are not those that were told last.
    fn presence(&mut self, header: &Header<'_>, payload: &[u8], news: bool, cx: &mut Cx<'_, H>) {
        let text = std::str::from_utf8(payload).unwrap_or_default();
        if let Some(whereabouts) = &mut self.whereabouts {
            whereabouts.hear(text);
        }
        // Nobody is told of itself: whoever is named here learns the counters by themselves.
        let named_here = |line: &str| {
            let uid = line.strip_prefix(['+', '-']);
            uid.is_some_and(|uid| self.book.is_here(uid))
        };
        if text.is_empty() || news && text.lines().any(named_here) {
            self.counters_changed(header.ms, cx);
        } else {
            self.names_changed(header.ms, cx);
        }
        let roomid = self.roomid.clone();
        let mut here: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix('=').map(str::to_owned))
            .collect();
        if !here.is_empty() {
            self.add_own(&mut here);
            let num = header.online.max(here.len() as u64);
            let event = events::presence(&roomid, header.members, num, Some(&here));
            self.ring
                .push_names(None, |out| out.extend_from_slice(&event));
        }
        for line in text.lines() {
            let (ms, total, num) = (header.ms, header.members, header.online);
            let Some((sign, uid)) = line.split_at_checked(1) else {
                continue;
            };
            let except: Option<Arc<str>> = Some(uid.into());
            match sign {
                "+" => self.ring.push_names(except, |out| {
                    events::put_came(out, &roomid, uid, ms, total, num);
                }),
                "-" => self.ring.push_names(except, |out| {
                    events::put_went(out, &roomid, uid, ms, total, num);
                }),
                _ => {}
            }
        }
        self.wake(cx);
        self.compare(header, cx);
    }

    /// Frames that carry the head's position show whether a message before them was lost.
    fn compare(&mut self, header: &Header<'_>, cx: &mut Cx<'_, H>) {
        let Some(at) = self.at().filter(|_| self.gather.is_none()) else {
            return;
        };
        let behind = at.seq < header.seq || (at.seq == header.seq && at != header.position());
        if behind && cx.settings.broken != Some(Broken::NoGapCheck) {
            self.read_missed(cx);
        }
    }

    fn control(&mut self, header: &Header<'_>, payload: &[u8], cx: &mut Cx<'_, H>) {
        let text = String::from_utf8_lossy(payload);
        let (word, reason) = text.split_once(' ').unwrap_or((&text, ""));
        match word {
            control::LEFT => {
                if let Some(whereabouts) = &mut self.whereabouts {
                    whereabouts.hear(&format!("-{}", header.uid));
                }
                self.end_uid(header.uid, None, "left", cx);
                let (roomid, uid) = (self.roomid.clone(), header.uid);
                self.ring.push_names(Some(uid.into()), |out| {
                    events::put_went(out, &roomid, uid, header.ms, header.members, header.online);
                });
                self.names_changed(header.ms, cx);
                self.wake(cx);
            }
            control::KICKED => self.end_uid(header.uid, Some(reason), "", cx),
            control::GONE => {
                self.doubt_joins();
                self.lose_history(cx);
            }
            control::MOVED => self.key_moved(cx),
            _ => {}
        }
    }
}
